/* The lock classifier over any memory, frames and calls: no crash, no endless loop, a bounded number of reads; and what
 * it says keeps its own rules: an owner only where the kind has one, certainty only where no check failed. */
#include <errno.h>
#include <string.h>

#include "hangdog/locks.h"

#define REGION 0x10000u
#define REGION_SIZE 4096u
#define READS_MAX 20000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_mem {
	struct hd_mem mem; /* first */
	uint8_t bytes[REGION_SIZE];
	unsigned reads;
};

static int fuzz_read(struct hd_mem *mem, uint64_t addr, void *buf, size_t len)
{
	struct fuzz_mem *m = (struct fuzz_mem *)mem;
	HD_ASSERT(++m->reads <= READS_MAX);
	if (addr < REGION || addr - REGION > REGION_SIZE || len > REGION_SIZE - (addr - REGION))
		return -EFAULT;
	memcpy(buf, m->bytes + (addr - REGION), len);
	return 0;
}

/* Names that lead to every reader; an input byte picks one, or none. */
static const char *const names[] = {NULL,
				    "pthread_mutex_lock",
				    "pthread_rwlock_rdlock",
				    "pthread_rwlock_wrlock",
				    "pthread_cond_wait",
				    "pthread_cond_destroy",
				    "sem_wait",
				    "pthread_barrier_wait",
				    "pthread_barrier_destroy",
				    "pthread_join",
				    "pthread_once",
				    "__cxa_guard_acquire",
				    "_ZNSt28__atomic_futex_unsigned_base",
				    "__platform_wait",
				    "_ZN3std14lock_contended",
				    "_ZN3std14read_contended",
				    "_ZN3std15write_contended",
				    "7condvarwait",
				    "4once5futex4call",
				    "_ZN3std6thread4park",
				    "11parking_lot9lock_slow",
				    "_ZN4absl5Mutex4LockEv",
				    "_ZN4absl7CondVar",
				    "AbslInternalSpinLockDelay",
				    "13SpinLockDelay",
				    "omp_set_lock",
				    "GOMP_parallel",
				    "3tbb6detail2r115wait_on_address",
				    "runtime.futex",
				    "PyThread_acquire_lock_timed",
				    "_PyParkingLot_Park",
				    "PyEval_RestoreThread",
				    "malloc",
				    "dlopen",
				    "fputs",
				    "localtime_r",
				    "__lll_lock_wait_private",
				    "start",
				    "__timedwait",
				    "setlocale"};
static const char *const modules[] = {NULL,
				      "/l/libc.so.6",
				      "/l/ld-musl-x86_64.so.1",
				      "/p/program",
				      "/l/libgomp.so.1",
				      "/usr/bin/python3.11",
				      "/l/_multiprocessing.so",
				      "/l/libtbb.so.12",
				      "/l/libjemalloc.so.2",
				      ""};

struct input {
	uint64_t addr, sp;
	uint32_t op, val;
	uint8_t names[8], modules[8], flags;
};

static void check(const struct hd_lock *lock, struct fuzz_mem *m)
{
	int32_t owner = 0;
	HD_ASSERT((unsigned)lock->kind < HD_LOCK_COUNT && lock->layout < HD_LAYOUT_COUNT);
	HD_ASSERT(lock->confidence != HD_CONF_HIGH || lock->check_failed == NULL);
	HD_ASSERT(lock->owner_tid >= 0 && lock->owner_tid <= 4194304);
	HD_ASSERT(lock->owner_tid == 0 || lock->owner_releases);
	HD_ASSERT(lock->name == NULL);
	(void)hd_lock_is_held(&m->mem, lock, &owner);
	HD_ASSERT(owner >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz_mem m;
	struct input in = {0};
	if (size < sizeof(in))
		return 0;
	memcpy(&in, data, sizeof(in));
	m = (struct fuzz_mem){.mem.read = fuzz_read};
	memcpy(m.bytes, data + sizeof(in), size - sizeof(in) < REGION_SIZE ? size - sizeof(in) : REGION_SIZE);
	struct hd_frame frames[8] = {0};
	for (size_t i = 0; i < HD_COUNTOF(frames); i++)
		frames[i] =
			(struct hd_frame){.module = modules[in.modules[i] % HD_COUNTOF(modules)],
					  .called_as = names[in.names[i] % HD_COUNTOF(names)],
					  .symbol = in.flags & 1 ? names[(in.names[i] >> 1) % HD_COUNTOF(names)] : NULL,
					  .is_guess = (in.flags & 2) != 0,
					  .cfa = REGION + 16u * in.modules[i]};
	struct hd_stack stack = {.at = frames, .n = in.flags >> 4 < 8 ? in.flags >> 4 : 8};
	struct hd_map map = {.start = REGION,
			     .end = REGION + REGION_SIZE,
			     .readable = true,
			     .writable = (in.flags & 4) == 0,
			     .shared = (in.flags & 8) != 0,
			     .path = "/l/ld-linux-x86-64.so.2"};
	struct hd_maps maps = {.at = &map, .n = 1};
	/* Half of the addresses lie where there is something to read. */
	struct hd_word word = {.addr = in.addr % 2 != 0 ? in.addr : REGION + in.addr / 2 % REGION_SIZE / 4 * 4,
			       .expected = in.val};
	struct hd_lock_query query = {.word = &word,
				      .op = in.op,
				      .stack = &stack,
				      .maps = &maps,
				      .tid = 1,
				      .ns_tid = 1,
				      .sp = in.sp % 2 != 0 ? in.sp : REGION + in.sp / 2 % REGION_SIZE / 8 * 8};
	struct hd_arena *arena = hd_arena_new();
	struct hd_lock lock;
	hd_lock_classify(&m.mem, &query, arena, &lock);
	check(&lock, &m);
	hd_arena_free(arena);
	return 0;
}
