/* EXPECT: verdict=none
 * An eventfd that the kernel itself signals, when a poll submitted by io_submit finds a timer expired. */
#include <linux/aio_abi.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

#include "fixture.h"

int main(void)
{
	aio_context_t context = 0;
	uint64_t n;
	fixture_begin();
	int done = eventfd(0, 0), timer = timerfd_create(CLOCK_MONOTONIC, 0);
	struct itimerspec late = {.it_value = {1, 200000000}};
	MUST(timerfd_settime(timer, 0, &late, NULL) == 0);
	MUST(syscall(SYS_io_setup, 1, &context) == 0);
	struct iocb job = {.aio_lio_opcode = IOCB_CMD_POLL, .aio_fildes = (uint32_t)timer, .aio_buf = POLLIN,
			   .aio_flags = IOCB_FLAG_RESFD, .aio_resfd = (uint32_t)done};
	struct iocb *jobs[] = {&job};
	MUST(syscall(SYS_io_submit, context, 1, jobs) == 1);
	MUST(read(done, &n, sizeof(n)) == sizeof(n));
	return 0;
}
