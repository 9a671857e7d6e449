/* The decision order of locks.md 3.2: which library's layout, which call, then the reader for that call. */
#include <string.h>

#include "parse/lock_readers.h"

typedef void (*reader)(struct hd_probe *p);

struct reader_row {
	enum hd_lock_api api;
	reader glibc, musl; /* runtimes of their own have the same reader in both */
};

static const struct reader_row readers[] = {
	{HD_API_MUTEX, hd_glibc_mutex, hd_musl_mutex},
	{HD_API_RDLOCK, hd_glibc_rdlock, hd_musl_rdlock},
	{HD_API_WRLOCK, hd_glibc_wrlock, hd_musl_wrlock},
	{HD_API_COND, hd_glibc_cond, hd_musl_cond},
	{HD_API_COND_DESTROY, hd_glibc_cond_destroy, hd_musl_internal},
	{HD_API_SEM, hd_glibc_sem, hd_musl_sem},
	{HD_API_BARRIER, hd_glibc_barrier, hd_musl_barrier},
	{HD_API_BARRIER_DESTROY, hd_glibc_barrier_destroy, hd_musl_internal},
	{HD_API_JOIN, hd_glibc_join, hd_musl_join},
	{HD_API_ONCE, hd_glibc_once, hd_musl_once},
	{HD_API_GUARD, hd_runtime_guard, hd_runtime_guard},
	{HD_API_FUTURE, hd_runtime_future, hd_runtime_future},
	{HD_API_ATOMIC_WAIT, hd_runtime_atomic, hd_runtime_atomic},
	{HD_API_RUST_MUTEX, hd_rust_mutex, hd_rust_mutex},
	{HD_API_RUST_RDLOCK, hd_rust_rdlock, hd_rust_rdlock},
	{HD_API_RUST_WRLOCK, hd_rust_wrlock, hd_rust_wrlock},
	{HD_API_RUST_COND, hd_rust_cond, hd_rust_cond},
	{HD_API_RUST_ONCE, hd_rust_once, hd_rust_once},
	{HD_API_RUST_PARK, hd_runtime_park, hd_runtime_park},
	{HD_API_PARKING_LOT, hd_parking_lot, hd_parking_lot},
	{HD_API_ABSL_MUTEX, hd_absl_mutex, hd_absl_mutex},
	{HD_API_ABSL_COND, hd_absl_cond, hd_absl_cond},
	{HD_API_ABSL_SPIN, hd_absl_spin, hd_absl_spin},
	{HD_API_SPINLOCK, hd_runtime_spinlock, hd_runtime_spinlock},
	{HD_API_GOMP_LOCK, hd_gomp_lock, hd_gomp_lock},
	{HD_API_TBB_WAIT, hd_tbb_wait, hd_tbb_wait},
	{HD_API_GO, hd_runtime_park, hd_runtime_park},
	{HD_API_PY_PARK, hd_python_park, hd_python_park},
	{HD_API_PY_MUTEX, hd_python_park, hd_python_park},
	{HD_API_PY_ATTACH, hd_python_attach, hd_python_attach},
	/* Callers, when no primitive was named. */
	{HD_API_STDIO, hd_glibc_internal, hd_musl_internal},
	{HD_API_MALLOC, hd_glibc_internal, hd_musl_internal},
	{HD_API_LOADER, hd_glibc_internal, hd_musl_internal},
	{HD_API_LIBC, hd_glibc_internal, hd_musl_internal},
	{HD_API_PY_LOCK, hd_python_sem, hd_lock_structural},
	{HD_API_PY_GIL, hd_glibc_cond, hd_musl_cond},
	{HD_API_MP_SEM, hd_glibc_sem, hd_musl_sem},
	{HD_API_TEAM, hd_runtime_team, hd_runtime_team},
	{HD_API_POOL, hd_runtime_park, hd_runtime_park},
};

static const struct reader_row *reader_find(enum hd_lock_api api)
{
	for (size_t i = 0; i < HD_COUNTOF(readers); i++) {
		if (readers[i].api == api)
			return &readers[i];
	}
	return NULL;
}

static const struct hd_lock_hit *caller_find(const struct hd_lock_calls *calls, enum hd_lock_api api)
{
	for (uint32_t i = 0; i < calls->n_callers; i++) {
		if (calls->caller[i].api == api)
			return &calls->caller[i];
	}
	return NULL;
}

/* Equal names, other layouts: without knowing the C library nothing is certain, and what does not fit is not told at
 * all. */
static void doubt_layout(struct hd_probe *p)
{
	if (p->lock->check_failed != NULL)
		*p->lock = (struct hd_lock){.kind = p->lock->kind, .api = p->lock->api};
	hd_probe_fail(p, "which C library this is could not be told");
}

/* Runs one reader on a fresh result.  true = nothing failed. */
static bool try_read(struct hd_probe *p, const struct hd_lock_hit *hit)
{
	const struct reader_row *row = reader_find(hit->api);
	*p->lock = (struct hd_lock){.family = hit->family,
				    .api = p->calls->outermost != NULL ? p->calls->outermost : hit->name};
	if (row == NULL)
		return false;
	if (p->calls->libc == HD_LIBC_MUSL)
		row->musl(p);
	else
		row->glibc(p);
	if (row->glibc != row->musl && p->calls->libc == HD_LIBC_UNKNOWN)
		doubt_layout(p);
	return p->lock->check_failed == NULL;
}

/* Outermost first: pthread_cond_wait that locks its mutex again shows the mutex code on top.  A call whose checks all
 * pass wins over one whose do not; if none passes, the outermost is reported with what failed. */
static bool read_primitives(struct hd_probe *p)
{
	const struct hd_lock_calls *calls = p->calls;
	if (calls->n_primitives == 0)
		return false;
	for (uint32_t i = calls->n_primitives; i-- > 0;) {
		if (try_read(p, &calls->primitive[i]))
			return true;
	}
	try_read(p, &calls->primitive[calls->n_primitives - 1]);
	return true;
}

static bool is_loader_data(const struct hd_probe *p)
{
	const struct hd_map *map = p->query->maps != NULL ? hd_maps_find(p->query->maps, p->uaddr) : NULL;
	if (map == NULL || map->path == NULL)
		return false;
	const char *slash = strrchr(map->path, '/');
	return slash != NULL && (strncmp(slash + 1, "ld-linux", 8) == 0 || strncmp(slash + 1, "ld-2.", 5) == 0);
}

/* The interpreter itself waits on condition variables for its lock only; stripped builds do not name the function. */
static bool is_gil(const struct hd_lock_calls *calls)
{
	return caller_find(calls, HD_API_PY_GIL) != NULL ||
	       (calls->beyond != NULL && strcmp(calls->beyond, "cpython") == 0);
}

/* Whose primitive is it?  A semaphore below PyThread_acquire_lock is a Python lock, and so on. */
static void refine(struct hd_probe *p)
{
	const struct hd_lock_calls *calls = p->calls;
	struct hd_lock *lock = p->lock;
	const struct hd_lock_hit *hit;
	if (lock->kind == HD_LOCK_MUTEX && is_loader_data(p)) {
		lock->kind = HD_LOCK_LOADER;
	} else if (lock->kind == HD_LOCK_MUTEX && (hit = caller_find(calls, HD_API_MALLOC)) != NULL) {
		lock->kind = HD_LOCK_MALLOC;
		lock->family = hit->family != NULL ? hit->family : lock->family;
	} else if (lock->kind == HD_LOCK_SEMAPHORE && caller_find(calls, HD_API_PY_LOCK) != NULL) {
		hd_python_sem(p);
	} else if (lock->kind == HD_LOCK_SEMAPHORE && caller_find(calls, HD_API_MP_SEM) != NULL) {
		lock->family = "cpython";
		lock->api = "multiprocessing.SemLock.acquire";
		hd_python_semlock(p);
	} else if (lock->kind == HD_LOCK_CONDITION && is_gil(calls)) {
		lock->kind = HD_LOCK_GIL;
		lock->family = "cpython";
	} else if (lock->kind == HD_LOCK_CONDITION && (hit = caller_find(calls, HD_API_TEAM)) != NULL) {
		lock->kind = HD_LOCK_TEAM;
		lock->family = hit->family;
	} else if ((lock->kind == HD_LOCK_CONDITION || lock->kind == HD_LOCK_PARKER) &&
		   (hit = caller_find(calls, HD_API_POOL)) != NULL) {
		lock->family = hit->family;
		lock->api = hit->name;
	}
}

static bool read_callers(struct hd_probe *p)
{
	const struct hd_lock_calls *calls = p->calls;
	for (uint32_t i = 0; i < calls->n_callers; i++) {
		if (reader_find(calls->caller[i].api) == NULL)
			continue;
		try_read(p, &calls->caller[i]);
		return true;
	}
	return false;
}

static bool is_wait_command(uint32_t cmd)
{
	return cmd == HD_FUTEX_WAIT || cmd == HD_FUTEX_WAIT_BITSET || cmd == HD_FUTEX_LOCK_PI ||
	       cmd == HD_FUTEX_LOCK_PI2;
}

static void by_name(struct hd_probe *p)
{
	if (!read_primitives(p) && !read_callers(p)) {
		hd_lock_structural(p);
		return;
	}
	refine(p);
	p->lock->confidence = p->lock->check_failed == NULL ? HD_CONF_HIGH : HD_CONF_LOW;
}

void hd_lock_classify(struct hd_mem *mem, const struct hd_lock_query *query, struct hd_arena *arena,
		      struct hd_lock *ret)
{
	struct hd_lock_calls calls;
	*ret = (struct hd_lock){0};
	if (query->abi != HD_ABI_UNKNOWN && query->abi != HD_ABI_X86_64) {
		ret->check_failed = "lock layouts are known for x86-64 only";
		return;
	}
	struct hd_probe p = {.mem = mem,
			     .query = query,
			     .calls = &calls,
			     .lock = ret,
			     .uaddr = query->word->addr,
			     .cmd = query->op & 0x7f,
			     .op_private = (query->op & 0x80) != 0,
			     .val = query->word->expected};
	if (!is_wait_command(p.cmd) || p.uaddr % 4 != 0) {
		ret->check_failed = "not a plain futex wait";
		return;
	}
	/* Read now, not when the snapshot began: what is checked against it is read now too. */
	p.word_known = hd_mem_u32(mem, p.uaddr, &p.word) == 0;
	hd_lock_calls_find(query->stack, arena, &calls);
	by_name(&p);
}
