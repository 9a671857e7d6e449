#include "parse/py_scan.h"

#include <string.h>

#define SCAN_MAX (16u << 20) /* bytes of a segment */
#define CHUNK_WORDS 8192u
#define LOOK_WORDS 3u        /* a pattern's length */
#define CHECKS_MAX 65536u /* static objects are full of two pointers and a small number */
#define IDS_MAX (1u << 20)   /* interpreters that a process will have made */

static bool is_pointer(uint64_t word)
{
	return word >= 4096 && word % 8 == 0 && word >> 47 == 0;
}

/* head, main, next_id: as a rule the main interpreter is the only one. */
static bool is_list(const uint64_t *words)
{
	return is_pointer(words[0]) && is_pointer(words[1]) && words[2] > 0 && words[2] < IDS_MAX &&
	       (words[0] == words[1] || words[2] > 1);
}

struct scan {
	hd_py_scan_check *check;
	void *ctx;
	unsigned checks[2]; /* of lists, of cookies: the one must not use up the other's */
};

static bool chunk_search(struct scan *scan, uint64_t addr, const uint64_t *words, size_t n)
{
	for (size_t i = 0; i + LOOK_WORDS <= n; i++) {
		bool is_runtime = memcmp(&words[i], "xdebugpy", sizeof(*words)) == 0;
		if ((!is_runtime && !is_list(&words[i])) || scan->checks[is_runtime] >= CHECKS_MAX)
			continue;
		scan->checks[is_runtime]++;
		if (scan->check(scan->ctx, addr + 8 * i, is_runtime))
			return true;
	}
	return false;
}

bool hd_py_scan(const struct hd_py_elf *elf, uint64_t bss_max, hd_py_scan_check *check, void *ctx)
{
	struct scan scan = {.check = check, .ctx = ctx};
	uint64_t *words = malloc(CHUNK_WORDS * sizeof(*words));
	bool found = false;
	for (uint32_t s = 0; words != NULL && s < elf->n_writable && !found; s++) {
		uint64_t start = (elf->writable[s].start + 7) & ~UINT64_C(7);
		uint64_t end = elf->writable[s].end, bss = elf->writable[s].file_end;
		end = end > bss && end - bss > bss_max ? bss + bss_max : end;
		end = end > start && end - start > SCAN_MAX ? start + SCAN_MAX : end;
		/* Steps overlap by a pattern. */
		for (uint64_t at = start; at < end && !found; at += (CHUNK_WORDS - LOOK_WORDS) * sizeof(*words)) {
			size_t n = end - at < CHUNK_WORDS * sizeof(*words) ? (size_t)(end - at) / sizeof(*words) : CHUNK_WORDS;
			found = hd_mem_read(elf->mem, at, words, n * sizeof(*words)) == 0 && chunk_search(&scan, at, words, n);
		}
	}
	free(words);
	return found;
}
