#include <elf.h>
#include <string.h>

#include "hangdog/tls.h"
#include "parse/tcb.h"
#include "stack/image.h"
#include "stack/unwinder.h"

#define DYNAMIC_MAX 512u
#define LINK_MAPS_MAX 4096u
#define MODULES_MAX 512u
#define FIELD_MAX 4096u /* where a field of link_map may stand */
#define OFFSET_MAX (UINT64_C(64) << 20)
#define DTV_ENTRY 16u
#define BLOCKS_MAX 65536u

struct tls_module {
	uint64_t dynamic; /* where its dynamic section is in memory: images may be closed meanwhile, this finds them again */
	uint64_t size, id;
	uint64_t offset;  /* of its blocks below the thread pointer; 0 = anywhere, see the dtv */
};

struct block { /* one thread's copy of a module whose copies may be anywhere */
	uint64_t start;
	uint32_t module, tcb;
};

struct hd_tls {
	const struct hd_tcbs *tcbs;
	struct tls_module *modules;
	struct block *blocks;
	uint32_t n_modules, n_blocks;
};

/* What elf/link.h promises of struct link_map. */
struct link_map_head {
	uint64_t addr, name, ld, next, prev;
};

struct linked { /* a file on the loader's list */
	uint64_t link_map, dynamic;
	struct hd_module module;
};

struct reader {
	struct hd_unwinder *unwinder;
	const struct hd_unwind_query *query;
	struct hd_arena *arena;
	struct hd_tls *tls;
	struct linked *linked;
	uint32_t n_linked;
};

static bool find_module(const struct reader *r, uint64_t addr, struct hd_module *ret)
{
	return hd_modules_find(r->unwinder->modules, r->query, addr, ret);
}

/* ---- the loader's list ------------------------------------------------------------------------------------------------ */

/* DT_DEBUG of a file, as the loader set it in memory; 0 = it has none. */
static uint64_t debug_address(const struct reader *r, const struct hd_module *module)
{
	const struct hd_section *dynamic = &module->image->sections[HD_SEC_DYNAMIC];
	for (uint64_t i = 0; i < DYNAMIC_MAX && (i + 1) * sizeof(Elf64_Dyn) <= dynamic->size; i++) {
		Elf64_Dyn dyn;
		if (hd_mem_read(r->query->mem, dynamic->vaddr + module->bias + i * sizeof(dyn), &dyn, sizeof(dyn)) < 0 ||
		    dyn.d_tag == DT_NULL)
			break;
		if (dyn.d_tag == DT_DEBUG)
			return dyn.d_un.d_ptr;
	}
	return 0;
}

/* The program itself: only it has DT_DEBUG.  Without one, the only file there is (a static program): ret_debug is 0 then. */
static bool find_program(const struct reader *r, struct hd_module *ret, uint64_t *ret_debug)
{
	const struct hd_maps *maps = r->query->maps;
	uint32_t n = 0;
	for (size_t i = 0; i < maps->n; i++) {
		struct hd_module module;
		if (maps->at[i].path[0] != '/' || maps->at[i].offset != 0 || !find_module(r, maps->at[i].start, &module))
			continue;
		*ret = module;
		*ret_debug = debug_address(r, &module);
		if (*ret_debug != 0)
			return true;
		n++;
	}
	return n == 1;
}

static void read_link_maps(struct reader *r, uint64_t debug)
{
	uint64_t at;
	r->linked = HD_NEW_N(r->arena, LINK_MAPS_MAX, struct linked);
	if (hd_mem_u64(r->query->mem, debug + 8, &at) < 0) /* r_debug.r_map, behind an int */
		return;
	for (uint32_t steps = 0; at != 0 && steps < LINK_MAPS_MAX; steps++) {
		struct link_map_head head;
		struct linked *linked = &r->linked[r->n_linked];
		if (hd_mem_read(r->query->mem, at, &head, sizeof(head)) < 0)
			return;
		/* l_ld is where the dynamic section is in memory: that proves which file it is. */
		if (find_module(r, head.ld, &linked->module) &&
		    linked->module.image->sections[HD_SEC_DYNAMIC].vaddr + linked->module.bias == head.ld) {
			linked->link_map = at;
			linked->dynamic = head.ld;
			r->n_linked++;
		}
		at = head.next;
	}
}

/* ---- the files that have thread-local storage --------------------------------------------------------------------------- */

static bool read_descriptor(struct hd_image *image, const char *name, uint32_t *ret_offset)
{
	uint32_t desc[3]; /* bits, count, offset */
	uint64_t vaddr;
	if (!hd_symbols_address(image, name, &vaddr) || hd_image_read(image, vaddr, desc, sizeof(desc)) < 0 || desc[0] != 64 ||
	    desc[1] != 1 || desc[2] % 8 != 0 || desc[2] < sizeof(struct link_map_head) || desc[2] >= FIELD_MAX)
		return false;
	*ret_offset = desc[2];
	return true;
}

static bool is_c_library(const struct hd_image *image)
{
	static const char *const names[] = {"libc.so.6", "libc-2.", "libpthread.so.0", "libpthread-2."};
	return hd_begins_with_any(hd_path_base(image->path), names, HD_COUNTOF(names));
}

static bool read_descriptors(const struct reader *r, uint32_t *ret_id, uint32_t *ret_offset)
{
	for (uint32_t i = 0; i < r->n_linked; i++) {
		struct hd_image *image = r->linked[i].module.image;
		if (is_c_library(image) && read_descriptor(image, "_thread_db_link_map_l_tls_modid", ret_id) &&
		    read_descriptor(image, "_thread_db_link_map_l_tls_offset", ret_offset))
			return true;
	}
	return false;
}

static void add_module(struct reader *r, const struct hd_image *image, uint64_t dynamic, uint64_t id, uint64_t offset)
{
	uint64_t size = image->sections[HD_SEC_TLS].size;
	if (size == 0 || size > OFFSET_MAX || id == 0 || id > MODULES_MAX || (offset != UINT64_MAX && offset > OFFSET_MAX))
		return;
	r->tls->modules[r->tls->n_modules++] = (struct tls_module){
		.dynamic = dynamic, .size = size, .id = id, .offset = offset != UINT64_MAX ? offset : 0};
}

static void find_modules(struct reader *r)
{
	struct hd_module program;
	uint64_t debug, values[2];
	uint32_t id, offset;
	if (!find_program(r, &program, &debug))
		return;
	if (debug == 0) {
		uint64_t size = program.image->sections[HD_SEC_TLS].size, align = program.image->tls_align;
		align = align != 0 && align <= OFFSET_MAX ? align : 1;
		r->tls->modules = HD_NEW(r->arena, struct tls_module);
		add_module(r, program.image, program.map->start, 1, (size + align - 1) / align * align);
		return;
	}
	read_link_maps(r, debug);
	r->tls->modules = HD_NEW_N(r->arena, r->n_linked + 1u, struct tls_module);
	if (!read_descriptors(r, &id, &offset))
		return;
	for (uint32_t i = 0; i < r->n_linked; i++) {
		const struct linked *linked = &r->linked[i];
		if (linked->module.image->sections[HD_SEC_TLS].size != 0 &&
		    hd_mem_u64(r->query->mem, linked->link_map + id, &values[0]) == 0 &&
		    hd_mem_u64(r->query->mem, linked->link_map + offset, &values[1]) == 0)
			add_module(r, linked->module.image, linked->dynamic, values[0], values[1]);
	}
}

/* ---- the copies ---------------------------------------------------------------------------------------------------------- */

/* Where the dtv of a thread says that its copy of a module is.  False: it has none, or that cannot be read. */
static bool dtv_block(struct hd_mem *mem, uint64_t tcb, uint64_t id, uint64_t *ret_start)
{
	uint64_t dtv, count, start;
	if (hd_mem_u64(mem, tcb + 8, &dtv) < 0 || hd_mem_u64(mem, dtv - DTV_ENTRY, &count) < 0 || id > count ||
	    hd_mem_u64(mem, dtv + id * DTV_ENTRY, &start) < 0 || start == 0 || start == UINT64_MAX)
		return false;
	*ret_start = start;
	return true;
}

static void find_blocks(struct reader *r)
{
	struct hd_tls *tls = r->tls;
	uint64_t room = (uint64_t)tls->n_modules * tls->tcbs->n;
	room = room < BLOCKS_MAX ? room : BLOCKS_MAX;
	tls->blocks = HD_NEW_N(r->arena, room + 1, struct block);
	for (uint32_t m = 0; m < tls->n_modules; m++) {
		for (uint32_t i = 0; tls->modules[m].offset == 0 && i < tls->tcbs->n && tls->n_blocks < room; i++) {
			struct block block = {.module = m, .tcb = i};
			if (dtv_block(r->query->mem, tls->tcbs->at[i].addr, tls->modules[m].id, &block.start))
				tls->blocks[tls->n_blocks++] = block;
		}
	}
}

struct hd_tls *hd_tls_find(struct hd_unwinder *unwinder, const struct hd_unwind_query *query, const struct hd_tcbs *tcbs,
			   struct hd_arena *arena)
{
	struct hd_tls *tls = HD_NEW(arena, struct hd_tls);
	struct reader r = {.unwinder = unwinder, .query = query, .arena = arena, .tls = tls};
	hd_modules_trim(unwinder->modules);
	tls->tcbs = tcbs;
	find_modules(&r);
	find_blocks(&r);
	return tls;
}

/* Below which thread pointer does it lie, in which module's block?  The next one above is the only one in question. */
static bool find_static(const struct hd_tls *tls, const struct hd_unwind_query *query, uint64_t addr, struct hd_tcb *ret_tcb,
			struct block *ret)
{
	if (!hd_tcb_above(query->mem, query->maps, addr, ret_tcb))
		return false;
	for (uint32_t m = 0; m < tls->n_modules; m++) {
		uint64_t start = ret_tcb->addr - tls->modules[m].offset, told;
		if (tls->modules[m].offset == 0 || addr < start || addr - start >= tls->modules[m].size)
			continue;
		/* The thread's own table must not say otherwise. */
		if (dtv_block(query->mem, ret_tcb->addr, tls->modules[m].id, &told) && told != start)
			return false;
		*ret = (struct block){.start = start, .module = m};
		return true;
	}
	return false;
}

static bool find_dynamic(const struct hd_tls *tls, uint64_t addr, struct hd_tcb *ret_tcb, struct block *ret)
{
	for (uint32_t i = 0; i < tls->n_blocks; i++) {
		const struct block *b = &tls->blocks[i];
		if (addr < b->start || addr - b->start >= tls->modules[b->module].size)
			continue;
		*ret_tcb = tls->tcbs->at[b->tcb];
		*ret = *b;
		return true;
	}
	return false;
}

bool hd_tls_symbol(const struct hd_tls *tls, struct hd_unwinder *unwinder, const struct hd_unwind_query *query, uint64_t addr,
		   struct hd_arena *arena, struct hd_tls_symbol *ret)
{
	struct block block;
	struct hd_tcb tcb;
	struct hd_module module;
	hd_modules_trim(unwinder->modules);
	if ((!find_static(tls, query, addr, &tcb, &block) && !find_dynamic(tls, addr, &tcb, &block)) ||
	    !hd_modules_find(unwinder->modules, query, tls->modules[block.module].dynamic, &module))
		return false;
	*ret = (struct hd_tls_symbol){.tcb = tcb.addr, .tid = tcb.tid};
	ret->data = hd_data_symbol_at(module.image, addr - block.start, HD_SYMBOL_TLS, /* want_members= */ true, arena);
	return true;
}
