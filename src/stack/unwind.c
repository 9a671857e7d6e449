#include "hangdog/unwind.h"

#include <string.h>

#include "stack/image.h"
#include "stack/lines.h"
#include "stack/members.h"
#include "stack/unwinder.h"

#define FRAMES_DEFAULT 256u
#define INLINED_MAX 16u
#define NAMES 512u /* kept at a time */
#define NAMES_INDEX_LOG2 10
#define NAMES_INDEX (1u << NAMES_INDEX_LOG2) /* direct-mapped */
#define TAIL_MAX 4096 /* bytes of a function that are looked through for jumps out of it */

struct hd_unwinder *hd_unwinder_new(void)
{
	struct hd_unwinder *unwinder = calloc(1, sizeof(*unwinder));
	if (unwinder == NULL)
		abort();
	unwinder->modules = hd_modules_new();
	unwinder->memo = hd_memo_new();
	unwinder->window = hd_window_new();
	unwinder->frames = calloc(HD_WALK_FRAMES_MAX, sizeof(*unwinder->frames));
	if (unwinder->frames == NULL)
		abort();
	return unwinder;
}

void hd_unwinder_free(struct hd_unwinder *unwinder)
{
	if (unwinder == NULL)
		return;
	hd_memo_free(unwinder->memo);
	hd_modules_free(unwinder->modules);
	hd_window_free(unwinder->window);
	free(unwinder->frames);
	free(unwinder);
}

void hd_unwinder_drop(struct hd_unwinder *unwinder, int32_t pid)
{
	hd_modules_drop(unwinder->modules, pid);
}

void hd_unwinder_limit(struct hd_unwinder *unwinder, uint64_t units)
{
	*hd_modules_work(unwinder->modules) = (struct hd_work){.left = units};
}

bool hd_unwinder_is_starved(const struct hd_unwinder *unwinder)
{
	return hd_modules_work(unwinder->modules)->is_starved;
}

struct hd_registers hd_unwind_registers(const struct hd_regs *from)
{
	struct hd_registers regs = {.known = 1u << HD_REG_RSP | 1u << HD_REG_RIP};
	memcpy(regs.at, from->gp, sizeof(regs.at));
	regs.known |= from->all_known ? (1u << HD_REGS) - 1 : from->gp_known;
	if (!from->all_known && from->fp_known) {
		regs.at[HD_REG_RBP] = from->fp;
		regs.known |= 1u << HD_REG_RBP;
	}
	regs.at[HD_REG_RSP] = from->sp;
	regs.at[HD_REG_RIP] = from->pc;
	return regs;
}

struct hd_walk hd_unwind_walk(struct hd_unwinder *unwinder, const struct hd_unwind_query *query)
{
	uint32_t max = query->frames_max != 0 ? query->frames_max : FRAMES_DEFAULT;
	hd_modules_trim(unwinder->modules);
	return (struct hd_walk){
		.modules = unwinder->modules,
		.memo = unwinder->memo,
		.query = query,
		.mem = hd_window_over(unwinder->window, query),
		.regs = hd_unwind_registers(&query->regs),
		.frames = unwinder->frames,
		.max = max < HD_WALK_FRAMES_MAX ? max : HD_WALK_FRAMES_MAX,
	};
}

/* ---- names ----------------------------------------------------------------------------------------------------------- */

/* gcc splits functions: _PyEval_EvalFrameDefault.cold, .part.0 and so on are still the loop. */
static bool is_eval_loop(const char *symbol)
{
	static const char loop[] = "_PyEval_EvalFrameDefault";
	return symbol != NULL && strncmp(symbol, loop, sizeof(loop) - 1) == 0 &&
	       (symbol[sizeof(loop) - 1] == '\0' || symbol[sizeof(loop) - 1] == '.');
}

/* The name behind a GOT slot, if what it holds lies in `image`. */
static bool slot_name(struct hd_unwinder *unwinder, const struct hd_unwind_query *query, const struct hd_module *module,
		      uint64_t slot, const struct hd_image *image, char *name)
{
	struct hd_module target;
	uint64_t addr;
	return hd_mem_u64(query->mem, slot + module->bias, &addr) == 0 &&
	       hd_modules_find(unwinder->modules, query, addr, &target) && target.image == image &&
	       hd_slots_name(module->image, slot, name, HD_SYMBOL_NAME_MAX);
}

/* A function of one file was called, but the thread is in another file: the function's end jumped there, and its PLT says
 * to what.  Two different answers are none. */
static const char *tail_name(struct hd_unwinder *unwinder, const struct hd_unwind_query *query, const struct hd_module *module,
			     uint64_t function, const struct hd_image *image, struct hd_arena *arena)
{
	const struct hd_cfi_row *row = hd_cfi_find(module->image, function);
	char name[HD_SYMBOL_NAME_MAX], found[HD_SYMBOL_NAME_MAX] = "";
	uint8_t code[TAIL_MAX];
	if (row == NULL || row->start != function)
		return NULL;
	uint64_t start = row->start, end = row->end;
	size_t n = end - start < sizeof(code) ? end - start : sizeof(code);
	if (hd_image_read(module->image, start, code, n) < 0)
		return NULL;
	for (size_t i = 0; i + 6 <= n + 1; i++) {
		bool direct = code[i] == 0xe9 && i + 5 <= n, through = i + 6 <= n && code[i] == 0xff && code[i + 1] == 0x25;
		int32_t rel;
		uint64_t slot;
		if (!direct && !through)
			continue;
		memcpy(&rel, code + i + (direct ? 1 : 2), sizeof(rel));
		slot = start + i + (direct ? 5 : 6) + (uint64_t)(int64_t)rel;
		if (direct && ((slot >= start && slot < end) || !hd_callsite_plt(module->image, slot, &slot)))
			continue;
		if (!slot_name(unwinder, query, module, slot, image, name))
			continue;
		if (found[0] != '\0' && strcmp(found, name) != 0)
			return NULL;
		memcpy(found, name, strlen(name) + 1);
	}
	return found[0] != '\0' ? hd_arena_str(arena, found) : NULL;
}

/* The public name of what frame number i's caller called. */
static const char *called_name(struct hd_unwinder *unwinder, const struct hd_walk *walk, uint32_t i, struct hd_arena *arena)
{
	const struct hd_walk_frame *caller = &walk->frames[i + 1], *callee = &walk->frames[i];
	const struct hd_module *module = &caller->module;
	const struct hd_unwind_query *query = walk->query;
	struct hd_symbol symbol;
	struct hd_module target;
	char name[HD_SYMBOL_NAME_MAX];
	uint64_t slot = caller->call.target, addr;
	if (module->image == NULL || (caller->call.form != HD_CALL_DIRECT && caller->call.form != HD_CALL_SLOT))
		return NULL;
	if (caller->call.form == HD_CALL_DIRECT && !hd_callsite_plt(module->image, caller->call.target, &slot)) {
		addr = caller->call.target + module->bias;
	} else {
		if (hd_slots_name(module->image, slot, name, sizeof(name)))
			return hd_arena_str(arena, name);
		if (hd_mem_u64(query->mem, slot + module->bias, &addr) < 0)
			return NULL;
	}
	if (!hd_modules_find(unwinder->modules, query, addr, &target))
		return NULL;
	if (callee->module.image != NULL && callee->module.image != target.image) {
		const char *tail = tail_name(unwinder, query, &target, addr - target.bias, callee->module.image, arena);
		if (tail != NULL)
			return tail;
	}
	if (!hd_symbols_find(target.image, addr - target.bias, HD_SYMBOL_CODE, &symbol) || symbol.value != addr - target.bias)
		return NULL;
	return hd_arena_str(arena, symbol.name);
}

/* A frame is named by where it stands, and by the call that led there. */
struct named {
	uint64_t look, caller_pc;
	struct hd_frame frame;
};

struct hd_unwind_names {
	bool shares;
	struct hd_stack last;
	uint32_t n;
	uint16_t index[NAMES_INDEX]; /* 1 + place in `at`; 0 = free */
	struct named *at;	     /* NAMES; only what is used of it is ever touched */
};

struct hd_unwind_names *hd_unwind_names_new(struct hd_arena *scratch, bool shares)
{
	struct hd_unwind_names *names = HD_NEW(scratch, struct hd_unwind_names);
	names->shares = shares;
	names->at = hd_arena_room(scratch, NAMES * sizeof(*names->at));
	return names;
}

/* Where the name of a frame is kept, or will be. */
static struct named *names_place(struct hd_unwind_names *names, uint64_t look, uint64_t caller_pc)
{
	uint16_t *place = &names->index[((look ^ caller_pc << 1) * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - NAMES_INDEX_LOG2)];
	if (*place == 0 && names->n == NAMES) {
		memset(names->index, 0, sizeof(names->index));
		names->n = 0;
	}
	if (*place == 0) {
		names->at[names->n] = (struct named){0};
		*place = (uint16_t)++names->n;
	}
	return &names->at[*place - 1];
}

/* Frames and walk are one to one unless inlined ones were put between. */
static bool is_last(const struct hd_unwind_names *names, const struct hd_walk *walk)
{
	const struct hd_stack *last = &names->last;
	if (!names->shares || walk->query->want_lines || last->n != walk->n || last->is_complete != walk->is_complete ||
	    last->is_partial != walk->is_partial)
		return false;
	for (uint32_t i = 0; i < walk->n; i++) {
		const struct hd_frame *a = &last->at[i];
		const struct hd_walk_frame *b = &walk->frames[i];
		if (a->pc != b->pc || a->is_guess != b->is_guess || a->is_signal != b->is_signal)
			return false;
	}
	return true;
}

/* "malloc@plt": the thread is on its way into another file, or was when a signal came. */
static const char *stub_name(const struct hd_walk_frame *from, struct hd_arena *arena)
{
	char name[HD_SYMBOL_NAME_MAX];
	if (from->module.image == NULL || !hd_callsite_stub(from->module.image, from->look - from->module.bias, name, sizeof(name)))
		return NULL;
	return hd_arena_printf(arena, "%s@plt", hd_demangle(name, arena));
}

/* The kernel enters a trampoline at its first instruction, and makecontext a coroutine's beginning: no call stands before it. */
static bool symbol_of(const struct hd_walk_frame *from, struct hd_symbol *ret)
{
	uint64_t pc = from->pc - from->module.bias, look = from->look - from->module.bias;
	if (!from->is_signal && hd_symbols_find(from->module.image, look, HD_SYMBOL_CODE, ret))
		return true;
	return pc != look && hd_symbols_find(from->module.image, pc, HD_SYMBOL_CODE, ret) && ret->value == pc;
}

static struct hd_frame frame_name_anew(struct hd_unwinder *unwinder, const struct hd_walk *walk, uint32_t i, struct hd_arena *arena)
{
	const struct hd_walk_frame *from = &walk->frames[i];
	struct hd_frame frame = {.kind = HD_FRAME_NATIVE, .pc = from->pc};
	if (from->module.image != NULL) {
		frame.module = hd_arena_str(arena, from->module.image->path);
		frame.offset = from->pc - from->module.bias;
		struct hd_symbol symbol;
		if (symbol_of(from, &symbol))
			frame.symbol = hd_arena_str(arena, symbol.name);
	}
	if (i + 1 < walk->n)
		frame.called_as = called_name(unwinder, walk, i, arena);
	frame.function = from->is_signal ? "<signal handler called>" : frame.symbol == NULL ? stub_name(from, arena) : NULL;
	if (frame.function == NULL)
		frame.function = hd_demangle(frame.symbol != NULL ? frame.symbol : frame.called_as, arena);
	frame.is_pyeval = is_eval_loop(frame.symbol);
	return frame;
}

static struct hd_frame frame_name(struct hd_unwinder *unwinder, const struct hd_walk *walk, uint32_t i, struct hd_arena *arena)
{
	const struct hd_walk_frame *from = &walk->frames[i];
	uint64_t caller_pc = i + 1 < walk->n ? walk->frames[i + 1].pc : 1;
	struct hd_unwind_names *names = walk->query->names;
	struct named own = {0}, *named = names != NULL ? names_place(names, from->look, caller_pc) : &own;
	if (named->look != from->look || named->caller_pc != caller_pc || named->frame.pc != from->pc)
		*named = (struct named){from->look, caller_pc, frame_name_anew(unwinder, walk, i, arena)};
	struct hd_frame frame = named->frame;
	frame.cfa = from->cfa;
	frame.is_guess = from->is_guess;
	frame.is_signal = from->is_signal;
	return frame;
}

void hd_unwind_name(struct hd_unwinder *unwinder, const struct hd_walk *walk, uint32_t from, struct hd_arena *arena,
		    struct hd_stack *ret)
{
	uint32_t cap = (walk->n - from) * (walk->query->want_lines ? INLINED_MAX : 1u);
	struct hd_stack stack = {.is_complete = walk->is_complete, .is_partial = walk->is_partial};
	stack.at = HD_NEW_N(arena, cap != 0 ? cap : 1, struct hd_frame);
	for (uint32_t i = from; i < walk->n; i++) {
		const struct hd_walk_frame *at = &walk->frames[i];
		struct hd_frame frame = frame_name(unwinder, walk, i, arena), found[INLINED_MAX];
		uint32_t n = 0;
		if (walk->query->want_lines && at->module.image != NULL)
			n = hd_lines_find(at->module.image, at->look - at->module.bias, found, INLINED_MAX, arena);
		for (uint32_t k = 0; k + 1 < n; k++) { /* inlined into the frame: same place, other names */
			struct hd_frame inlined = frame;
			inlined.function = found[k].function;
			inlined.file = found[k].file;
			inlined.line = found[k].line;
			inlined.is_inlined = true;
			inlined.symbol = inlined.called_as = NULL;
			inlined.is_pyeval = false;
			stack.at[stack.n++] = inlined;
		}
		if (n > 0) {
			frame.file = found[n - 1].file;
			frame.line = found[n - 1].line;
			if (frame.symbol == NULL && found[n - 1].function != NULL)
				frame.function = found[n - 1].function;
		}
		stack.at[stack.n++] = frame;
	}
	*ret = stack;
}

void hd_unwind(struct hd_unwinder *unwinder, const struct hd_unwind_query *query, struct hd_arena *arena, struct hd_stack *ret)
{
	struct hd_walk walk = hd_unwind_walk(unwinder, query);
	hd_walk_run(&walk);
	if (query->names != NULL && is_last(query->names, &walk)) {
		*ret = query->names->last;
		return;
	}
	hd_unwind_name(unwinder, &walk, 0, arena, ret);
	if (query->names != NULL)
		query->names->last = *ret;
}

struct hd_data_symbol hd_data_symbol_at(struct hd_image *image, uint64_t vaddr, enum hd_symbol_want want, bool want_members,
					struct hd_arena *arena)
{
	struct hd_data_symbol ret = {.module = hd_arena_str(arena, image->path), .offset = vaddr};
	struct hd_symbol symbol;
	if (!hd_symbols_find(image, vaddr, want, &symbol))
		return ret;
	ret.name = hd_demangle(symbol.name, arena);
	ret.offset -= symbol.value;
	const char *path = want_members ? hd_members_path(image, symbol.value, want, ret.offset, arena, &ret.offset) : NULL;
	if (path != NULL)
		ret.name = hd_arena_printf(arena, "%s%s", ret.name, path);
	return ret;
}

bool hd_unwind_data_symbol(struct hd_unwinder *unwinder, const struct hd_unwind_query *query, uint64_t addr, bool want_members,
			   struct hd_arena *arena, struct hd_data_symbol *ret)
{
	struct hd_module module;
	hd_modules_trim(unwinder->modules);
	if (!hd_modules_find(unwinder->modules, query, addr, &module) || !hd_image_holds(module.image, addr - module.bias))
		return false;
	*ret = hd_data_symbol_at(module.image, addr - module.bias, HD_SYMBOL_DATA, want_members, arena);
	return true;
}

size_t hd_unwind_nameless(struct hd_unwinder *unwinder, const struct hd_unwind_query *query, struct hd_arena *arena,
			  const char *const **ret_paths, size_t *ret_files)
{
	const char **paths = HD_NEW_N(arena, query->maps->n + 1, const char *);
	size_t n = 0, files = 0;
	const char *last = "";
	for (size_t i = 0; i < query->maps->n; i++) {
		const struct hd_map *map = &query->maps->at[i];
		struct hd_module module;
		/* The mappings of a file follow each other. */
		if (!map->executable || map->path[0] != '/' || strcmp(map->path, last) == 0)
			continue;
		last = map->path;
		hd_modules_trim(unwinder->modules);
		if (!hd_modules_find(unwinder->modules, query, map->start, &module))
			continue;
		files++;
		if (!hd_symbols_is_full(module.image))
			paths[n++] = hd_arena_str(arena, map->path);
	}
	*ret_paths = paths;
	*ret_files = files;
	return n;
}
