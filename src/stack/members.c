#include "stack/members.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <gelf.h>
#include <string.h>

#include "hangdog/buf.h"
#include "stack/image.h"
#include "stack/keys.h"

#define BYTES_MAX ((uint64_t)64 << 20) /* of debug information in a file */
#define DIES_MAX (UINT32_C(2) << 20)   /* looked at for the index */
#define UNITS_A_DIE 10u                /* of work */
#define DEPTH_MAX 16u
#define DIMENSIONS_MAX 4

struct hd_members {
	struct hd_image *separate; /* owned: the debug file, if that has it */
	Elf *elf;
	Dwarf *dwarf; /* NULL: the file has no debug information */
	struct hd_keys at[HD_SYMBOL_WANTS]; /* addresses above the base of the image -> offsets of DIEs */
	uint64_t base;
	Dwarf_CU *unit; /* the last one that is in the index; NULL = none yet */
	uint32_t looked_at;
	bool is_whole;
};

void hd_members_free(struct hd_members *members)
{
	if (members == NULL)
		return;
	for (size_t i = 0; i < HD_SYMBOL_WANTS; i++)
		hd_keys_release(&members->at[i]);
	if (members->dwarf != NULL)
		dwarf_end(members->dwarf);
	if (members->elf != NULL)
		elf_end(members->elf);
	hd_image_free(members->separate);
	free(members);
}

/* ---- opening ---------------------------------------------------------------------------------------------------------- */

/* Is there debug information, and not too much of it? */
static bool is_readable(Elf *elf)
{
	size_t names;
	uint64_t bytes = 0;
	bool has_info = false;
	if (elf_getshdrstrndx(elf, &names) != 0)
		return false;
	for (Elf_Scn *scn = elf_nextscn(elf, NULL); scn != NULL; scn = elf_nextscn(elf, scn)) {
		GElf_Shdr sh;
		GElf_Chdr packed;
		const char *name = gelf_getshdr(scn, &sh) != NULL ? elf_strptr(elf, names, sh.sh_name) : NULL;
		if (name == NULL || strncmp(name, ".debug_", 7) != 0 || sh.sh_type == SHT_NOBITS)
			continue;
		bool is_packed = (sh.sh_flags & SHF_COMPRESSED) != 0 && gelf_getchdr(scn, &packed) != NULL;
		uint64_t size = is_packed ? packed.ch_size : sh.sh_size;
		bytes = size > BYTES_MAX ? UINT64_MAX : bytes + size;
		if (bytes > BYTES_MAX)
			return false;
		has_info |= strcmp(name, ".debug_info") == 0;
	}
	return has_info;
}

static bool dwarf_open(struct hd_members *members, int fd)
{
	members->elf = elf_begin(fd, ELF_C_READ, NULL);
	if (members->elf == NULL)
		return false;
	if (is_readable(members->elf))
		members->dwarf = dwarf_begin_elf(members->elf, DWARF_C_READ, NULL);
	if (members->dwarf != NULL)
		return true;
	elf_end(members->elf);
	members->elf = NULL;
	return false;
}

/* ---- the index -------------------------------------------------------------------------------------------------------- */

/* Where a variable is: at one fixed address, or at one offset of each thread's block. */
static bool location(Dwarf_Die *die, uint64_t *ret_vaddr, enum hd_symbol_want *ret_want)
{
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t n;
	if (dwarf_attr(die, DW_AT_location, &attr) == NULL || dwarf_getlocation(&attr, &ops, &n) != 0)
		return false;
	bool is_tls = n == 2 && (ops[0].atom == DW_OP_const8u || ops[0].atom == DW_OP_const4u) &&
		      (ops[1].atom == DW_OP_GNU_push_tls_address || ops[1].atom == DW_OP_form_tls_address);
	if (!is_tls && (n != 1 || ops[0].atom != DW_OP_addr))
		return false;
	*ret_vaddr = ops[0].number;
	*ret_want = is_tls ? HD_SYMBOL_TLS : HD_SYMBOL_DATA;
	return true;
}

static void add_variable(struct hd_members *members, Dwarf_Die *die)
{
	uint64_t vaddr, base;
	enum hd_symbol_want want;
	Dwarf_Off offset = dwarf_dieoffset(die);
	if (!location(die, &vaddr, &want))
		return;
	base = want == HD_SYMBOL_TLS ? 0 : members->base;
	if (vaddr >= base && vaddr - base <= UINT32_MAX && offset <= UINT32_MAX)
		hd_keys_push(&members->at[want], (uint32_t)(vaddr - base), (uint32_t)offset);
}

static bool holds_variables(int tag)
{
	return tag == DW_TAG_namespace || tag == DW_TAG_subprogram || tag == DW_TAG_lexical_block;
}

static void add_children(struct hd_members *members, Dwarf_Die *parent, uint32_t depth)
{
	Dwarf_Die die;
	if (depth == DEPTH_MAX || dwarf_child(parent, &die) != 0)
		return;
	do {
		int tag = dwarf_tag(&die);
		if (members->looked_at++ >= DIES_MAX)
			return;
		if (tag == DW_TAG_variable)
			add_variable(members, &die);
		else if (holds_variables(tag))
			add_children(members, &die, depth + 1);
	} while (dwarf_siblingof(&die, &die) == 0);
}

/* Unit by unit; what is out of work goes on with the next question. */
static bool index_ready(struct hd_members *members, struct hd_work *work)
{
	while (!members->is_whole) {
		Dwarf_Die die;
		uint32_t before = members->looked_at;
		if (!hd_work_take(work, 1))
			return false;
		members->is_whole = before >= DIES_MAX || dwarf_get_units(members->dwarf, members->unit, &members->unit, NULL, NULL,
									  &die, NULL) != 0;
		if (members->is_whole)
			break;
		add_children(members, &die, 0);
		/* The work is known when it is done: the next unit pays. */
		(void)!hd_work_take(work, (uint64_t)(members->looked_at - before) * UNITS_A_DIE);
	}
	return hd_keys_sort(&members->at[HD_SYMBOL_DATA], work) && hd_keys_sort(&members->at[HD_SYMBOL_TLS], work);
}

static struct hd_members *members_of(struct hd_image *image)
{
	if (image->members != NULL)
		return image->members;
	struct hd_members *members = calloc(1, sizeof(*members));
	if (members == NULL)
		abort();
	image->members = members;
	members->base = hd_image_base(image);
	elf_version(EV_CURRENT);
	bool is_open = image->fd >= 0 && dwarf_open(members, image->fd);
	if (!is_open && (members->separate = hd_symbols_debug_file(image)) != NULL)
		is_open = dwarf_open(members, members->separate->fd);
	members->is_whole = !is_open;
	return members;
}

/* ---- types ------------------------------------------------------------------------------------------------------------ */

/* Types of the libraries are taken whole: what they are made of says nothing to people. */
static bool is_opaque(Dwarf_Die *type)
{
	static const char *const names[] = {"pthread_", "sem_t", "once_flag", "mtx_t", "cnd_t", "_IO_FILE"};
	const char *name = dwarf_diename(type);
	if (name != NULL && hd_begins_with_any(name, names, HD_COUNTOF(names)))
		return true;
	Dwarf_Die *scopes = NULL;
	int n = dwarf_getscopes_die(type, &scopes);
	bool is_std = false;
	for (int i = 1; i < n && !is_std; i++) {
		const char *scope = dwarf_tag(&scopes[i]) == DW_TAG_namespace ? dwarf_diename(&scopes[i]) : NULL;
		is_std = scope != NULL && strcmp(scope, "std") == 0;
	}
	free(scopes);
	return is_std;
}

static bool type_of(Dwarf_Die *die, Dwarf_Die *ret)
{
	Dwarf_Attribute attr;
	return dwarf_formref_die(dwarf_attr_integrate(die, DW_AT_type, &attr), ret) != NULL;
}

/* What a name stands for; false: it is opaque, or a name for nothing. */
static bool strip_names(Dwarf_Die *type)
{
	for (uint32_t depth = 0; depth < DEPTH_MAX; depth++) {
		int tag = dwarf_tag(type);
		if (is_opaque(type))
			return false;
		if (tag != DW_TAG_typedef && tag != DW_TAG_const_type && tag != DW_TAG_volatile_type && tag != DW_TAG_atomic_type)
			return true;
		if (!type_of(type, type))
			return false;
	}
	return false;
}

/* Numbers, pointers, and arrays of them. */
static bool is_plain(Dwarf_Die type)
{
	for (uint32_t depth = 0; depth < DEPTH_MAX && !is_opaque(&type); depth++) {
		int tag = dwarf_tag(&type);
		if (tag == DW_TAG_base_type || tag == DW_TAG_pointer_type || tag == DW_TAG_enumeration_type)
			return true;
		if ((tag != DW_TAG_array_type && tag != DW_TAG_typedef && tag != DW_TAG_const_type && tag != DW_TAG_volatile_type) ||
		    !type_of(&type, &type))
			return false;
	}
	return false;
}

/* One member further; false: none of them is there.  Members without a name (anonymous unions, bases) are passed. */
static bool step_into_member(Dwarf_Die *type, uint64_t *offset, struct hd_buf *path, bool may_be_plain)
{
	Dwarf_Die die, member_type;
	if (dwarf_child(type, &die) != 0)
		return false;
	uint32_t n = 0;
	do {
		Dwarf_Attribute attr;
		Dwarf_Word at = 0, size;
		int tag = dwarf_tag(&die);
		if ((tag != DW_TAG_member && tag != DW_TAG_inheritance) || !type_of(&die, &member_type) ||
		    dwarf_hasattr(&die, DW_AT_external) || dwarf_hasattr(&die, DW_AT_bit_size))
			continue;
		if (dwarf_attr(&die, DW_AT_data_member_location, &attr) != NULL && dwarf_formudata(&attr, &at) != 0)
			continue; /* of a virtual base: computed */
		if (*offset < at || dwarf_aggregate_size(&member_type, &size) != 0 || *offset - at >= size)
			continue;
		if (!may_be_plain && is_plain(member_type))
			continue;
		const char *name = dwarf_diename(&die);
		if (tag == DW_TAG_member && name != NULL)
			hd_buf_printf(path, ".%s", name);
		*offset -= at;
		*type = member_type;
		return true;
	} while (n++ < DIES_MAX && dwarf_siblingof(&die, &die) == 0);
	return false;
}

/* Of the members of a union that are there, one that may have a lock in it comes before a number or room for bytes. */
static bool step_into_struct(Dwarf_Die *type, uint64_t *offset, struct hd_buf *path)
{
	bool is_union = dwarf_tag(type) == DW_TAG_union_type;
	return (is_union && step_into_member(type, offset, path, false)) || step_into_member(type, offset, path, true);
}

static bool subrange_count(Dwarf_Die *range, uint64_t *ret)
{
	Dwarf_Attribute attr;
	Dwarf_Word count;
	if (dwarf_formudata(dwarf_attr(range, DW_AT_count, &attr), &count) != 0) {
		if (dwarf_formudata(dwarf_attr(range, DW_AT_upper_bound, &attr), &count) != 0)
			return false;
		count++;
	}
	*ret = count;
	return count != 0;
}

static bool step_into_array(Dwarf_Die *type, uint64_t *offset, struct hd_buf *path)
{
	Dwarf_Die element, range;
	Dwarf_Word size;
	uint64_t counts[DIMENSIONS_MAX], index[DIMENSIONS_MAX];
	int n = 0;
	if (!type_of(type, &element) || dwarf_aggregate_size(&element, &size) != 0 || size == 0 || dwarf_child(type, &range) != 0)
		return false;
	do {
		if (dwarf_tag(&range) == DW_TAG_subrange_type && (n == DIMENSIONS_MAX || !subrange_count(&range, &counts[n++])))
			return false;
	} while (dwarf_siblingof(&range, &range) == 0);
	uint64_t left = *offset / size;
	for (int i = n - 1; i >= 0; i--) {
		index[i] = left % counts[i];
		left /= counts[i];
	}
	for (int i = 0; i < n; i++)
		hd_buf_printf(path, "[%llu]", (unsigned long long)index[i]);
	*offset %= size;
	*type = element;
	return left == 0 && n > 0;
}

static bool step_into(Dwarf_Die *type, uint64_t *offset, struct hd_buf *path)
{
	switch (dwarf_tag(type)) {
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
		return step_into_struct(type, offset, path);
	case DW_TAG_array_type:
		return step_into_array(type, offset, path);
	default:
		return false;
	}
}

const char *hd_members_path(struct hd_image *image, uint64_t vaddr, enum hd_symbol_want want, uint64_t offset,
			    struct hd_arena *arena, uint64_t *ret_rest)
{
	HD_CLEAN_BUF struct hd_buf path = {0};
	struct hd_members *members = members_of(image);
	struct hd_keys *keys = &members->at[want];
	uint64_t above = want == HD_SYMBOL_TLS ? vaddr : vaddr - members->base;
	Dwarf_Die die, type;
	if (!index_ready(members, image->work))
		return NULL;
	const struct hd_key *key = above <= UINT32_MAX ? hd_keys_last(keys, (uint32_t)above) : NULL;
	if (key == NULL || dwarf_offdie(members->dwarf, key->id, &die) == NULL || !type_of(&die, &type))
		return NULL;
	for (uint32_t depth = 0; depth < DEPTH_MAX && strip_names(&type) && step_into(&type, &offset, &path); depth++)
		;
	if (path.len == 0)
		return NULL;
	*ret_rest = offset;
	return hd_arena_strn(arena, hd_buf_text(&path), path.len);
}
