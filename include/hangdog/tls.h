/* Which thread's copy of which thread-local variable lies at an address (glibc on x86-64; of other C libraries nothing is
 * found).  Reads only what the process and its files say; whatever does not fit together means "not found".
 *
 * Layout facts.  Public: r_debug and the head of link_map (elf/link.h), DT_DEBUG; blocks lie below the thread pointer
 * (TLS_TCB_AT_TP, "variant II" of the ELF TLS ABI); tcbhead_t.dtv is the second word at the thread pointer
 * (sysdeps/x86_64/nptl/tls.h), dtv_t is 16 bytes and begins with the block's address, -1 = not made yet, and dtv[-1] counts
 * the entries (sysdeps/generic/dl-dtv.h).
 * Private, and so asked of the C library itself: it states for libthread_db where l_tls_modid and l_tls_offset stand in its
 * link_map, as {bits, count, offset} (nptl_db/structs.def, DB_STRUCT_FIELD; in libpthread before 2.34).  l_tls_offset 0
 * (NO_TLS_OFFSET) or -1 (FORCED_DYNAMIC_TLS_OFFSET): only the dtv knows.  A static program has one file and no loader:
 * csu/libc-tls.c rounds the size of its block up to the block's alignment.
 * Looked at in 2.27, 2.31, 2.35, 2.36, 2.39, 2.41 and 2.43. */
#ifndef HANGDOG_TLS_H
#define HANGDOG_TLS_H

#include "hangdog/unwind.h"

struct hd_tcbs;
struct hd_tls; /* of one process, in the arena it was made with */

struct hd_tls_symbol {
	uint64_t tcb;       /* the thread pointer of whose copy it is */
	int32_t tid;        /* of that thread in its own PID namespace; 0 = a thread that a fork did not copy */
	struct hd_data_symbol data; /* without a name, its offset is that in the file's thread-local block */
};

/* tcbs: of all threads in question, borrowed.  Never NULL. */
struct hd_tls *hd_tls_find(struct hd_unwinder *unwinder, const struct hd_unwind_query *query, const struct hd_tcbs *tcbs,
			   struct hd_arena *arena);
/* False: no thread-local variable of a file is known to lie there. */
HD_MUST_CHECK bool hd_tls_symbol(const struct hd_tls *tls, struct hd_unwinder *unwinder, const struct hd_unwind_query *query,
				 uint64_t addr, struct hd_arena *arena, struct hd_tls_symbol *ret);

#endif
