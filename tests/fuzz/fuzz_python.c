/* The CPython reader over hostile memory: every address can be read, and gives bytes of the input again and again, so
 * that pointers lead somewhere; the first bytes choose version and start.  No crash, no endless loop, bounded results. */
#include <stdlib.h>

#include "echo.h"
#include "parse/py_elf.h"
#include "parse/py_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static ssize_t echo_pread(struct hd_elf_port *port, const struct hd_map *map, void *buf, size_t len, uint64_t offset)
{
	(void)port;
	struct echo *echo = (struct echo *)(uintptr_t)map->ino; /* the test's own */
	return echo_read(&echo->mem, offset, buf, len) == 0 ? (ssize_t)len : -1;
}

static void walk(struct hd_python *py, struct echo *echo, const struct hd_maps *maps, struct hd_elf_port *port)
{
	struct hd_arena *arena = hd_arena_new();
	struct hd_py_threads threads;
	struct hd_py_tasks tasks;
	struct hd_py_thread dead;
	const char *const *texts;
	uint32_t n;
	bool threads_read = hd_python_threads(py, &echo->mem, arena, &threads) == 0;
	if (threads_read) {
		uint64_t frames = 0;
		HD_ASSERT(threads.n <= HD_PY_THREADS_MAX);
		for (uint32_t i = 0; i < threads.n; i++)
			frames += threads.at[i].stack.n;
		HD_ASSERT(frames <= HD_PY_ALL_FRAMES_MAX);
		for (uint32_t i = 0; i < threads.n && i < 2; i++) {
			(void)hd_python_lock_name(py, &echo->mem, 0x10008, &threads.at[i], arena);
			if (threads.at[i].stack.n > 0 &&
			    hd_python_locals(py, &echo->mem, &threads.at[i], 0, arena, &texts, &n) == 0)
				HD_ASSERT(n <= 64);
			(void)hd_python_locks_held(py, &echo->mem, &threads.at[i], arena);
		}
		HD_ASSERT(hd_python_lock_holder(py, &echo->mem, 0x10008, &threads) < (int)threads.n);
		HD_ASSERT(hd_python_lock_user(py, &echo->mem, 0x10008, &threads) < (int)threads.n);
	}
	if (threads_read) {
		struct hd_py_helds helds;
		hd_python_helds(py, &echo->mem, &threads, arena, &helds);
		HD_ASSERT(helds.n <= 4096);
		HD_ASSERT(hd_python_lock_inside(py, &echo->mem, 0x10008, &threads, &helds) < (int)threads.n);
		HD_ASSERT(hd_python_lock_inside(py, &echo->mem, 0x10808, &threads, &helds) < (int)threads.n);
	}
	if (hd_python_dead_thread(py, &echo->mem, 0x7000123450, arena, &dead) == 0)
		HD_ASSERT(dead.stack.n > 0 && dead.stack.n <= HD_PY_FRAMES_MAX);
	if (hd_python_tasks(py, &echo->mem, maps, port, arena, &tasks) == 0)
		HD_ASSERT(tasks.n <= 4096);
	hd_arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hd_python *found;
	if (size < 16)
		return 0;
	struct echo echo = {.mem.read = echo_read, .data = data + 2, .size = size - 2};
	struct hd_elf_port port = {echo_pread};
	struct hd_map map = {.start = 0x10000, .end = 0x20000, .ino = (uintptr_t)&echo, .readable = true, .path = "/python3"};
	struct hd_maps maps = {&map, 1};
	struct hd_python *py = hd_py_new();
	if (hd_py_layout_get(8 + data[0] % 8, (data[0] & 8) != 0 && data[0] % 8 >= 5, &py->at) == 0) {
		struct hd_py_layout told = py->at;
		if (hd_py_layout_overlay(&told, echo.data, echo.size) == 0)
			py->at = told;
		py->runtime = 0x10000 + 8 * (uint64_t)data[1];
		walk(py, &echo, &maps, &port);
	}
	hd_python_free(py);
	if (hd_python_find(&echo.mem, &maps, &port, &found) == 0) {
		walk(found, &echo, &maps, &port);
		hd_python_free(found);
	}
	return 0;
}
