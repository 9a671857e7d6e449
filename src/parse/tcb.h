/* Thread control blocks of glibc in a process's memory: where each thread's stack ends and whose it is.
 * Layout (nptl/descr.h, sysdeps/x86_64/nptl/tls.h; the same from 2.27 to 2.43): pointers to itself at +0 and +16, thread
 * id at +720, node of the list of all stacks (or of the unused ones) at +704.  It lies at the upper end of the mapping that
 * allocate_stack made; in a forked child the ids of the threads that were not copied become 0 and they move to the list of
 * unused stacks, the rest stays (reference: locks.md section 4.3).  musl lays its threads out differently: none is found. */
#ifndef HD_PARSE_TCB_H
#define HD_PARSE_TCB_H

#include "hangdog/arena.h"
#include "hangdog/maps.h"
#include "hangdog/mem.h"

struct hd_tcb {
	uint64_t addr;  /* = pthread_t = thread pointer */
	uint64_t low;   /* the stack lies in [low, addr); may be far too low where two stacks share a mapping */
	int32_t tid;    /* as stored, innermost PID namespace; 0 = cleared */
};

struct hd_tcbs {
	struct hd_tcb *at; /* by address */
	uint32_t n;
};

/* All that are found: at the ends of mappings that may be stacks; and if those are fewer than `expect`, on the lists that
 * they are on.  Bounded. */
struct hd_tcbs hd_tcbs_find(struct hd_mem *mem, const struct hd_maps *maps, uint32_t expect, struct hd_arena *arena);
/* The next one above an address of its mapping, which may be far from the mapping's end (neighbours grow together) or in the
 * heap (the main thread's in a static program).  Looks through 1 MiB at most. */
HD_MUST_CHECK bool hd_tcb_above(struct hd_mem *mem, const struct hd_maps *maps, uint64_t addr, struct hd_tcb *ret);
/* Does one lie at addr? */
HD_MUST_CHECK bool hd_tcb_read(struct hd_mem *mem, uint64_t addr, int32_t *ret_tid);

#endif
