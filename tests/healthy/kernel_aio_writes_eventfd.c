/* EXPECT: verdict=none
 * Reads an eventfd that only the kernel will write, when its asynchronous poll of a timer is done. */
#include <linux/aio_abi.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

#include "fixture.h"

int main(void)
{
	aio_context_t context = 0;
	struct itimerspec when = {.it_value = {1, 200000000}};
	uint64_t n;
	fixture_begin();
	int event = eventfd(0, 0), timer = timerfd_create(CLOCK_MONOTONIC, 0);
	MUST(timerfd_settime(timer, 0, &when, NULL) == 0 && syscall(SYS_io_setup, 1, &context) == 0);
	struct iocb job = {.aio_lio_opcode = IOCB_CMD_POLL, .aio_fildes = (uint32_t)timer, .aio_buf = POLLIN,
			   .aio_flags = IOCB_FLAG_RESFD, .aio_resfd = (uint32_t)event};
	struct iocb *jobs[] = {&job};
	MUST(syscall(SYS_io_submit, context, 1, jobs) == 1);
	return read(event, &n, sizeof(n)) != sizeof(n);
}
