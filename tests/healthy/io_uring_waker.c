/* EXPECT: verdict=none
 * Everybody waits for an eventfd that only an io_uring will write, when its time-out is over. */
#include <linux/io_uring.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#include "fixture.h"

int main(void)
{
	struct io_uring_params p = {0};
	uint64_t n = 0;
	fixture_begin();
	int ring = (int)syscall(SYS_io_uring_setup, 4, &p), event = eventfd(0, 0);
	if (ring < 0) {
		fixture_sleep(0.1); /* not allowed here: nothing to look at */
		return 0;
	}
	char *sq = mmap(NULL, p.sq_off.array + p.sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	struct io_uring_sqe *sqes = mmap(NULL, p.sq_entries * sizeof(*sqes), PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	MUST(sq != MAP_FAILED && sqes != MAP_FAILED);
	MUST(syscall(SYS_io_uring_register, ring, IORING_REGISTER_EVENTFD, &event, 1) == 0);
	struct __kernel_timespec when = {.tv_sec = 1};
	sqes[0] = (struct io_uring_sqe){.opcode = IORING_OP_TIMEOUT, .fd = -1, .addr = (uint64_t)(uintptr_t)&when, .len = 1};
	*(unsigned *)(sq + p.sq_off.array) = 0;
	__atomic_store_n((unsigned *)(sq + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	MUST(syscall(SYS_io_uring_enter, ring, 1, 0, 0, NULL, 0) == 1);
	MUST(read(event, &n, sizeof(n)) == sizeof(n));
	return 0;
}
