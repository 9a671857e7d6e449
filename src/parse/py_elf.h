/* The little of ELF64 that finding an interpreter needs: load bias, segments, a data symbol, a section.  Symbols come from the
 * dynamic section in memory (.dynsym through the GNU hash table: survives strip, deletion, other mount namespaces),
 * else from the file's symbol tables.  Pure, bounded; the big ELF work is stack/'s. */
#ifndef HANGDOG_PARSE_PY_ELF_H
#define HANGDOG_PARSE_PY_ELF_H

#include "hangdog/python.h"

#define HD_PY_SEGMENTS_MAX 16u

struct hd_py_elf {
	struct hd_mem *mem;
	struct hd_elf_port *port;
	const struct hd_map *map; /* the file's first mapping */
	uint64_t bias;
	uint64_t tables_max; /* bytes: larger symbol tables of the file are not read; may be lowered */
	uint64_t dynamic, dynamic_len; /* address of the dynamic section in memory, 0 = none */
	struct {
		uint64_t start, file_end, end; /* in memory; what lies behind file_end is not in the file (.bss) */
	} writable[HD_PY_SEGMENTS_MAX];
	uint32_t n_writable;
};

/* `map` maps offset 0 of a file: 0, or -ENOEXEC when that is no x86-64 or aarch64 ELF64. */
HD_MUST_CHECK int hd_py_elf_open(struct hd_mem *mem, struct hd_elf_port *port, const struct hd_map *map,
				 struct hd_py_elf *ret);
/* Addresses in memory; false when not there.  hd_py_elf_dynsym reads memory only, hd_py_elf_file the file's section headers:
 * symbol `name` of .dynsym or .symtab if that is not NULL, and the start of `section` if that is not NULL. */
bool hd_py_elf_dynsym(const struct hd_py_elf *elf, const char *name, uint64_t *ret);
bool hd_py_elf_file(const struct hd_py_elf *elf, const char *name, const char *section, uint64_t *ret);

#endif
