/* Recorded memory for lock tests: a few regions of bytes, a stack with frames, and a query over them. */
#ifndef TESTS_LIB_LOCK_BENCH_H
#define TESTS_LIB_LOCK_BENCH_H

#include <errno.h>
#include <string.h>

#include "hangdog/locks.h"

#define BENCH_DATA 0x500000u     /* writable private data: 64 KB */
#define BENCH_SHARED 0x700000u   /* shared mapping: 4 KB */
#define BENCH_STACK 0x7ff000000u /* the waiter's stack: 32 KB */
#define BENCH_SP 0x7ff001000u
#define BENCH_RUNTIME_END 0x7ff001200u /* stack address where the library's frames end */
#define BENCH_LIBC "/lib/x86_64-linux-gnu/libc.so.6"
#define BENCH_MUSL "/lib/ld-musl-x86_64.so.1"
#define BENCH_PROGRAM "/usr/bin/program"

struct bench {
	struct hd_mem mem; /* first */
	uint8_t data[0x10000], shared[0x1000], stack[0x8000];
	struct hd_map maps_at[4];
	struct hd_maps maps;
	struct hd_frame frames[8];
	struct hd_stack frame_stack;
	struct hd_word word;
	struct hd_lock_query query;
	struct hd_arena *arena;
	struct hd_lock lock; /* result */
};

static uint8_t *bench_at(struct bench *b, uint64_t addr, size_t len)
{
	if (addr >= BENCH_DATA && addr < BENCH_DATA + sizeof(b->data) && len <= BENCH_DATA + sizeof(b->data) - addr)
		return b->data + (addr - BENCH_DATA);
	if (addr >= BENCH_SHARED && addr < BENCH_SHARED + sizeof(b->shared) &&
	    len <= BENCH_SHARED + sizeof(b->shared) - addr)
		return b->shared + (addr - BENCH_SHARED);
	if (addr >= BENCH_STACK && addr < BENCH_STACK + sizeof(b->stack) &&
	    len <= BENCH_STACK + sizeof(b->stack) - addr)
		return b->stack + (addr - BENCH_STACK);
	return NULL;
}

static inline int bench_read(struct hd_mem *mem, uint64_t addr, void *buf, size_t len)
{
	const uint8_t *from = bench_at((struct bench *)mem, addr, len);
	if (from == NULL)
		return -EFAULT;
	memcpy(buf, from, len);
	return 0;
}

static inline void bench_put32(struct bench *b, uint64_t addr, uint32_t value)
{
	memcpy(bench_at(b, addr, 4), &value, 4);
}

static inline void bench_put64(struct bench *b, uint64_t addr, uint64_t value)
{
	memcpy(bench_at(b, addr, 8), &value, 8);
}

static inline void bench_words(struct bench *b, uint64_t addr, const uint32_t *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bench_put32(b, addr + 4 * i, words[i]);
}
#define BENCH_WORDS(b, addr, ...)                                                                                      \
	do {                                                                                                           \
		const uint32_t bench_list[] = {__VA_ARGS__};                                                           \
		bench_words((b), (addr), bench_list, sizeof(bench_list) / sizeof(uint32_t));                           \
	} while (0)

/* A thread control block of glibc. */
static inline void bench_tcb(struct bench *b, uint64_t tcb, uint32_t tid)
{
	bench_put64(b, tcb, tcb);
	bench_put64(b, tcb + 0x10, tcb);
	bench_put32(b, tcb + 0x2d0, tid);
}

static inline struct bench *bench_new(void)
{
	struct bench *b = calloc(1, sizeof(*b));
	b->mem.read = bench_read;
	b->arena = hd_arena_new();
	b->maps_at[0] = (struct hd_map){.start = BENCH_DATA,
					.end = BENCH_DATA + sizeof(b->data),
					.readable = true,
					.writable = true,
					.path = ""};
	b->maps_at[1] = (struct hd_map){.start = BENCH_SHARED,
					.end = BENCH_SHARED + sizeof(b->shared),
					.readable = true,
					.writable = true,
					.shared = true,
					.path = "/dev/shm/x"};
	b->maps_at[2] = (struct hd_map){.start = BENCH_STACK,
					.end = BENCH_STACK + sizeof(b->stack),
					.readable = true,
					.writable = true,
					.path = "[stack]"};
	b->maps = (struct hd_maps){.at = b->maps_at, .n = 3};
	b->frame_stack = (struct hd_stack){.at = b->frames, .is_complete = true};
	b->query = (struct hd_lock_query){.word = &b->word,
					  .sp = BENCH_SP,
					  .stack = &b->frame_stack,
					  .maps = &b->maps,
					  .tid = 100,
					  .ns_tid = 100,
					  .abi = HD_ABI_X86_64};
	return b;
}

static inline void bench_free(struct bench *b)
{
	hd_arena_free(b->arena);
	free(b);
}

/* One more frame, outwards. */
static inline void bench_frame(struct bench *b, const char *module, const char *symbol, const char *called_as)
{
	b->frames[b->frame_stack.n++] = (struct hd_frame){.kind = HD_FRAME_NATIVE,
							  .module = module,
							  .symbol = symbol,
							  .called_as = called_as,
							  .cfa = BENCH_RUNTIME_END};
}

/* A call of `name` in `module` from the program, blocked on `addr`. */
static inline const struct hd_lock *bench_classify(struct bench *b, const char *module, const char *name, uint64_t addr,
						   uint32_t op, uint32_t val)
{
	if (name != NULL) {
		b->frame_stack.n = 0;
		bench_frame(b, module, NULL, name);
		bench_frame(b, BENCH_PROGRAM, "work", NULL);
	}
	b->word = (struct hd_word){.addr = addr, .expected = val};
	b->query.op = op;
	hd_lock_classify(&b->mem, &b->query, b->arena, &b->lock);
	return &b->lock;
}

#endif
