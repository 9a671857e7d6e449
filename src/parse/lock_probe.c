#include "parse/lock_probe.h"

void hd_probe_fail(struct hd_probe *p, const char *why)
{
	if (p->lock->check_failed == NULL)
		p->lock->check_failed = why;
}

void hd_probe_check_word(struct hd_probe *p)
{
	if (!p->word_known)
		hd_probe_fail(p, "the word could not be read");
	else
		hd_probe_check(p, p->word == p->val, "the word does not hold what the waiter expects any more");
}

void hd_probe_check_place(struct hd_probe *p, uint64_t base, uint64_t size, unsigned align)
{
	hd_probe_check(p, base != 0 && base % align == 0, "the object is not aligned");
	const struct hd_maps *maps = p->query->maps;
	const struct hd_map *map = maps != NULL && maps->n > 0 ? hd_maps_find(maps, base) : NULL;
	if (map == NULL) {
		hd_probe_fail(p, "the memory around the object is not known");
		return;
	}
	hd_probe_check(p, map->readable && map->writable, "the object lies in memory that cannot be written");
	hd_probe_check(p, size <= map->end - base, "the object does not fit its mapping");
	hd_probe_check(p, !map->shared || !p->op_private, "the object lies in shared memory but the wait is private");
}

void hd_probe_check_shared(struct hd_probe *p, bool object_is_shared)
{
	hd_probe_check(p, p->op_private == !object_is_shared, "the wait's private flag does not fit the object's kind");
}

bool hd_tcb_is_self(struct hd_mem *mem, uint64_t addr)
{
	uint64_t a, b;
	return addr >= 4096 && addr % 8 == 0 && hd_mem_u64(mem, addr + HD_TCB_SELF_A, &a) == 0 && a == addr &&
	       hd_mem_u64(mem, addr + HD_TCB_SELF_B, &b) == 0 && b == addr;
}

int32_t hd_tcb_tid(struct hd_mem *mem, uint64_t tcb)
{
	uint32_t tid;
	if (hd_mem_u32(mem, tcb + HD_TCB_TID, &tid) < 0 || !hd_tid_ok(tid))
		return 0;
	return (int32_t)tid;
}

uint32_t hd_probe_stack(struct hd_probe *p, uint32_t words, uint64_t ret[HD_SCAN_WORDS_MAX])
{
	uint64_t sp = p->query->sp & ~UINT64_C(7);
	if (words > HD_SCAN_WORDS_MAX)
		words = HD_SCAN_WORDS_MAX;
	if (sp == 0 || sp > UINT64_MAX - (uint64_t)words * 8)
		return 0;
	/* Near the stack's end a long read fails as a whole: take half, and half again. */
	while (words > 0 && hd_mem_read(p->mem, sp, ret, (size_t)words * 8) < 0)
		words /= 2;
	return words;
}

bool hd_probe_stack_has(struct hd_probe *p, uint64_t value, uint32_t bytes)
{
	uint64_t words[HD_SCAN_WORDS_MAX];
	uint32_t n = hd_probe_stack(p, bytes / 8, words);
	for (uint32_t i = 0; i < n; i++) {
		if (words[i] == value)
			return true;
	}
	return false;
}

bool hd_probe_is_runtime_stack(const struct hd_probe *p, uint64_t addr)
{
	return addr >= p->query->sp && addr < p->calls->runtime_end;
}
