/* Locks inside glibc, locks.md section 2.2: bare words without an owner, but for streams (owner = TCB) and the loader
 * (recursive pthread mutexes in ld.so's data).  Which lock a bare word is follows from the public function above it. */
#include <string.h>

#include "parse/lock_readers.h"

/* libio/stdio-lock.h: 0 lock, 4 count, 8 owner (TCB); 16 bytes */
static bool stdio_owner(struct hd_probe *p, uint64_t *ret)
{
	uint64_t owner;
	if (hd_mem_u64(p->mem, p->uaddr + 8, &owner) < 0 || !hd_tcb_is_self(p->mem, owner))
		return false;
	*ret = owner;
	return true;
}

static void stdio_fill(struct hd_probe *p, uint64_t owner)
{
	p->lock->kind = HD_LOCK_STDIO;
	p->lock->layout = HD_LAYOUT_GLIBC_STDIO;
	p->lock->owner_tcb = owner;
	p->lock->owner_tid = owner != 0 ? hd_tcb_tid(p->mem, owner) : 0;
	p->lock->owner_releases = true;
	p->lock->is_recursive = true;
	hd_probe_check(p, owner != 0, "the owner field of the stream is not a thread");
}

/* The subsystem is named by the innermost caller: malloc below fopen is the allocator. */
static const struct hd_lock_hit *innermost_caller(const struct hd_lock_calls *calls)
{
	for (uint32_t i = 0; i < calls->n_callers; i++) {
		enum hd_lock_api api = calls->caller[i].api;
		if (api == HD_API_STDIO || api == HD_API_MALLOC || api == HD_API_LOADER || api == HD_API_LIBC)
			return &calls->caller[i];
	}
	return NULL;
}

static bool is_rwlock_wait(const struct hd_probe *p)
{
	return p->cmd == HD_FUTEX_WAIT_BITSET && p->op_private && (p->val == 3 || (p->val == 2 && p->uaddr % 8 == 0));
}

void hd_glibc_internal(struct hd_probe *p)
{
	const struct hd_lock_hit *caller = innermost_caller(p->calls);
	enum hd_lock_api api = caller != NULL ? caller->api : HD_API_LIBC;
	uint64_t owner = 0;
	if (is_rwlock_wait(p)) {
		hd_glibc_rwlock(p);
		return;
	}
	if (api == HD_API_LOADER) {
		hd_glibc_mutex(p);
		p->lock->kind = HD_LOCK_LOADER;
		return;
	}
	p->lock->family = "glibc";
	p->lock->base = p->uaddr;
	p->lock->layout = HD_LAYOUT_WORD;
	p->lock->is_held = p->word_known && p->word != 0;
	hd_probe_check(p, p->val == 2 && p->cmd == HD_FUTEX_WAIT, "the waiter of a C library lock expects 2");
	hd_probe_check_shared(p, false);
	hd_probe_check_word(p);
	hd_probe_check_place(p, p->uaddr, 4, 4);
	if (stdio_owner(p, &owner) || api == HD_API_STDIO)
		stdio_fill(p, owner);
	else
		p->lock->kind = api == HD_API_MALLOC ? HD_LOCK_MALLOC : HD_LOCK_LIBC;
}
