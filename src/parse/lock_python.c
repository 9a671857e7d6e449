/* CPython's locks from the futex word, cpython.md sections 7.3 and 9.1: up to 3.13.0 a sem_t in the heap; later a
 * one-byte PyMutex whose waiter parks on a sem_t in a record on its own stack, just above the lock's address. */
#include <errno.h>
#include <string.h>

#include "parse/lock_readers.h"

/* PyObject: 8 ob_type; PyTypeObject: 24 tp_name (default builds; free-threaded ones have a longer head). */
#define OB_TYPE 8u
#define TP_NAME 24u
/* Modules/_threadmodule.c: rlockobject {head 16, rlock_lock 16, rlock_owner 24, rlock_count 32} to 3.13;
 * 3.14: {head 16, PyMutex 16, thread 24, level 32}.  The lock pointer of both lock types is at 16. */
#define LOCK_FIELD 16u
#define RLOCK_OWNER 24u
#define PYMUTEX_LOCKED 1u

/* SemLockObject: head 16, handle 16, last_tid 24, count 32, maxvalue 36. */
#define SEMLOCK_HANDLE 16u
#define SEMLOCK_COUNT 32u
#define SEMLOCK_MAX 36u

static bool is_object_of(struct hd_mem *mem, uint64_t object, const char *type_end)
{
	uint64_t type, name;
	char text[64];
	if (object == 0 || object % 8 != 0 || hd_mem_u64(mem, object + OB_TYPE, &type) < 0 || type % 8 != 0 ||
	    hd_mem_u64(mem, type + TP_NAME, &name) < 0 || hd_mem_cstr(mem, name, text, sizeof(text)) < 0)
		return false;
	const char *dot = strrchr(text, '.');
	return strcmp(dot != NULL ? dot + 1 : text, type_end) == 0;
}

static void owner_take(struct hd_probe *p, uint64_t rlock)
{
	uint64_t owner;
	p->lock->is_recursive = true;
	p->lock->api = "threading.RLock.acquire";
	p->lock->object = rlock;
	if (hd_mem_u64(p->mem, rlock + RLOCK_OWNER, &owner) < 0 || !hd_tcb_is_self(p->mem, owner))
		return;
	p->lock->owner_tcb = owner;
	p->lock->owner_tid = hd_tcb_tid(p->mem, owner);
	p->lock->owner_releases = true;
}

/* The RLock object is among the words of the waiter's stack; it points to its semaphore. */
static void rlock_find(struct hd_probe *p)
{
	uint64_t words[HD_SCAN_WORDS_MAX], sem;
	uint32_t n = hd_probe_stack(p, 256, words);
	for (uint32_t i = 0; i < n; i++) {
		if (words[i] % 8 == 0 && words[i] != 0 && hd_mem_u64(p->mem, words[i] + LOCK_FIELD, &sem) == 0 &&
		    sem == p->uaddr && is_object_of(p->mem, words[i], "RLock")) {
			owner_take(p, words[i]);
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
	uint64_t handle;
	uint32_t count, max;
	if (object == 0 || object % 8 != 0 || hd_mem_u64(mem, object + SEMLOCK_HANDLE, &handle) < 0 || handle != sem ||
	    hd_mem_u32(mem, object + SEMLOCK_COUNT, &count) < 0 || hd_mem_u32(mem, object + SEMLOCK_MAX, &max) < 0 || max != 1 ||
	    !is_object_of(mem, object, "SemLock"))
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
		if (hd_semlock_count(p->mem, words[i], p->uaddr, &count) == 0)
			p->lock->semlock = words[i];
	}
	p->lock->is_held = p->lock->semlock != 0 && p->word_known && p->word == 0;
}

void hd_python_park(struct hd_probe *p)
{
	uint64_t address = 0;
	uint8_t byte = 0;
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
	if (address > LOCK_FIELD && is_object_of(p->mem, address - LOCK_FIELD, "RLock"))
		owner_take(p, address - LOCK_FIELD);
	else if (address > LOCK_FIELD && is_object_of(p->mem, address - LOCK_FIELD, "lock"))
		p->lock->api = "threading.Lock.acquire";
}
