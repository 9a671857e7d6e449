/* EXPECT: verdict=none
 * aio_suspend on a read of a pipe: a helper thread of the C library reads, the child writes late. */
#include <aio.h>

#include "fixture.h"

int main(void)
{
	int ends[2];
	char c;
	fixture_begin();
	MUST(pipe(ends) == 0);
	pid_t child = fixture_fork();
	if (child == 0) {
		fixture_sleep(LOOKALIKE_S);
		MUST(write(ends[1], "x", 1) == 1);
		_exit(0);
	}
	struct aiocb job = {.aio_fildes = ends[0], .aio_buf = &c, .aio_nbytes = 1};
	const struct aiocb *jobs[] = {&job};
	MUST(aio_read(&job) == 0 && aio_suspend(jobs, 1, NULL) == 0);
	return fixture_wait(child);
}
