/* EXPECT: verdict=deadlock cause=no-waker|wait-cycle certainty=proven scope=process kind=eventfd
 * SIGHT: all
 * Parent and child both read an eventfd that only they hold. */
#include <sys/eventfd.h>

#include "fixture.h"

int main(void)
{
	uint64_t n;
	fixture_begin();
	int fd = eventfd(0, 0);
	MUST(fd >= 0);
	fixture_fork();
	return (int)read(fd, &n, sizeof(n)) * 0;
}
