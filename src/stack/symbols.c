#include "stack/symbols.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "stack/debugdata.h"
#include "stack/image.h"
#include "stack/keys.h"

#define SYMTAB_MAX ((size_t)512 << 20)
#define CHUNK ((size_t)1024) /* symbols read at a time */
#define ANSWERS_LOG2 8
#define ANSWERS ((size_t)1 << ANSWERS_LOG2) /* direct-mapped by address, for each kind of question */
/* Thread-local symbols stand above all others in an index: no file of ours is that big. */
#define TLS_KEYS UINT32_C(0xf0000000)
#define WALK_BACK 64 /* how many symbols may start between an address and the start of the one that contains it */

/* What a key tells of a symbol besides its place, so that only those that can be the answer are read from the file: its
 * number, the power of two that its size does not exceed, and what it names. */
#define NUMBER_BITS 25
#define REACH_BITS 5
#define REACH_MOST ((1u << REACH_BITS) - 1) /* that far, or farther */
_Static_assert(SYMTAB_MAX / sizeof(Elf64_Sym) <= 1u << NUMBER_BITS, "every symbol has a number");

struct table { /* the symbols of one table that are worth a name */
	struct hd_keys keys; /* their addresses above the base, and tags */
	uint64_t base;
	struct hd_image *image; /* whose table it is; NULL = none */
	struct hd_section syms, names;
	size_t n, done; /* symbols in the file, and how many of them were looked at */
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
	struct answer answers[HD_SYMBOL_WANTS][ANSWERS];
	bool full_known;
	struct hd_debugdata *unpacking; /* owned */
	struct hd_image *separate; /* owned: debug file or unpacked .gnu_debugdata */
};

void hd_symbols_free(struct hd_symbols *symbols)
{
	if (symbols == NULL)
		return;
	for (size_t i = 0; i < HD_SYMBOL_WANTS * ANSWERS; i++)
		free(symbols->answers[i / ANSWERS][i % ANSWERS].name);
	hd_keys_release(&symbols->dynamic.keys);
	hd_keys_release(&symbols->full.keys);
	hd_debugdata_free(symbols->unpacking);
	hd_image_free(symbols->separate);
	free(symbols);
}

/* Which symbols are kept: code, data and thread-local variables that are defined here. */
static bool row_from(const Elf64_Sym *sym, struct row *ret)
{
	uint8_t type = ELF64_ST_TYPE(sym->st_info), bind = ELF64_ST_BIND(sym->st_info);
	if (sym->st_shndx == SHN_UNDEF || sym->st_shndx == SHN_ABS || sym->st_name == 0)
		return false;
	bool code = type == STT_FUNC || type == STT_GNU_IFUNC, data = type == STT_OBJECT || type == STT_COMMON;
	bool tls = type == STT_TLS;
	if (!code && !data && !tls && (type != STT_NOTYPE || bind == STB_LOCAL))
		return false;
	*ret = (struct row){.value = sym->st_value, .size = sym->st_size, .name = sym->st_name,
			    .rank = bind == STB_GLOBAL ? 0 : bind == STB_LOCAL ? 2 : 1,
			    .want = code ? 1u << HD_SYMBOL_CODE : data ? 1u << HD_SYMBOL_DATA : tls ? 1u << HD_SYMBOL_TLS
				    : 1u << HD_SYMBOL_CODE | 1u << HD_SYMBOL_DATA};
	return true;
}

static void table_open(struct table *table, struct hd_image *image, enum hd_section_role syms, enum hd_section_role names)
{
	const struct hd_section *s = &image->sections[syms];
	*table = (struct table){.image = image, .base = hd_image_base(image), .syms = *s, .names = image->sections[names]};
	if (s->size <= SYMTAB_MAX && s->size <= image->size)
		table->n = s->size / sizeof(Elf64_Sym);
}

/* Where a symbol stands in the index of its table. */
static bool key_value(const struct table *table, uint64_t value, bool is_tls, uint32_t *ret)
{
	uint64_t above = is_tls ? value : value - table->base;
	if (above >= (is_tls ? UINT32_MAX - TLS_KEYS : TLS_KEYS))
		return false;
	*ret = (uint32_t)above + (is_tls ? TLS_KEYS : 0);
	return true;
}

static uint32_t tag_of(const struct row *row, size_t number)
{
	uint64_t reach = row->size > 1 ? 64u - (unsigned)__builtin_clzll(row->size - 1) : 0;
	uint64_t kind = (row->want & (row->want - 1)) == 0 ? (unsigned)__builtin_ctz(row->want) : HD_SYMBOL_WANTS; /* code or data */
	return (uint32_t)(kind << (NUMBER_BITS + REACH_BITS) | (reach < REACH_MOST ? reach : REACH_MOST) << NUMBER_BITS | number);
}

static uint32_t tag_number(uint32_t tag)
{
	return tag & ((1u << NUMBER_BITS) - 1);
}

/* False: the symbol does not cover what lies `above` its start.  True: it has to be read. */
static bool tag_may_cover(uint32_t tag, uint32_t above, enum hd_symbol_want want)
{
	uint32_t reach = tag >> NUMBER_BITS & REACH_MOST, kind = tag >> (NUMBER_BITS + REACH_BITS);
	return (kind == want || (kind == HD_SYMBOL_WANTS && want != HD_SYMBOL_TLS)) &&
	       (reach == REACH_MOST || above < 1u << reach);
}

static void table_step(struct table *table, Elf64_Sym *chunk)
{
	size_t n = table->n - table->done < CHUNK ? table->n - table->done : CHUNK;
	struct row row;
	if (hd_image_pread(table->image, table->syms.offset + table->done * sizeof(*chunk), chunk, n * sizeof(*chunk)) < 0) {
		table->n = table->done; /* what follows cannot be read */
		return;
	}
	for (size_t i = 0; i < n; i++) {
		uint32_t value;
		if (row_from(&chunk[i], &row) && key_value(table, row.value, row.want == 1u << HD_SYMBOL_TLS, &value))
			hd_keys_push(&table->keys, value, tag_of(&row, table->done + i));
	}
	table->done += n;
}

/* Indexed as a whole?  The table goes through a small buffer: it would touch more memory than all that is kept of it. */
static bool table_ready(struct table *table, struct hd_work *work)
{
	if (table->done < table->n) {
		hd_keys_reserve(&table->keys, table->n);
		Elf64_Sym *chunk = malloc(CHUNK * sizeof(*chunk));
		if (chunk == NULL)
			abort();
		while (table->done < table->n && hd_work_take(work, CHUNK))
			table_step(table, chunk);
		free(chunk);
	}
	return table->done == table->n && hd_keys_sort(&table->keys, work);
}

static bool row_read(const struct table *table, const struct hd_key *key, struct row *ret)
{
	Elf64_Sym sym;
	return hd_image_pread(table->image, table->syms.offset + (uint64_t)tag_number(key->id) * sizeof(sym), &sym, sizeof(sym)) == 0 &&
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

/* name: HD_SYMBOL_NAME_MAX bytes. */
static bool table_find(const struct table *table, uint64_t vaddr, enum hd_symbol_want want, struct hd_symbol *ret, char *name)
{
	struct row row, best = {0};
	int best_rank = INT32_MAX;
	char candidate[HD_SYMBOL_NAME_MAX];
	uint32_t value, best_key = 0;
	if (!key_value(table, vaddr, want == HD_SYMBOL_TLS, &value))
		return false;
	size_t low = hd_keys_until(&table->keys, value);
	for (size_t back = 0; back < WALK_BACK && back < low; back++) {
		const struct hd_key *key = &table->keys.at[low - 1 - back];
		if (best_rank != INT32_MAX && key->value != best_key)
			break;
		if (!tag_may_cover(key->id, value - key->value, want) || !row_read(table, key, &row) || !covers(&row, vaddr, want))
			continue;
		int rank = publicity(table, &row, candidate);
		if (rank < best_rank) {
			best = row;
			best_key = key->value;
			best_rank = rank;
			memcpy(name, candidate, strlen(candidate) + 1);
		}
	}
	if (best_rank == INT32_MAX)
		return false;
	ret->value = best.value;
	ret->size = best.size;
	return true;
}

/* ---- the second source: .symtab ----------------------------------------------------------------------------------- */

struct hd_image *hd_symbols_debug_file(const struct hd_image *image)
{
	char path[64 + 2 * HD_BUILD_ID_MAX] = "/usr/lib/debug/.build-id/";
	if (image->build_id_len < 2)
		return NULL;
	char *p = path + strlen(path);
	for (uint32_t i = 0; i < image->build_id_len; i++)
		p += sprintf(p, i == 0 ? "%02x/" : "%02x", image->build_id[i]);
	memcpy(p, ".debug", sizeof(".debug"));
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
	struct hd_image *separate = hd_symbols_debug_file(image);
	hd_image_free(separate);
	return separate != NULL;
}

/* Is it known where the second table is, if there is one? */
static bool full_known(struct hd_symbols *symbols, struct hd_image *image)
{
	struct hd_image *from = image;
	if (symbols->full_known)
		return true;
	if (image->sections[HD_SEC_SYMTAB].size == 0) {
		if (symbols->separate == NULL && symbols->unpacking == NULL &&
		    (symbols->separate = hd_symbols_debug_file(image)) == NULL)
			symbols->unpacking = hd_debugdata_begin(image);
		if (symbols->unpacking != NULL && !hd_debugdata_unpack(symbols->unpacking, image->work, &symbols->separate))
			return false;
		hd_debugdata_free(symbols->unpacking);
		symbols->unpacking = NULL;
		from = symbols->separate;
	}
	symbols->full_known = true;
	if (from != NULL)
		table_open(&symbols->full, from, HD_SEC_SYMTAB, HD_SEC_STRTAB);
	return true;
}

static struct hd_symbols *symbols_of(struct hd_image *image)
{
	if (image->symbols == NULL) {
		image->symbols = calloc(1, sizeof(*image->symbols));
		if (image->symbols == NULL)
			abort();
		for (size_t i = 0; i < HD_SYMBOL_WANTS * ANSWERS; i++)
			image->symbols->answers[i / ANSWERS][i % ANSWERS].vaddr = UINT64_MAX;
		table_open(&image->symbols->dynamic, image, HD_SEC_DYNSYM, HD_SEC_DYNSTR);
	}
	return image->symbols;
}

/* Is the second source indexed as a whole? */
static bool full_ready(struct hd_symbols *symbols, struct hd_image *image)
{
	return full_known(symbols, image) && table_ready(&symbols->full, image->work);
}

/* False: the index is not finished, so there is no answer yet. */
static bool answer_find(struct hd_symbols *symbols, struct hd_image *image, uint64_t vaddr, enum hd_symbol_want want,
			struct answer *ret)
{
	char name[HD_SYMBOL_NAME_MAX];
	struct hd_symbol symbol = {0};
	if (!table_ready(&symbols->dynamic, image->work))
		return false;
	bool found = table_find(&symbols->dynamic, vaddr, want, &symbol, name);
	if (!found) {
		if (!full_ready(symbols, image))
			return false;
		found = table_find(&symbols->full, vaddr, want, &symbol, name);
	}
	free(ret->name);
	*ret = (struct answer){.vaddr = vaddr, .symbol = symbol};
	if (found && (ret->name = strdup(name)) == NULL)
		abort();
	ret->symbol.name = ret->name;
	return true;
}

bool hd_symbols_find(struct hd_image *image, uint64_t vaddr, enum hd_symbol_want want, struct hd_symbol *ret)
{
	struct hd_symbols *symbols = symbols_of(image);
	struct answer *answer = &symbols->answers[want][(vaddr * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - ANSWERS_LOG2)];
	if ((answer->vaddr != vaddr || vaddr == UINT64_MAX) && !answer_find(symbols, image, vaddr, want, answer))
		return false;
	if (answer->name == NULL)
		return false;
	*ret = answer->symbol;
	return true;
}

static bool table_address(const struct table *table, const char *name, uint64_t *ret_vaddr)
{
	char found[HD_SYMBOL_NAME_MAX];
	for (size_t i = 0; i < table->keys.n; i++) {
		struct row row;
		if (row_read(table, &table->keys.at[i], &row) && name_read(table, row.name, found, sizeof(found)) &&
		    strcmp(found, name) == 0) {
			*ret_vaddr = row.value;
			return true;
		}
	}
	return false;
}

bool hd_symbols_address(struct hd_image *image, const char *name, uint64_t *ret_vaddr)
{
	struct hd_symbols *symbols = symbols_of(image);
	if (!table_ready(&symbols->dynamic, image->work))
		return false;
	if (table_address(&symbols->dynamic, name, ret_vaddr))
		return true;
	return full_ready(symbols, image) && table_address(&symbols->full, name, ret_vaddr);
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
