/* What the words alone can say when no frame has a name (stripped static programs, JIT code, no unwind tables). */
#include "parse/lock_readers.h"

#define NO_NAME "no function name was found"

/* The kernel itself defines what a PI word holds (Documentation/locking/pi-futex.rst): the owner's tid.  Certain. */
static bool by_pi_word(struct hd_probe *p)
{
	uint32_t tid = p->word & HD_FUTEX_TID_MASK;
	if ((p->cmd != HD_FUTEX_LOCK_PI && p->cmd != HD_FUTEX_LOCK_PI2) || !p->word_known)
		return false;
	p->lock->kind = HD_LOCK_MUTEX;
	p->lock->base = p->uaddr;
	p->lock->layout = HD_LAYOUT_PI_WORD;
	p->lock->is_pi = true;
	p->lock->is_held = tid != 0;
	p->lock->owner_tid = hd_tid_ok(tid) ? (int32_t)tid : 0;
	p->lock->owner_releases = true;
	p->lock->confidence = HD_CONF_HIGH;
	return true;
}

static bool by_tcb(struct hd_probe *p)
{
	uint64_t owner;
	if (hd_tcb_is_self(p->mem, p->uaddr - HD_TCB_TID) || hd_tcb_is_self(p->mem, p->uaddr - HD_TCB_JOINSTATE)) {
		hd_glibc_join(p);
		return true;
	}
	if (p->val != 2 || p->word != 2 || hd_mem_u64(p->mem, p->uaddr + 8, &owner) < 0 ||
	    !hd_tcb_is_self(p->mem, owner))
		return false;
	hd_glibc_internal(p);
	return true;
}

static bool by_mutex(struct hd_probe *p)
{
	struct hd_glibc_mutex m;
	if (!p->op_private || p->cmd != HD_FUTEX_WAIT || p->val != 2 || p->word != 2 ||
	    !hd_glibc_mutex_read(p->mem, p->uaddr, &m) || m.owner == 0 || hd_glibc_mutex_doubt(&m) != NULL)
		return false;
	hd_glibc_mutex(p);
	return true;
}

static bool by_value(struct hd_probe *p)
{
	if (p->cmd == HD_FUTEX_WAIT && !p->op_private && p->val == 0x10100 && p->word == p->val)
		hd_runtime_guard(p);
	else if (p->query->op == 0x89 && p->val == 2 && p->word == 2)
		hd_rust_mutex(p);
	else
		return false;
	return true;
}

void hd_lock_structural(struct hd_probe *p)
{
	*p->lock = (struct hd_lock){0};
	if (by_pi_word(p))
		return;
	if (!p->word_known || !(by_tcb(p) || by_mutex(p) || by_value(p))) {
		*p->lock = (struct hd_lock){.check_failed = NO_NAME};
		return;
	}
	hd_probe_fail(p, NO_NAME);
	p->lock->confidence = HD_CONF_LOW;
}
