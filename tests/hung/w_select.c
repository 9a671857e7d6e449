/* EXPECT: verdict=deadlock cause=wait-cycle|no-waker certainty=proven scope=process kind=poll
 * SIGHT: all
 * select without a time limit on a pipe that its own process alone could write to, under a high number. */
#include <sys/select.h>

#include "fixture.h"

int main(void)
{
	int ends[2];
	fd_set set;
	fixture_begin();
	MUST(pipe(ends) == 0 && dup2(ends[0], 300) == 300);
	FD_ZERO(&set);
	FD_SET(300, &set);
	return select(301, &set, NULL, NULL, NULL) * 0;
}
