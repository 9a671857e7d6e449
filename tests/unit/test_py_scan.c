/* Data segments with and without something that looks like a runtime. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "parse/py_scan.h"

#define BASE UINT64_C(0x10000)
#define WORDS 40000u

struct data {
	struct hd_mem mem; /* first */
	uint64_t words[WORDS];
	uint64_t end_read; /* the highest address that was asked for */
};

static int data_read(struct hd_mem *mem, uint64_t addr, void *buf, size_t len)
{
	struct data *data = (struct data *)mem;
	if (addr < BASE || addr + len > BASE + sizeof(data->words))
		return -EFAULT;
	memcpy(buf, (const char *)data->words + (addr - BASE), len);
	data->end_read = addr + len > data->end_read ? addr + len : data->end_read;
	return 0;
}

static int large_read(struct hd_mem *mem, uint64_t addr, void *buf, size_t len)
{
	memcpy(buf, (const char *)(mem + 1) + (addr - BASE), len);
	return 0;
}

static struct data data;

static struct hd_py_elf elf_of(uint64_t file_words)
{
	struct hd_py_elf elf = {.mem = &data.mem, .n_writable = 1};
	memset(&data, 0, sizeof(data));
	data.mem.read = data_read;
	elf.writable[0].start = BASE;
	elf.writable[0].file_end = BASE + 8 * file_words;
	elf.writable[0].end = BASE + sizeof(data.words);
	return elf;
}

struct seen {
	uint64_t addr;
	bool is_runtime;
	unsigned n;
};

static bool take(void *ctx, uint64_t addr, bool is_runtime)
{
	struct seen *seen = ctx;
	*seen = (struct seen){addr, is_runtime, seen->n + 1};
	return true;
}

static bool refuse(void *ctx, uint64_t addr, bool is_runtime)
{
	(void)take(ctx, addr, is_runtime);
	return false;
}

static void list_put(size_t at, uint64_t head, uint64_t main, uint64_t next_id)
{
	data.words[at] = head;
	data.words[at + 1] = main;
	data.words[at + 2] = next_id;
}

Test(py_scan, a_cookie_is_found_behind_any_number_of_lists_that_are_none, .timeout = 10)
{
	static struct {
		struct hd_mem mem;
		uint64_t words[3 * 70000 + 8];
	} large;
	struct hd_py_elf elf = elf_of(WORDS);
	struct seen seen = {0};
	for (size_t i = 0; i < 70000; i++)
		memcpy(&large.words[3 * i], (uint64_t[]){0x20000, 0x20000, 1}, 24);
	memcpy(&large.words[3 * 70000], "xdebugpy", 8);
	large.mem.read = large_read;
	elf.mem = &large.mem;
	elf.writable[0].file_end = elf.writable[0].end = BASE + sizeof(large.words);
	cr_assert_not(hd_py_scan(&elf, 1 << 20, refuse, &seen));
	cr_expect(seen.is_runtime && seen.addr == BASE + 8 * 3 * 70000);
}

Test(py_scan, a_cookie_is_where_the_runtime_is, .timeout = 10)
{
	struct hd_py_elf elf = elf_of(WORDS);
	struct seen seen = {0};
	memcpy(&data.words[20000], "xdebugpy", 8);
	cr_assert(hd_py_scan(&elf, 0, take, &seen));
	cr_assert_eq(seen.addr, BASE + 8 * 20000);
	cr_assert(seen.is_runtime);
}

Test(py_scan, a_list_is_found_across_the_steps_of_the_scan, .timeout = 10)
{
	for (size_t at = 8180; at < 8200; at++) {
		struct hd_py_elf elf = elf_of(WORDS);
		struct seen seen = {0};
		list_put(at, 0x5000, 0x5000, 1);
		cr_assert(hd_py_scan(&elf, 0, take, &seen), "at word %zu", at);
		cr_assert_eq(seen.addr, BASE + 8 * at);
		cr_assert_not(seen.is_runtime);
	}
}

Test(py_scan, a_head_that_is_not_the_main_interpreter_needs_more_than_one_made, .timeout = 10)
{
	struct hd_py_elf elf = elf_of(WORDS);
	struct seen seen = {0};
	list_put(10, 0x5000, 0x6000, 1);
	cr_assert_not(hd_py_scan(&elf, 0, take, &seen));
	list_put(10, 0x5000, 0x6000, 2);
	cr_assert(hd_py_scan(&elf, 0, take, &seen));
}

Test(py_scan, what_is_not_in_the_file_is_read_only_as_far_as_asked, .timeout = 10)
{
	struct hd_py_elf elf = elf_of(1000);
	struct seen seen = {0};
	memcpy(&data.words[30000], "xdebugpy", 8);
	cr_assert_not(hd_py_scan(&elf, 4096, take, &seen));
	cr_assert_leq(data.end_read, BASE + 8 * 1000 + 4096);
	cr_assert(hd_py_scan(&elf, UINT64_MAX, take, &seen));
}

Test(py_scan, data_full_of_look_alikes_end_soon, .timeout = 10)
{
	struct hd_py_elf elf = elf_of(WORDS);
	struct seen seen = {0};
	for (size_t i = 0; i < WORDS; i++)
		memcpy(&data.words[i], "xdebugpy", 8);
	elf.writable[1] = elf.writable[0];
	elf.n_writable = 2;
	cr_assert_not(hd_py_scan(&elf, 0, refuse, &seen));
	cr_assert_eq(seen.n, 65536u);
}
