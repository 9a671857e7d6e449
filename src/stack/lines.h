/* Source lines and inlined frames through libdw: only when asked for, one Dwfl per file, kept with its image. */
#ifndef STACK_LINES_H
#define STACK_LINES_H

#include "hangdog/arena.h"
#include "hangdog/frame.h"

struct hd_image;
struct hd_lines;

/* Frames at vaddr, innermost first: inlined ones (is_inlined) and then the function itself.  Sets function (where inlined,
 * and for the outermost only if DWARF knows it), file, line.  Returns how many were written, at most cap; 0 = not known. */
uint32_t hd_lines_find(struct hd_image *image, uint64_t vaddr, struct hd_frame *frames, uint32_t cap, struct hd_arena *arena);
void hd_lines_free(struct hd_lines *lines);

#endif
