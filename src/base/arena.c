#include "hangdog/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Blocks grow by doubling up to 1 MiB: small arenas (one fork record) stay small, large ones need few mallocs. */
#define BLOCK_MIN ((size_t)4096)
#define BLOCK_MAX ((size_t)1 << 20)
#define ALIGN ((size_t)16)

struct block {
	struct block *next;
	size_t used, size;
	_Alignas(16) unsigned char data[];
};

struct hd_arena {
	struct block *head;
	size_t bytes;
};

struct hd_arena *hd_arena_new(void)
{
	struct hd_arena *arena = calloc(1, sizeof(*arena));
	if (arena == NULL)
		abort();
	return arena;
}

void hd_arena_free(struct hd_arena *arena)
{
	if (arena == NULL)
		return;
	for (struct block *b = arena->head, *next; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	free(arena);
}

static struct block *block_add(struct hd_arena *arena, size_t need)
{
	size_t size = arena->head != NULL ? arena->head->size * 2 : BLOCK_MIN;
	if (size > BLOCK_MAX)
		size = BLOCK_MAX;
	if (size < need)
		size = need;
	struct block *b = malloc(sizeof(*b) + size);
	if (b == NULL)
		abort();
	*b = (struct block){.next = arena->head, .size = size};
	arena->head = b;
	return b;
}

void *hd_arena_room(struct hd_arena *arena, size_t bytes)
{
	HD_ASSERT(bytes < SIZE_MAX / 2);
	size_t need = (bytes + ALIGN - 1) & ~(ALIGN - 1);
	struct block *b = arena->head;
	if (b == NULL || b->size - b->used < need)
		b = block_add(arena, need);
	void *p = b->data + b->used;
	b->used += need;
	arena->bytes += need;
	return p;
}

void *hd_arena_alloc(struct hd_arena *arena, size_t n, size_t size)
{
	size_t bytes;
	HD_ASSERT(!__builtin_mul_overflow(n, size, &bytes));
	void *p = hd_arena_room(arena, bytes);
	memset(p, 0, bytes); /* here, not when the block is made: what is never used of that is never touched */
	return p;
}

void *hd_arena_dup(struct hd_arena *arena, const void *data, size_t bytes)
{
	void *p = hd_arena_alloc(arena, 1, bytes != 0 ? bytes : 1);
	if (bytes != 0)
		memcpy(p, data, bytes);
	return p;
}

char *hd_arena_strn(struct hd_arena *arena, const char *text, size_t len)
{
	char *p = hd_arena_alloc(arena, 1, len + 1);
	memcpy(p, text, len);
	return p;
}

char *hd_arena_str(struct hd_arena *arena, const char *text)
{
	return text != NULL ? hd_arena_strn(arena, text, strlen(text)) : NULL;
}

char *hd_arena_printf(struct hd_arena *arena, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	HD_ASSERT(len >= 0);
	char *p = hd_arena_alloc(arena, 1, (size_t)len + 1);
	vsnprintf(p, (size_t)len + 1, fmt, again);
	va_end(again);
	return p;
}

size_t hd_arena_bytes(const struct hd_arena *arena)
{
	return arena->bytes;
}
