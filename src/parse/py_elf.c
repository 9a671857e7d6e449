#include "parse/py_elf.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#define PAGE_FLOOR(a) ((a) & ~UINT64_C(4095))
#define PHDRS_MAX 64u
#define SHDRS_MAX 256u
#define DYNAMIC_MAX 512u
#define DYNAMIC_STEP 32u /* entries read at a time; most files have fewer */
#define CHAIN_MAX 4096u
#define SYMBOLS_MAX (1u << 20)
#define STRINGS_MAX (64u << 20)

static void segment_note(struct hd_py_elf *elf, const Elf64_Phdr *ph)
{
	uint64_t end, start = elf->bias + ph->p_vaddr;
	if (ph->p_type == PT_DYNAMIC) {
		elf->dynamic = elf->bias + ph->p_vaddr;
		elf->dynamic_len = ph->p_memsz;
	}
	if (ph->p_type != PT_LOAD || (ph->p_flags & PF_W) == 0 || elf->n_writable == HD_PY_SEGMENTS_MAX ||
	    __builtin_add_overflow(start, ph->p_memsz, &end))
		return;
	elf->writable[elf->n_writable].start = start;
	elf->writable[elf->n_writable].file_end = ph->p_filesz < ph->p_memsz ? start + ph->p_filesz : end;
	elf->writable[elf->n_writable++].end = end;
}

int hd_py_elf_open(struct hd_mem *mem, struct hd_elf_port *port, const struct hd_map *map, struct hd_py_elf *ret)
{
	Elf64_Ehdr eh;
	Elf64_Phdr ph[PHDRS_MAX];
	struct hd_py_elf elf = {.mem = mem, .port = port, .map = map, .tables_max = SYMBOLS_MAX * sizeof(Elf64_Sym)};
	bool has_bias = false;
	if (hd_mem_read(mem, map->start, &eh, sizeof(eh)) < 0 || memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0 ||
	    eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_ident[EI_DATA] != ELFDATA2LSB || eh.e_phentsize != sizeof(*ph) ||
	    eh.e_phnum > PHDRS_MAX || eh.e_phoff > map->end - map->start ||
	    hd_mem_read(mem, map->start + eh.e_phoff, ph, eh.e_phnum * sizeof(*ph)) < 0)
		return -ENOEXEC;
	for (unsigned i = 0; i < eh.e_phnum && !has_bias; i++) {
		has_bias = ph[i].p_type == PT_LOAD && PAGE_FLOOR(ph[i].p_offset) == 0;
		elf.bias = map->start - PAGE_FLOOR(ph[i].p_vaddr);
	}
	if (!has_bias)
		return -ENOEXEC;
	for (unsigned i = 0; i < eh.e_phnum; i++)
		segment_note(&elf, &ph[i]);
	*ret = elf;
	return 0;
}

/* ---- the dynamic section, in memory ---- */

struct dynamic {
	uint64_t symtab, strtab, hash;
};

static void dynamic_take(const struct hd_py_elf *elf, const Elf64_Dyn *dyn, struct dynamic *ret)
{
	/* glibc turns these into addresses when it loads the file, musl leaves them as they are. */
	uint64_t addr = dyn->d_un.d_ptr < elf->bias ? dyn->d_un.d_ptr + elf->bias : dyn->d_un.d_ptr;
	if (dyn->d_tag == DT_SYMTAB)
		ret->symtab = addr;
	else if (dyn->d_tag == DT_STRTAB)
		ret->strtab = addr;
	else if (dyn->d_tag == DT_GNU_HASH)
		ret->hash = addr;
}

static bool dynamic_read(const struct hd_py_elf *elf, struct dynamic *ret)
{
	Elf64_Dyn dyn[DYNAMIC_STEP];
	uint64_t n = elf->dynamic != 0 ? elf->dynamic_len / sizeof(*dyn) : 0;
	bool ended = false;
	*ret = (struct dynamic){0};
	n = n < DYNAMIC_MAX ? n : DYNAMIC_MAX;
	for (uint64_t i = 0; i < n && !ended; i += DYNAMIC_STEP) {
		uint64_t step = n - i < DYNAMIC_STEP ? n - i : DYNAMIC_STEP;
		if (hd_mem_read(elf->mem, elf->dynamic + i * sizeof(*dyn), dyn, step * sizeof(*dyn)) < 0)
			break;
		for (uint64_t k = 0; k < step && !(ended = dyn[k].d_tag == DT_NULL); k++)
			dynamic_take(elf, &dyn[k], ret);
	}
	return ret->symtab != 0 && ret->strtab != 0 && ret->hash != 0;
}

static uint32_t gnu_hash(const char *name)
{
	uint32_t h = 5381;
	for (; *name != '\0'; name++)
		h = h * 33 + (unsigned char)*name;
	return h;
}

static bool symbol_is(const struct hd_py_elf *elf, const struct dynamic *dyn, const Elf64_Sym *sym, const char *name)
{
	char text[64];
	size_t len = strlen(name) + 1;
	HD_ASSERT(len <= sizeof(text));
	return sym->st_shndx != SHN_UNDEF && sym->st_value != 0 &&
	       hd_mem_read(elf->mem, dyn->strtab + sym->st_name, text, len) == 0 && memcmp(text, name, len) == 0;
}

bool hd_py_elf_dynsym(const struct hd_py_elf *elf, const char *name, uint64_t *ret)
{
	struct dynamic dyn;
	uint32_t head[4]; /* buckets, first symbol, bloom words, bloom shift */
	uint32_t want = gnu_hash(name), i, hash;
	Elf64_Sym sym;
	if (!dynamic_read(elf, &dyn) || hd_mem_read(elf->mem, dyn.hash, head, sizeof(head)) < 0 || head[0] == 0)
		return false;
	uint64_t buckets = dyn.hash + sizeof(head) + 8 * (uint64_t)head[2];
	uint64_t chain = buckets + 4 * (uint64_t)head[0];
	if (hd_mem_u32(elf->mem, buckets + 4 * (uint64_t)(want % head[0]), &i) < 0 || i < head[1])
		return false;
	for (unsigned steps = 0; steps < CHAIN_MAX; steps++, i++) {
		if (hd_mem_u32(elf->mem, chain + 4 * (uint64_t)(i - head[1]), &hash) < 0)
			return false;
		if ((hash | 1) == (want | 1) &&
		    hd_mem_read(elf->mem, dyn.symtab + i * (uint64_t)sizeof(sym), &sym, sizeof(sym)) == 0 &&
		    symbol_is(elf, &dyn, &sym, name)) {
			*ret = elf->bias + sym.st_value;
			return true;
		}
		if ((hash & 1) != 0)
			return false;
	}
	return false;
}

/* ---- the file's sections ---- */

static bool file_read(const struct hd_py_elf *elf, void *buf, size_t len, uint64_t offset)
{
	return elf->port != NULL && elf->port->pread(elf->port, elf->map, buf, len, offset) == (ssize_t)len;
}

/* Whole section, malloc'd with a NUL behind it; NULL when it is too large or not readable. */
static void *section_load(const struct hd_py_elf *elf, const Elf64_Shdr *sh, uint64_t max)
{
	char *data = sh->sh_size <= max ? malloc((size_t)sh->sh_size + 1) : NULL;
	if (data == NULL || !file_read(elf, data, (size_t)sh->sh_size, sh->sh_offset)) {
		free(data);
		return NULL;
	}
	data[sh->sh_size] = '\0';
	return data;
}

static bool symtab_search(const struct hd_py_elf *elf, const Elf64_Shdr *sh, unsigned i, unsigned n, const char *name,
			  uint64_t *ret)
{
	if (sh[i].sh_link >= n)
		return false;
	HD_CLEAN_PTR Elf64_Sym *symbols = section_load(elf, &sh[i], elf->tables_max);
	HD_CLEAN_PTR char *strings = symbols != NULL ? section_load(elf, &sh[sh[i].sh_link], STRINGS_MAX) : NULL;
	if (strings == NULL)
		return false;
	for (size_t s = 0; s < sh[i].sh_size / sizeof(*symbols); s++) {
		if (symbols[s].st_shndx != SHN_UNDEF && symbols[s].st_value != 0 &&
		    symbols[s].st_name < sh[sh[i].sh_link].sh_size && strcmp(strings + symbols[s].st_name, name) == 0) {
			*ret = elf->bias + symbols[s].st_value;
			return true;
		}
	}
	return false;
}

static bool section_search(const struct hd_py_elf *elf, const Elf64_Shdr *sh, unsigned n, unsigned names,
			   const char *section, uint64_t *ret)
{
	HD_CLEAN_PTR char *strings = names < n ? section_load(elf, &sh[names], STRINGS_MAX) : NULL;
	for (unsigned i = 0; strings != NULL && i < n; i++) {
		if (sh[i].sh_name < sh[names].sh_size && strcmp(strings + sh[i].sh_name, section) == 0 &&
		    sh[i].sh_addr != 0) {
			*ret = elf->bias + sh[i].sh_addr;
			return true;
		}
	}
	return false;
}

bool hd_py_elf_file(const struct hd_py_elf *elf, const char *name, const char *section, uint64_t *ret)
{
	Elf64_Ehdr eh;
	Elf64_Shdr sh[SHDRS_MAX];
	if (!file_read(elf, &eh, sizeof(eh), 0) || eh.e_shentsize != sizeof(*sh) || eh.e_shnum > SHDRS_MAX ||
	    !file_read(elf, sh, eh.e_shnum * sizeof(*sh), eh.e_shoff))
		return false;
	for (unsigned i = 0; name != NULL && i < eh.e_shnum; i++) {
		if ((sh[i].sh_type == SHT_DYNSYM || sh[i].sh_type == SHT_SYMTAB) &&
		    symtab_search(elf, sh, i, eh.e_shnum, name, ret))
			return true;
	}
	return section != NULL && section_search(elf, sh, eh.e_shnum, eh.e_shstrndx, section, ret);
}
