/* Threads that a fork did not copy, dug out of the child's memory (reference: cpython.md section 8.6).
 *
 * Their C stacks lie there untouched until the child makes threads of its own, and every evaluation call on them has
 * the thread state's address among its saved words.  The state itself was freed, but keeps its fields until the
 * allocator gives the place away; the frames that it leads to were never freed. */
#include <errno.h>
#include <string.h>

#include "parse/py_reader.h"

#define STACK_PAGES_MAX 32u /* the outermost frames name the thread state already */
#define INTERPRETERS_MAX 16u
#define WORDS (sizeof(((struct hd_py_page *)NULL)->bytes) / 8)

static bool is_interpreter(struct hd_python *py, uint64_t addr)
{
	uint64_t interp;
	if (!hd_py_u64(py, py->runtime + (uint64_t)py->at.rt_interpreters, &interp))
		return false;
	for (unsigned n = 0; interp != 0 && n < INTERPRETERS_MAX; n++) {
		if (interp == addr)
			return true;
		if (!hd_py_u64(py, interp + (uint64_t)py->at.interp_next, &interp))
			return false;
	}
	return false;
}

static bool is_state(struct hd_python *py, uint64_t addr, uint64_t thread_id)
{
	uint64_t ident, interp;
	return addr % 8 == 0 && addr >> 47 == 0 && hd_py_u64(py, addr + (uint64_t)py->at.ts_thread_id, &ident) &&
	       ident == thread_id && hd_py_u64(py, addr + (uint64_t)py->at.ts_interp, &interp) &&
	       is_interpreter(py, interp);
}

static bool is_untouched(const uint64_t *words)
{
	return words[0] == 0 && memcmp(words, words + 1, (WORDS - 1) * sizeof(*words)) == 0;
}

int hd_python_dead_thread(struct hd_python *py, struct hd_mem *mem, uint64_t thread_id, struct hd_arena *arena,
			  struct hd_py_thread *ret)
{
	uint64_t words[WORDS], page = thread_id & ~(uint64_t)(sizeof(words) - 1);
	struct hd_py_thread thread;
	hd_py_begin(py, mem, arena);
	for (unsigned n = 0; n < STACK_PAGES_MAX && page >= sizeof(words); n++, page -= sizeof(words)) {
		/* Stacks are used from the top: below the first untouched page nothing was, and reading would populate
		 * it. */
		if (!hd_py_read(py, page, words, sizeof(words)) || (n > 0 && is_untouched(words)))
			break;
		for (size_t i = WORDS; i-- > 0;) {
			if (words[i] == 0 || !is_state(py, words[i], thread_id))
				continue;
			if (!hd_py_thread_read(py, words[i], &thread) || thread.stack.n == 0)
				return -ENOENT;
			*ret = thread;
			return 0;
		}
	}
	return -ENOENT;
}
