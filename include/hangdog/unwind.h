/* Native stacks: unwind from a few registers and memory through libdwfl, with symbols from one sorted index per file
 * (by build-id) that all processes share and that lives as long as the unwinder.  The only room that knows libdw/libelf. */
#ifndef HANGDOG_UNWIND_H
#define HANGDOG_UNWIND_H

#include "hangdog/arena.h"
#include "hangdog/err.h"
#include "hangdog/frame.h"
#include "hangdog/maps.h"
#include "hangdog/mem.h"

struct hd_unwinder;
struct hd_unwind_names; /* frames that were named before, for the same process and arena: threads share most of them */

#define HD_UNWIND_FRAMES_MAX 131072u /* 8 MiB of stack in frames of 64 bytes: endless recursion is shown to its beginning */

struct hd_regs {
	uint64_t sp, pc;
	uint64_t fp;      /* rbp; valid if fp_known */
	bool fp_known;
	bool all_known;   /* gp holds the 17 DWARF-numbered registers of x86-64 (rax rdx rcx rbx rsi rdi rbp rsp r8-r15 rip) */
	uint32_t gp_known; /* if not all: these bits of gp, by DWARF number, have their value */
	uint64_t gp[17];
};

struct hd_unwind_query {
	int32_t pid;                  /* where files are opened from (/proc/PID/map_files, root) */
	uint64_t start;               /* of the process: part of the cache key together with `generation` */
	uint64_t generation;          /* changes when the maps change (exec, dlopen); any number the caller likes */
	const struct hd_maps *maps;
	struct hd_mem *mem;
	/* Bytes of the stack that were captured: they count where `mem` says something else by now.  NULL = none. */
	const uint8_t *stack;
	uint64_t stack_addr;
	size_t stack_len;
	struct hd_regs regs;
	uint64_t stack_end;           /* highest address of this stack if known, else 0 */
	bool want_lines;              /* source lines and inlined frames */
	uint32_t frames_max;          /* 0 = 256, at most HD_UNWIND_FRAMES_MAX */
	struct hd_unwind_names *names; /* NULL = name every frame by itself */
};

/* Lives in `scratch`.  shares: threads that stand at the very same places may be given the same frames (their cfa is then
 * that of one of them). */
struct hd_unwind_names *hd_unwind_names_new(struct hd_arena *scratch, bool shares);

struct hd_unwinder *hd_unwinder_new(void);
void hd_unwinder_free(struct hd_unwinder *unwinder);
/* Indexing the symbols of a huge library takes tens of milliseconds.  From now on at most about `units` are spent on it (a
 * million: some milliseconds); HD_UNWIND_AT_ONCE (the default) = what it takes.  When they are used up names are missing,
 * and hd_unwinder_is_starved says so: set the bound anew and ask again, and it goes on where it was. */
#define HD_UNWIND_AT_ONCE UINT64_MAX
void hd_unwinder_limit(struct hd_unwinder *unwinder, uint64_t units);
bool hd_unwinder_is_starved(const struct hd_unwinder *unwinder);
/* Always gives a stack, perhaps empty; is_complete only if it ended at the thread's start. */
void hd_unwind(struct hd_unwinder *unwinder, const struct hd_unwind_query *query, struct hd_arena *arena, struct hd_stack *ret);
struct hd_data_symbol {
	const char *name;   /* "registry_lock"; NULL = the file has no symbol for it */
	const char *module; /* path of the file */
	uint64_t offset;    /* in what the symbol names; without one, the address as the file counts it */
};
/* Names data.  False: no file's data is there.  want_members: "pool.queue_lock" for "pool" and 0x28, where there is debug
 * information; the first time that reads all of a file's. */
HD_MUST_CHECK bool hd_unwind_data_symbol(struct hd_unwinder *unwinder, const struct hd_unwind_query *query, uint64_t addr,
					 bool want_members, struct hd_arena *arena, struct hd_data_symbol *ret);
/* The files mapped by the process whose own functions have no names: stripped, and without a debug file here.  Arena texts,
 * in the order of the map; *ret_files: how many files of code there are. */
size_t hd_unwind_nameless(struct hd_unwinder *unwinder, const struct hd_unwind_query *query, struct hd_arena *arena,
			  const char *const **ret_paths, size_t *ret_files);
/* Forget a process (exit, exec). */
void hd_unwinder_drop(struct hd_unwinder *unwinder, int32_t pid);
const char *hd_demangle(const char *symbol, struct hd_arena *arena); /* C++ and Rust; the same text if not mangled */

/* A thread that the fork did not copy, out of the child's memory: from (SP, PC) recorded at the fork if there, else by
 * scanning its dead stack [low, tcb).  is_complete and is_guess say how far to trust it. */
void hd_unwind_dead(struct hd_unwinder *unwinder, const struct hd_unwind_query *query, uint64_t tcb, struct hd_arena *arena,
		    struct hd_stack *ret);

#endif
