/* CPython's locks from the futex word, cpython.md sections 7.3 and 9.1: up to 3.13.0 a sem_t in the heap; later a
 * one-byte PyMutex whose waiter parks on a sem_t in a record on its own stack, just above the lock's address. */
#include <errno.h>
#include <string.h>

#include "parse/lock_readers.h"

/* The head of every object, Include/object.h: {refcount 0, type 8}, in free-threaded builds {tid 0, bits 8, shared refcount
 * 16, type 24}.  In a type the name follows the head of a sized object, 8 bytes longer. */
static const uint32_t heads[] = {16, 32};
/* After the head.  Modules/_threadmodule.c: rlockobject {rlock_lock 0, rlock_owner 8, rlock_count 16} to 3.13;
 * 3.14: {PyMutex 0, thread 8, level 16}.  The lock pointer of both lock types comes first. */
#define RLOCK_OWNER 8u
#define PYMUTEX_LOCKED 1u
#define THREAD_SUSPENDED 2u /* Include/internal/pycore_pystate.h, _Py_THREAD_SUSPENDED */
#define STATE_TO_TID 136u

/* Modules/_multiprocessing/semaphore.c, SemLockObject {handle 0, last_tid 8, count 16, maxvalue 20}. */
#define SEMLOCK_COUNT 16u
#define SEMLOCK_MAX 20u

static bool is_object_of(struct hd_mem *mem, uint64_t object, uint32_t head, const char *type_end)
{
	uint64_t type, name;
	char text[64];
	if (object == 0 || object % 8 != 0 || hd_mem_u64(mem, object + head - 8, &type) < 0 || type % 8 != 0 ||
	    hd_mem_u64(mem, type + head + 8, &name) < 0 || hd_mem_cstr(mem, name, text, sizeof(text)) < 0)
		return false;
	const char *dot = strrchr(text, '.');
	return strcmp(dot != NULL ? dot + 1 : text, type_end) == 0;
}

/* The length of the head of an object of this type whose first field lies at `field`; 0 = there is none. */
static uint32_t head_before(struct hd_mem *mem, uint64_t field, const char *type_end)
{
	for (size_t i = 0; i < HD_COUNTOF(heads); i++) {
		if (field > heads[i] && is_object_of(mem, field - heads[i], heads[i], type_end))
			return heads[i];
	}
	return 0;
}

/* The length of the head of an object of this type that holds `first` in its first field; 0 = it is none. */
static uint32_t head_of(struct hd_mem *mem, uint64_t object, uint64_t first, const char *type_end)
{
	uint64_t value;
	for (size_t i = 0; object != 0 && object % 8 == 0 && i < HD_COUNTOF(heads); i++) {
		if (hd_mem_u64(mem, object + heads[i], &value) == 0 && value == first &&
		    is_object_of(mem, object, heads[i], type_end))
			return heads[i];
	}
	return 0;
}

static void owner_take(struct hd_probe *p, uint64_t rlock)
{
	uint64_t owner;
	p->lock->is_recursive = true;
	p->lock->api = "threading.RLock.acquire";
	p->lock->rlock = rlock;
	if (hd_mem_u64(p->mem, rlock + RLOCK_OWNER, &owner) < 0 || !hd_tcb_is_self(p->mem, owner))
		return;
	p->lock->owner_tcb = owner;
	p->lock->owner_tid = hd_tcb_tid(p->mem, owner);
	p->lock->owner_releases = true;
}

/* The RLock object is among the words of the waiter's stack; it points to its semaphore. */
static void rlock_find(struct hd_probe *p)
{
	uint64_t words[HD_SCAN_WORDS_MAX];
	uint32_t n = hd_probe_stack(p, 256, words);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t head = head_of(p->mem, words[i], p->uaddr, "RLock");
		if (head != 0) {
			owner_take(p, words[i] + head);
			return;
		}
	}
}

void hd_python_sem(struct hd_probe *p)
{
	hd_glibc_sem(p);
	p->lock->kind = HD_LOCK_PYTHON;
	p->lock->family = "cpython";
	rlock_find(p);
}

int hd_semlock_count(struct hd_mem *mem, uint64_t object, uint64_t sem, int32_t *ret_count)
{
	uint32_t count, max, head = head_of(mem, object, sem, "SemLock");
	if (head == 0 || hd_mem_u32(mem, object + head + SEMLOCK_COUNT, &count) < 0 ||
	    hd_mem_u32(mem, object + head + SEMLOCK_MAX, &max) < 0 || max != 1)
		return -ENOENT;
	*ret_count = (int32_t)count;
	return 0;
}

void hd_python_semlock(struct hd_probe *p)
{
	uint64_t words[HD_SCAN_WORDS_MAX];
	int32_t count;
	uint32_t n = hd_probe_stack(p, 256, words);
	for (uint32_t i = 0; i < n && p->lock->semlock == 0; i++) {
		p->lock->is_multiprocessing |= head_of(p->mem, words[i], p->uaddr, "SemLock") != 0;
		if (hd_semlock_count(p->mem, words[i], p->uaddr, &count) == 0)
			p->lock->semlock = words[i];
	}
	p->lock->is_held = p->lock->semlock != 0 && p->word_known && p->word == 0;
}

/* Where does this thread park?  In the innermost call that is not the parking lot's own. */
static enum hd_lock_api parked_in(const struct hd_probe *p)
{
	const struct hd_lock_calls *calls = p->calls;
	uint32_t i = 0;
	while (i < calls->n_primitives && (calls->primitive[i].api == HD_API_SEM || calls->primitive[i].api == HD_API_PY_PARK))
		i++;
	return i < calls->n_primitives ? calls->primitive[i].api : HD_API_NONE;
}

/* Free-threaded builds stop all threads but one for a fork, a garbage collection and the like (Python/pystate.c,
 * stop_the_world).  The others park on the state of their own threads, which is no lock: that one thread must wake them. */
static bool is_suspended(struct hd_probe *p, uint64_t *ret_state)
{
	uint32_t value;
	return hd_mem_u64(p->mem, p->uaddr - 8, ret_state) == 0 && *ret_state % 4 == 0 &&
	       hd_mem_u32(p->mem, *ret_state, &value) == 0 && value == THREAD_SUSPENDED;
}

/* A stripped build does not name the call, but a thread state has the thread's number some words behind the state (3.13: 120
 * bytes, 3.14: 116, 3.15: 136). */
static bool is_suspended_self(struct hd_probe *p)
{
	uint64_t state, words[STATE_TO_TID / 8 + 1];
	if (!is_suspended(p, &state) || hd_mem_read(p->mem, state & ~UINT64_C(7), words, sizeof(words)) < 0)
		return false;
	for (size_t i = 0; i < HD_COUNTOF(words); i++) {
		if (words[i] == (uint64_t)p->query->ns_tid && p->query->ns_tid > 0)
			return true;
	}
	return false;
}

static void pause_take(struct hd_probe *p)
{
	*p->lock = (struct hd_lock){.kind = HD_LOCK_PARKER, .family = "cpython", .api = "PyThreadState_Attach"};
	hd_probe_check_word(p);
}

void hd_python_attach(struct hd_probe *p)
{
	enum hd_lock_api api = parked_in(p);
	if (api == HD_API_PY_ATTACH || api == HD_API_PY_MUTEX)
		hd_python_park(p);
	else
		hd_probe_fail(p, "it is not parked there");
}

void hd_python_park(struct hd_probe *p)
{
	uint64_t address = 0;
	uint8_t byte = 0;
	enum hd_lock_api api = parked_in(p);
	if (api == HD_API_PY_ATTACH || (api == HD_API_NONE && is_suspended_self(p))) {
		pause_take(p);
		hd_probe_check(p, is_suspended(p, &address), "the thread is not marked as stopped");
		return;
	}
	p->lock->kind = HD_LOCK_PYTHON;
	p->lock->family = "cpython";
	hd_probe_check_word(p);
	hd_probe_check(p, p->val == 0, "waiters of the parking lot expect 0");
	if (hd_mem_u64(p->mem, p->uaddr - 8, &address) < 0 || address == 0 || hd_mem_u8(p->mem, address, &byte) < 0) {
		hd_probe_fail(p, "the parking record does not name a lock");
		return;
	}
	p->lock->base = address;
	p->lock->layout = HD_LAYOUT_BYTE;
	p->lock->is_held = (byte & PYMUTEX_LOCKED) != 0;
	hd_probe_check_place(p, address, 1, 1);
	/* Stripped builds do not say whose byte it is; the object around it does. */
	if (head_before(p->mem, address, "RLock") != 0)
		owner_take(p, address);
	else if (head_before(p->mem, address, "lock") != 0)
		p->lock->api = "threading.Lock.acquire";
}
