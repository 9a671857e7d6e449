#include "stack/lines.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <stdio.h>
#include <string.h>

#include "hangdog/unwind.h"
#include "stack/image.h"

#define ANSWERS_LOG2 9
#define ANSWERS (1u << ANSWERS_LOG2)
#define ARENA_MAX ((size_t)8 << 20) /* then all answers are forgotten */
#define FRAMES_MAX 16u

struct answer { /* walking the DWARF of a function takes long, and stacks repeat themselves */
	uint64_t vaddr;
	struct hd_frame *frames; /* NULL = empty */
	uint32_t n;
};

struct hd_lines {
	struct hd_arena *arena;
	struct answer answers[ANSWERS];
	Dwfl *dwfl; /* NULL: could not be opened */
	Dwfl_Module *module;
	Dwarf_Addr base; /* added to addresses of the file */
};

static char *debuginfo_path;
/* Looks in /usr/lib/debug by build-id and debuglink; asks a server only where the user set DEBUGINFOD_URLS. */
static const Dwfl_Callbacks callbacks = {
	.find_elf = dwfl_build_id_find_elf,
	.find_debuginfo = dwfl_standard_find_debuginfo,
	.section_address = dwfl_offline_section_address,
	.debuginfo_path = &debuginfo_path,
};

void hd_lines_free(struct hd_lines *lines)
{
	if (lines == NULL)
		return;
	if (lines->dwfl != NULL)
		dwfl_end(lines->dwfl);
	hd_arena_free(lines->arena);
	free(lines);
}

static struct hd_lines *lines_of(struct hd_image *image)
{
	if (image->lines != NULL)
		return image->lines;
	struct hd_lines *lines = calloc(1, sizeof(*lines));
	if (lines == NULL)
		abort();
	image->lines = lines;
	if (image->fd < 0)
		return lines;
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", image->fd);
	lines->dwfl = dwfl_begin(&callbacks);
	if (lines->dwfl == NULL)
		return lines;
	dwfl_report_begin(lines->dwfl);
	lines->module = dwfl_report_offline(lines->dwfl, image->path, path, -1);
	dwfl_report_end(lines->dwfl, NULL, NULL);
	if (lines->module == NULL || dwfl_module_getdwarf(lines->module, &lines->base) == NULL) {
		dwfl_end(lines->dwfl);
		lines->dwfl = NULL;
	}
	return lines;
}

static const char *die_name(Dwarf_Die *die, struct hd_arena *arena)
{
	Dwarf_Attribute attr;
	const char *linkage = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_linkage_name, &attr));
	return linkage != NULL ? hd_demangle(linkage, arena) : hd_arena_str(arena, dwarf_diename(die));
}

/* Where an inlined body was called: file and line of its caller. */
static void call_place(Dwarf_Die *cu, Dwarf_Die *inlined, struct hd_frame *frame, struct hd_arena *arena)
{
	Dwarf_Attribute attr;
	Dwarf_Word file, line;
	Dwarf_Files *files;
	frame->file = NULL;
	frame->line = 0;
	if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attr), &file) == 0 && dwarf_getsrcfiles(cu, &files, NULL) == 0)
		frame->file = hd_arena_str(arena, dwarf_filesrc(files, file, NULL, NULL));
	if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attr), &line) == 0)
		frame->line = (int)line;
}

static uint32_t look_up(struct hd_lines *lines, uint64_t vaddr, struct hd_frame *frames, uint32_t cap, struct hd_arena *arena)
{
	Dwarf_Addr bias, addr = vaddr + lines->base;
	struct hd_frame at = {0};
	Dwfl_Line *line = dwfl_module_getsrc(lines->module, addr);
	if (line != NULL)
		at.file = hd_arena_str(arena, dwfl_lineinfo(line, NULL, &at.line, NULL, NULL, NULL));
	Dwarf_Die *cu = dwfl_module_addrdie(lines->module, addr, &bias);
	Dwarf_Die *scopes = NULL;
	int n_scopes = cu != NULL ? dwarf_getscopes(cu, addr - bias, &scopes) : 0;
	uint32_t n = 0;
	if (n_scopes > 0) { /* around an inlined body these lead to where it was defined; we want where it was put */
		Dwarf_Die innermost = scopes[0];
		free(scopes);
		scopes = NULL;
		n_scopes = dwarf_getscopes_die(&innermost, &scopes);
	}
	for (int i = 0; i < n_scopes && n < cap; i++) {
		int tag = dwarf_tag(&scopes[i]);
		if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram)
			continue;
		at.function = die_name(&scopes[i], arena);
		at.is_inlined = tag == DW_TAG_inlined_subroutine;
		frames[n++] = at;
		if (tag == DW_TAG_subprogram)
			break;
		call_place(cu, &scopes[i], &at, arena);
	}
	free(scopes);
	if (n == 0 && at.file != NULL)
		frames[n++] = at;
	return n;
}

static void answer_fill(struct hd_lines *lines, uint64_t vaddr, struct answer *ret)
{
	struct hd_frame frames[FRAMES_MAX];
	if (lines->arena != NULL && hd_arena_bytes(lines->arena) > ARENA_MAX) {
		memset(lines->answers, 0, sizeof(lines->answers));
		hd_arena_free(lines->arena);
		lines->arena = NULL;
	}
	if (lines->arena == NULL)
		lines->arena = hd_arena_new();
	ret->n = look_up(lines, vaddr, frames, FRAMES_MAX, lines->arena);
	ret->frames = hd_arena_dup(lines->arena, frames, ret->n * sizeof(*frames));
	ret->vaddr = vaddr;
}

uint32_t hd_lines_find(struct hd_image *image, uint64_t vaddr, struct hd_frame *frames, uint32_t cap, struct hd_arena *arena)
{
	struct hd_lines *lines = lines_of(image);
	if (lines->dwfl == NULL)
		return 0;
	struct answer *answer = &lines->answers[(vaddr * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - ANSWERS_LOG2)];
	if (answer->frames == NULL || answer->vaddr != vaddr)
		answer_fill(lines, vaddr, answer);
	uint32_t n = answer->n < cap ? answer->n : cap;
	for (uint32_t i = 0; i < n; i++) {
		frames[i] = answer->frames[i];
		frames[i].function = hd_arena_str(arena, frames[i].function);
		frames[i].file = hd_arena_str(arena, frames[i].file);
	}
	return n;
}
