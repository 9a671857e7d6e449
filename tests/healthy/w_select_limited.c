/* EXPECT: verdict=none
 * pselect with a limit on a pipe of its own. */
#include <sys/select.h>

#include "fixture.h"

int main(void)
{
	struct timespec limit = {1, 200000000};
	int ends[2];
	fd_set set;
	fixture_begin();
	MUST(pipe(ends) == 0);
	FD_ZERO(&set);
	FD_SET(ends[0], &set);
	MUST(pselect(ends[0] + 1, &set, NULL, NULL, &limit, NULL) == 0);
	return 0;
}
