#include "stack/symbols.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "stack/debugdata.h"
#include "stack/image.h"

#define SYMTAB_MAX ((size_t)512 << 20)
#define CHUNK ((size_t)1024) /* symbols read at a time */
#define ANSWERS_LOG2 8
#define ANSWERS (1u << ANSWERS_LOG2) /* direct-mapped by address, for each kind of question */
#define WALK_BACK 64 /* how many symbols may start between an address and the start of the one that contains it */

struct key { /* 8 bytes: files with a million symbols exist.  The rest is read from the file when it is asked for */
	uint32_t value;  /* above the table's base */
	uint32_t symbol; /* its number in the file's table */
};

struct table { /* the symbols of one table that are worth a name, sorted by value */
	struct key *keys;
	size_t n;
	uint64_t base;
	struct hd_image *image; /* whose table it is */
	struct hd_section syms, names;
};

struct row {
	uint64_t value, size;
	uint32_t name; /* offset in the string table */
	uint8_t rank;  /* smaller = more public */
	uint8_t want;
};

struct answer { /* cached: stacks ask for the same addresses again and again */
	uint64_t vaddr; /* UINT64_MAX = empty */
	struct hd_symbol symbol;
	char *name; /* owned; NULL = there is no symbol */
};

struct hd_symbols {
	struct table dynamic, full;
	struct answer answers[2][ANSWERS];
	bool full_tried;
	struct hd_image *separate; /* owned: debug file or unpacked .gnu_debugdata */
};

void hd_symbols_free(struct hd_symbols *symbols)
{
	if (symbols == NULL)
		return;
	for (size_t i = 0; i < ANSWERS; i++) {
		free(symbols->answers[0][i].name);
		free(symbols->answers[1][i].name);
	}
	free(symbols->dynamic.keys);
	free(symbols->full.keys);
	hd_image_free(symbols->separate);
	free(symbols);
}

/* Stable radix sort by value, as many passes as the largest value has digits: a comparison sort of a big library's
 * symbols takes longer than everything else that is done with it. */
static struct key *keys_sort(struct key *keys, size_t n, uint32_t largest)
{
	enum { BITS = 11, DIGITS = 1 << BITS };
	struct key *spare = malloc((n + 1) * sizeof(*spare));
	if (spare == NULL)
		abort();
	for (unsigned shift = 0; shift < 32 && largest >> shift != 0; shift += BITS) {
		uint32_t at[DIGITS] = {0}, sum = 0;
		for (size_t i = 0; i < n; i++)
			at[keys[i].value >> shift & (DIGITS - 1)]++;
		for (size_t d = 0; d < DIGITS; d++) {
			uint32_t count = at[d];
			at[d] = sum;
			sum += count;
		}
		for (size_t i = 0; i < n; i++)
			spare[at[keys[i].value >> shift & (DIGITS - 1)]++] = keys[i];
		struct key *swap = keys;
		keys = spare;
		spare = swap;
	}
	free(spare);
	return keys;
}

/* Which symbols are kept: code and data that are defined here. */
static bool row_from(const Elf64_Sym *sym, struct row *ret)
{
	uint8_t type = ELF64_ST_TYPE(sym->st_info), bind = ELF64_ST_BIND(sym->st_info);
	if (sym->st_shndx == SHN_UNDEF || sym->st_shndx == SHN_ABS || sym->st_name == 0)
		return false;
	bool code = type == STT_FUNC || type == STT_GNU_IFUNC, data = type == STT_OBJECT || type == STT_COMMON;
	if (!code && !data && (type != STT_NOTYPE || bind == STB_LOCAL))
		return false;
	*ret = (struct row){.value = sym->st_value, .size = sym->st_size, .name = sym->st_name,
			    .rank = bind == STB_GLOBAL ? 0 : bind == STB_LOCAL ? 2 : 1,
			    .want = code ? 1u << HD_SYMBOL_CODE : data ? 1u << HD_SYMBOL_DATA : 3};
	return true;
}

static uint64_t lowest_address(const struct hd_image *image)
{
	uint64_t lowest = UINT64_MAX;
	for (uint32_t i = 0; i < image->n_segments; i++)
		lowest = image->segments[i].vaddr < lowest ? image->segments[i].vaddr : lowest;
	return lowest != UINT64_MAX ? lowest : 0;
}

/* The table goes through a small buffer: as a whole it would touch more memory than everything that is kept of it. */
static void table_load(struct table *table, struct hd_image *image, enum hd_section_role syms, enum hd_section_role names)
{
	const struct hd_section *s = &image->sections[syms];
	size_t count = s->size / sizeof(Elf64_Sym), n = 0;
	*table = (struct table){.image = image, .base = lowest_address(image), .syms = *s, .names = image->sections[names]};
	if (count == 0 || s->size > SYMTAB_MAX || s->size > image->size)
		return;
	struct key *keys = malloc(count * sizeof(*keys));
	Elf64_Sym *chunk = malloc(CHUNK * sizeof(*chunk));
	if (keys == NULL || chunk == NULL)
		abort();
	bool sorted = true;
	uint32_t largest = 0;
	for (size_t i = 0; i < count; i += CHUNK) {
		size_t step = count - i < CHUNK ? count - i : CHUNK;
		struct row row;
		if (hd_image_pread(image, s->offset + i * sizeof(*chunk), chunk, step * sizeof(*chunk)) < 0)
			break;
		for (size_t k = 0; k < step; k++) {
			if (!row_from(&chunk[k], &row) || row.value - table->base > UINT32_MAX)
				continue;
			keys[n] = (struct key){(uint32_t)(row.value - table->base), (uint32_t)(i + k)};
			sorted &= n == 0 || keys[n - 1].value <= keys[n].value;
			largest = keys[n].value > largest ? keys[n].value : largest;
			n++;
		}
	}
	free(chunk);
	table->keys = sorted ? keys : keys_sort(keys, n, largest);
	table->n = n;
}

static bool row_read(const struct table *table, const struct key *key, struct row *ret)
{
	Elf64_Sym sym;
	return hd_image_pread(table->image, table->syms.offset + (uint64_t)key->symbol * sizeof(sym), &sym, sizeof(sym)) == 0 &&
	       row_from(&sym, ret);
}

static bool name_read(const struct table *table, uint32_t name, char *buf, size_t cap)
{
	if (name >= table->names.size)
		return false;
	uint64_t at = table->names.offset + name, limit = table->names.offset + table->names.size;
	return hd_image_cstr(table->image, at, limit, buf, cap) == 0 && buf[0] != '\0';
}

/* Among aliases at one address people expect the public name: pthread_mutex_lock, not __pthread_mutex_lock. */
static int publicity(const struct table *table, const struct row *row, char *name)
{
	if (!name_read(table, row->name, name, HD_SYMBOL_NAME_MAX))
		return INT32_MAX;
	/* _Z is how mangled C++ and Rust names begin: no underscore of shyness. */
	int shy = name[0] == '_' && name[1] == 'Z' ? 0 : (int)strspn(name, "_");
	return shy * 4 + row->rank;
}

static bool covers(const struct row *row, uint64_t vaddr, enum hd_symbol_want want)
{
	uint64_t size = row->size != 0 ? row->size : want == HD_SYMBOL_CODE;
	return (row->want >> want & 1) != 0 && vaddr - row->value < size;
}

/* How many keys start at or before vaddr. */
static size_t keys_before(const struct table *table, uint64_t vaddr)
{
	size_t low = 0, high = vaddr >= table->base ? table->n : 0;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (table->keys[mid].value <= vaddr - table->base)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* name: HD_SYMBOL_NAME_MAX bytes. */
static bool table_find(const struct table *table, uint64_t vaddr, enum hd_symbol_want want, struct hd_symbol *ret, char *name)
{
	size_t low = keys_before(table, vaddr);
	struct row row, best = {0};
	int best_rank = INT32_MAX;
	char candidate[HD_SYMBOL_NAME_MAX];
	for (size_t back = 0; back < WALK_BACK && back < low; back++) {
		const struct key *key = &table->keys[low - 1 - back];
		if (best_rank != INT32_MAX && table->base + key->value != best.value)
			break;
		if (!row_read(table, key, &row) || !covers(&row, vaddr, want))
			continue;
		int rank = publicity(table, &row, candidate);
		if (rank < best_rank) {
			best = row;
			best_rank = rank;
			strcpy(name, candidate);
		}
	}
	if (best_rank == INT32_MAX)
		return false;
	ret->value = best.value;
	ret->size = best.size;
	return true;
}

/* ---- the second source: .symtab ----------------------------------------------------------------------------------- */

static struct hd_image *debug_file_open(const struct hd_image *image)
{
	char path[64 + 2 * HD_BUILD_ID_MAX] = "/usr/lib/debug/.build-id/";
	if (image->build_id_len < 2)
		return NULL;
	char *p = path + strlen(path);
	for (uint32_t i = 0; i < image->build_id_len; i++)
		p += sprintf(p, i == 0 ? "%02x/" : "%02x", image->build_id[i]);
	strcpy(p, ".debug");
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct hd_image *found = NULL;
	if (fd < 0)
		return NULL;
	if (hd_image_open(fd, path, &found) < 0) {
		close(fd);
		return NULL;
	}
	if (found->build_id_len != image->build_id_len || memcmp(found->build_id, image->build_id, image->build_id_len) != 0) {
		hd_image_free(found);
		return NULL;
	}
	return found;
}

bool hd_symbols_is_full(const struct hd_image *image)
{
	if (image->sections[HD_SEC_SYMTAB].size != 0 || image->sections[HD_SEC_DEBUGDATA].size != 0)
		return true;
	struct hd_image *separate = debug_file_open(image);
	hd_image_free(separate);
	return separate != NULL;
}

static void full_load(struct hd_symbols *symbols, struct hd_image *image)
{
	symbols->full_tried = true;
	struct hd_image *from = image;
	if (image->sections[HD_SEC_SYMTAB].size == 0) {
		symbols->separate = debug_file_open(image);
		if (symbols->separate == NULL)
			symbols->separate = hd_debugdata_open(image);
		from = symbols->separate;
	}
	if (from != NULL)
		table_load(&symbols->full, from, HD_SEC_SYMTAB, HD_SEC_STRTAB);
}

static struct hd_symbols *symbols_of(struct hd_image *image)
{
	if (image->symbols == NULL) {
		image->symbols = calloc(1, sizeof(*image->symbols));
		if (image->symbols == NULL)
			abort();
		for (size_t i = 0; i < ANSWERS; i++)
			image->symbols->answers[0][i].vaddr = image->symbols->answers[1][i].vaddr = UINT64_MAX;
		table_load(&image->symbols->dynamic, image, HD_SEC_DYNSYM, HD_SEC_DYNSTR);
	}
	return image->symbols;
}

static void answer_find(struct hd_symbols *symbols, struct hd_image *image, uint64_t vaddr, enum hd_symbol_want want,
			struct answer *ret)
{
	char name[HD_SYMBOL_NAME_MAX];
	free(ret->name);
	*ret = (struct answer){.vaddr = vaddr};
	bool found = table_find(&symbols->dynamic, vaddr, want, &ret->symbol, name);
	if (!found && !symbols->full_tried)
		full_load(symbols, image);
	found = found || table_find(&symbols->full, vaddr, want, &ret->symbol, name);
	if (found && (ret->name = strdup(name)) == NULL)
		abort();
	ret->symbol.name = ret->name;
}

bool hd_symbols_find(struct hd_image *image, uint64_t vaddr, enum hd_symbol_want want, struct hd_symbol *ret)
{
	struct hd_symbols *symbols = symbols_of(image);
	struct answer *answer = &symbols->answers[want][(vaddr * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - ANSWERS_LOG2)];
	if (answer->vaddr != vaddr || vaddr == UINT64_MAX)
		answer_find(symbols, image, vaddr, want, answer);
	if (answer->name == NULL)
		return false;
	*ret = answer->symbol;
	return true;
}

bool hd_symbols_dynamic_name(struct hd_image *image, uint32_t i, char *buf, size_t cap)
{
	const struct hd_section *syms = &image->sections[HD_SEC_DYNSYM], *names = &image->sections[HD_SEC_DYNSTR];
	Elf64_Sym sym;
	if (i == 0 || i >= syms->size / sizeof(sym) ||
	    hd_image_pread(image, syms->offset + (uint64_t)i * sizeof(sym), &sym, sizeof(sym)) < 0 || sym.st_name >= names->size)
		return false;
	return hd_image_cstr(image, names->offset + sym.st_name, names->offset + names->size, buf, cap) == 0 && buf[0] != '\0';
}
