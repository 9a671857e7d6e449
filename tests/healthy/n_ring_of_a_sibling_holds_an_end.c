/* EXPECT: verdict=none
 * A sibling's io_uring has the pipe's writing end as a registered file, and a write to it linked behind a time-out; in no table of
 * descriptors is that end but in the reader's own.  The sibling itself waits for good. */
#include <linux/io_uring.h>
#include <sys/syscall.h>

#include "fixture.h"

static void write_late(int end)
{
	struct io_uring_params p = {0};
	static struct __kernel_timespec when = {.tv_sec = 1};
	int ring = (int)syscall(SYS_io_uring_setup, 4, &p);
	if (ring < 0) { /* not allowed here */
		MUST(write(end, "x", 1) == 1);
		return;
	}
	char *sq = mmap(NULL, p.sq_off.array + p.sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	struct io_uring_sqe *sqes = mmap(NULL, p.sq_entries * sizeof(*sqes), PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	MUST(sq != MAP_FAILED && sqes != MAP_FAILED);
	MUST(syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, &end, 1) == 0);
	sqes[0] = (struct io_uring_sqe){.opcode = IORING_OP_TIMEOUT, .fd = -1, .addr = (uint64_t)(uintptr_t)&when, .len = 1, .flags = IOSQE_IO_HARDLINK};
	sqes[1] = (struct io_uring_sqe){.opcode = IORING_OP_WRITE, .fd = 0, .addr = (uint64_t)(uintptr_t)"x", .len = 1, .flags = IOSQE_FIXED_FILE};
	for (unsigned i = 0; i < 2; i++)
		((unsigned *)(sq + p.sq_off.array))[i] = i;
	__atomic_store_n((unsigned *)(sq + p.sq_off.tail), 2, __ATOMIC_RELEASE);
	MUST(syscall(SYS_io_uring_enter, ring, 2, 0, 0, NULL, 0) == 2);
	close(end);
}

int main(void)
{
	int ends[2], other[2];
	char c;
	fixture_begin();
	MUST(pipe(ends) == 0 && pipe(other) == 0);
	pid_t child = fixture_fork();
	if (child == 0) {
		close(ends[0]), close(other[1]);
		write_late(ends[1]);
		_exit(read(other[0], &c, 1) != 0);
	}
	close(other[0]);
	MUST(read(ends[0], &c, 1) == 1);
	close(other[1]);
	return fixture_wait(child);
}
