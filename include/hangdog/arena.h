/* Bump allocator: everything of one snapshot, report or fork record lives in one arena and is freed whole.
 * Running out of memory aborts (callers bound what they ask for); so no function here can fail. */
#ifndef HANGDOG_ARENA_H
#define HANGDOG_ARENA_H

#include "hangdog/base.h"

struct hd_arena;

struct hd_arena *hd_arena_new(void);
void hd_arena_free(struct hd_arena *arena); /* NULL is fine */
/* Zeroed memory, aligned for any type.  `n * size` must not overflow (asserted). */
void *hd_arena_alloc(struct hd_arena *arena, size_t n, size_t size);
/* As that, but not zeroed: for what is read into it at once, or only in part. */
void *hd_arena_room(struct hd_arena *arena, size_t bytes);
void *hd_arena_dup(struct hd_arena *arena, const void *data, size_t bytes);
char *hd_arena_str(struct hd_arena *arena, const char *text); /* NULL gives NULL */
char *hd_arena_strn(struct hd_arena *arena, const char *text, size_t len);
char *hd_arena_printf(struct hd_arena *arena, const char *fmt, ...) HD_PRINTF(2, 3);
size_t hd_arena_bytes(const struct hd_arena *arena); /* how much was asked for so far */

#define HD_NEW(arena, type) ((type *)hd_arena_alloc((arena), 1, sizeof(type)))
#define HD_NEW_N(arena, n, type) ((type *)hd_arena_alloc((arena), (n), sizeof(type)))

#endif
