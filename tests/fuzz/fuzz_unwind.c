/* The unwinder over a corrupt stack: the tables are those of this program and its libraries, registers and all memory are
 * the input.  No crash, no endless loop, bounded; also when a dead thread's stack is searched, and when only a part of it
 * was captured. */
#include <errno.h>
#include <unistd.h>

#include "echo.h"
#include "hangdog/procfs.h"
#include "hangdog/unwind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	HEAD = 16, /* bytes that choose registers and so on */
	FRAMES = 300,
};

struct setting {
	struct hd_unwinder *unwinder;
	struct hd_arena *arena; /* of the maps */
	struct hd_maps maps;
	struct hd_map code[64];
	size_t n_code;
	uint64_t stack;
};

static void open_setting(struct setting *s)
{
	s->unwinder = hd_unwinder_new();
	s->arena = hd_arena_new();
	HD_ASSERT(hd_procfs_maps(getpid(), s->arena, &s->maps) == 0);
	for (size_t i = 0; i < s->maps.n && s->n_code < HD_COUNTOF(s->code); i++) {
		if (s->maps.at[i].executable)
			s->code[s->n_code++] = s->maps.at[i];
		if (strcmp(s->maps.at[i].path, "[stack]") == 0)
			s->stack = s->maps.at[i].start;
	}
	HD_ASSERT(s->n_code > 0 && s->stack != 0);
}

static uint64_t number(const uint8_t *data, size_t len)
{
	uint64_t n = 0;
	memcpy(&n, data, len);
	return n;
}

/* Addresses in the input mean nothing: each second word becomes one of the code, as return addresses are. */
static void make_returns(const struct setting *s, uint8_t *bytes, size_t size)
{
	for (size_t at = 0; at + 16 <= size; at += 16) {
		uint64_t word = number(bytes + at, 8);
		const struct hd_map *map = &s->code[word % s->n_code];
		if ((word & 0x8000) != 0)
			continue;
		word = map->start + (word >> 16) % (map->end - map->start);
		memcpy(bytes + at, &word, 8);
	}
}

static int nothing(struct hd_mem *mem, uint64_t addr, void *buf, size_t len)
{
	(void)mem, (void)addr, (void)buf, (void)len;
	return -EFAULT;
}

static void check(const struct hd_stack *stack)
{
	HD_ASSERT(stack->n <= FRAMES + 16u * FRAMES);
	for (uint32_t i = 0; i < stack->n; i++)
		HD_ASSERT(stack->at[i].function == NULL || stack->at[i].function[0] != '\0');
}

static void unwind(struct setting *s, const uint8_t *head, struct hd_mem *mem)
{
	struct hd_arena *arena = hd_arena_new();
	struct hd_stack stack = {0};
	const struct hd_map *map = &s->code[head[0] % s->n_code];
	struct hd_unwind_query query = {.pid = getpid(), .start = 1, .generation = 1, .maps = &s->maps, .mem = mem, .frames_max = FRAMES};
	query.regs.pc = map->start + number(head + 1, 3) % (map->end - map->start);
	query.regs.sp = s->stack + number(head + 4, 2);
	query.regs.fp = query.regs.sp + number(head + 6, 2);
	query.regs.fp_known = (head[8] & 1) != 0;
	query.stack_end = (head[8] & 2) != 0 ? query.regs.sp + 4096 : 0;
	hd_unwind(s->unwinder, &query, arena, &stack);
	check(&stack);
	if ((head[8] & 4) != 0)
		query.regs.pc = 0;
	hd_unwind_dead(s->unwinder, &query, query.regs.sp + number(head + 9, 2), arena, &stack);
	check(&stack);
	hd_arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct setting setting;
	if (size < HEAD + 16)
		return 0;
	if (setting.unwinder == NULL)
		open_setting(&setting);
	size -= HEAD;
	uint8_t *bytes = malloc(size);
	HD_ASSERT(bytes != NULL);
	memcpy(bytes, data + HEAD, size);
	make_returns(&setting, bytes, size);
	struct echo echo = {.mem.read = echo_read, .data = bytes, .size = size};
	unwind(&setting, data, &echo.mem);
	/* Only the captured part can be read. */
	struct hd_mem none = {nothing};
	struct hd_mem_layer layer;
	hd_mem_layer_init(&layer, &none, setting.stack + number(data + 4, 2), bytes, size);
	unwind(&setting, data, &layer.mem);
	free(bytes);
	return 0;
}
