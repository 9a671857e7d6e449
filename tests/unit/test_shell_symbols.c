/* The index of a file's symbols, against a search that reads every symbol each time: this very program is the file. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <gelf.h>
#include <unistd.h>

#include "stack/image.h"
#include "stack/symbols.h"
#include "stack/work.h"

struct file {
	int fd;
	Elf *elf;
	struct hd_image *image;
	struct hd_work work;
};

static void file_open(struct file *f)
{
	*f = (struct file){.fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), .work.left = UINT64_MAX};
	elf_version(EV_CURRENT);
	f->elf = elf_begin(f->fd, ELF_C_READ_MMAP, NULL);
	cr_assert_not_null(f->elf);
	cr_assert_eq(hd_image_open(dup(f->fd), "/proc/self/exe", &f->image), 0);
	f->image->work = &f->work;
}

static void file_close(struct file *f)
{
	hd_image_free(f->image);
	elf_end(f->elf);
	close(f->fd);
}

static Elf_Data *table(const struct file *f, uint32_t type, size_t *ret_n)
{
	GElf_Shdr sh;
	for (Elf_Scn *s = elf_nextscn(f->elf, NULL); s != NULL; s = elf_nextscn(f->elf, s)) {
		if (gelf_getshdr(s, &sh) != NULL && sh.sh_type == type) {
			*ret_n = sh.sh_size / sh.sh_entsize;
			return elf_getdata(s, NULL);
		}
	}
	*ret_n = 0;
	return NULL;
}

static bool is_wanted(const GElf_Sym *sym, enum hd_symbol_want want)
{
	unsigned type = GELF_ST_TYPE(sym->st_info);
	if (sym->st_shndx == SHN_UNDEF || sym->st_shndx == SHN_ABS || sym->st_name == 0)
		return false;
	if (type == STT_NOTYPE)
		return GELF_ST_BIND(sym->st_info) != STB_LOCAL && want != HD_SYMBOL_TLS;
	return want == HD_SYMBOL_CODE	? type == STT_FUNC || type == STT_GNU_IFUNC
	       : want == HD_SYMBOL_DATA ? type == STT_OBJECT
					: type == STT_TLS;
}

/* Where the innermost symbol around an address begins; 0 = there is none. */
static uint64_t search(const struct file *f, uint32_t type, uint64_t vaddr, enum hd_symbol_want want)
{
	size_t n;
	uint64_t best = 0;
	Elf_Data *data = table(f, type, &n);
	for (size_t i = 0; i < n; i++) {
		GElf_Sym sym;
		gelf_getsym(data, (int)i, &sym);
		uint64_t size = sym.st_size != 0 ? sym.st_size : want == HD_SYMBOL_CODE;
		if (is_wanted(&sym, want) && vaddr - sym.st_value < size && sym.st_value > best)
			best = sym.st_value;
	}
	return best;
}

static void compare(struct file *f, uint64_t vaddr, enum hd_symbol_want want)
{
	struct hd_symbol symbol = {0};
	uint64_t found = hd_symbols_find(f->image, vaddr, want, &symbol) ? symbol.value : 0, expected = search(f, SHT_DYNSYM, vaddr, want);
	if (expected == 0)
		expected = search(f, SHT_SYMTAB, vaddr, want);
	cr_assert_eq(found, expected, "at %#lx (kind %d): begins at %#lx, by reading all at %#lx", (unsigned long)vaddr, want,
		     (unsigned long)found, (unsigned long)expected);
}

static void compare_all(enum hd_symbol_want want, size_t at_least)
{
	struct file f;
	size_t n, seen = 0;
	file_open(&f);
	Elf_Data *data = table(&f, SHT_SYMTAB, &n);
	for (size_t i = 0; i < n; i++) {
		GElf_Sym sym;
		gelf_getsym(data, (int)i, &sym);
		if (!is_wanted(&sym, want))
			continue;
		const uint64_t places[] = {sym.st_value, sym.st_value + sym.st_size / 2, sym.st_value + sym.st_size - 1,
					   sym.st_value + sym.st_size, sym.st_value + sym.st_size + 16};
		for (size_t p = 0; p < HD_COUNTOF(places); p++)
			compare(&f, places[p], want);
		seen++;
	}
	file_close(&f);
	cr_assert_geq(seen, at_least);
}

Test(symbols, every_function_is_found_from_its_first_byte_to_its_last_and_not_beyond, .timeout = 60)
{
	compare_all(HD_SYMBOL_CODE, 500);
}

Test(symbols, so_is_every_variable, .timeout = 60)
{
	compare_all(HD_SYMBOL_DATA, 50);
}

Test(symbols, and_those_that_each_thread_has_of_its_own, .timeout = 60)
{
	compare_all(HD_SYMBOL_TLS, 1);
}
