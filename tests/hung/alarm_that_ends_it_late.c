/* EXPECT: verdict=deadlock cause=wait-cycle certainty=proven scope=process culprits=1
 * SIGHT: all
 * MODES: launched guarded
 * The child waits for its parent and the parent for the child's end.  A safety net of the child's own ends it in a
 * minute; that lets the parent go on, who is no culprit, but no thread of the child. */
#include "fixture.h"

int main(void)
{
	int ends[2];
	char c;
	fixture_begin();
	MUST(pipe(ends) == 0);
	pid_t child = fixture_fork();
	if (child == 0) {
		alarm(60);
		_exit((int)read(ends[0], &c, 1));
	}
	return fixture_wait(child);
}
