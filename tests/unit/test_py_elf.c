/* A real ELF file, mapped by a real loader: this process's own C library. */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <stdlib.h>

#include "parse/py_elf.h"

static int own_read(struct hd_mem *mem, uint64_t addr, void *buf, size_t len)
{
	(void)mem;
	memcpy(buf, (const void *)(uintptr_t)addr, len);
	return 0;
}

static ssize_t own_pread(struct hd_elf_port *port, const struct hd_map *map, void *buf, size_t len, uint64_t offset)
{
	(void)port;
	HD_CLEAN_FD int fd = open(map->path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? pread(fd, buf, len, (off_t)offset) : -1;
	return n < 0 ? -errno : n;
}

static struct hd_mem own_mem = {own_read};
static struct hd_elf_port own_port = {own_pread};

static struct hd_map libc_map(void)
{
	Dl_info info;
	cr_assert_neq(dladdr((void *)(uintptr_t)&getenv, &info), 0);
	uint64_t start = (uint64_t)(uintptr_t)info.dli_fbase;
	return (struct hd_map){.start = start, .end = start + 4096, .readable = true, .path = info.dli_fname};
}

Test(py_elf, a_symbol_is_found_in_memory_alone, .timeout = 10)
{
	struct hd_map map = libc_map();
	struct hd_py_elf elf;
	uint64_t addr;
	cr_assert_eq(hd_py_elf_open(&own_mem, NULL, &map, &elf), 0);
	cr_assert(hd_py_elf_dynsym(&elf, "getenv", &addr));
	cr_expect_eq(addr, (uint64_t)(uintptr_t)&getenv);
	cr_expect_not(hd_py_elf_dynsym(&elf, "_PyRuntime", &addr));
	cr_expect_not(hd_py_elf_file(&elf, "getenv", NULL, &addr), "no port, no file");
	cr_expect(elf.n_writable > 0);
}

Test(py_elf, the_file_tells_the_same_and_names_sections, .timeout = 10)
{
	struct hd_map map = libc_map();
	struct hd_py_elf elf;
	uint64_t addr;
	cr_assert_eq(hd_py_elf_open(&own_mem, &own_port, &map, &elf), 0);
	cr_assert(hd_py_elf_file(&elf, "getenv", NULL, &addr));
	cr_expect_eq(addr, (uint64_t)(uintptr_t)&getenv);
	cr_assert(hd_py_elf_file(&elf, "no_such_symbol", ".text", &addr));
	cr_expect(addr < (uint64_t)(uintptr_t)&getenv);
	cr_expect_not(hd_py_elf_file(&elf, "no_such_symbol", ".no_such_section", &addr));
}

Test(py_elf, what_is_no_elf_file_is_refused, .timeout = 10)
{
	static const char text[4096] = "#!/bin/sh\n";
	uint64_t start = (uint64_t)(uintptr_t)text;
	struct hd_map map = {.start = start, .end = start + sizeof(text), .path = "/x"};
	struct hd_py_elf elf;
	cr_expect_eq(hd_py_elf_open(&own_mem, NULL, &map, &elf), -ENOEXEC);
}
