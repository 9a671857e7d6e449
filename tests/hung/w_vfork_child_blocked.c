/* EXPECT: verdict=deadlock cause=wait-cycle|no-waker certainty=proven scope=process
 * SIGHT: all
 * A vfork child reads a pipe that only it and its suspended parent could write to. */
#include "fixture.h"

int main(void)
{
	int ends[2];
	char c;
	fixture_begin();
	MUST(pipe(ends) == 0);
	if (vfork() == 0)
		_exit((int)read(ends[0], &c, 1));
	return 0;
}
