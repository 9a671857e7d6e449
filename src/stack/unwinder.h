/* What struct hd_unwinder holds; shared by the files of this room only. */
#ifndef STACK_UNWINDER_H
#define STACK_UNWINDER_H

#include "stack/walk.h"
#include "stack/symbols.h"

struct hd_unwinder {
	struct hd_modules *modules;
	struct hd_memo *memo;
	struct hd_window *window;
	struct hd_walk_frame *frames; /* HD_WALK_FRAMES_MAX */
};

/* Registers as far as the query knows them. */
struct hd_registers hd_unwind_registers(const struct hd_regs *regs);
/* A walk over the unwinder's scratch frames, ready to run. */
struct hd_walk hd_unwind_walk(struct hd_unwinder *unwinder, const struct hd_unwind_query *query);
/* Names the frames of a walk, from frame number `from` on. */
void hd_unwind_name(struct hd_unwinder *unwinder, const struct hd_walk *walk, uint32_t from, struct hd_arena *arena,
		    struct hd_stack *ret);
/* What the file calls the thing at one of its own addresses; with members as far as debug information knows them, if wanted. */
struct hd_data_symbol hd_data_symbol_at(struct hd_image *image, uint64_t vaddr, enum hd_symbol_want want, bool want_members,
					struct hd_arena *arena);

#endif
