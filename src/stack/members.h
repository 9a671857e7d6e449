/* Inside a variable: which member of which type lies at an offset, by debug information (DWARF 4 and 5, through libdw).
 * Only for the few things that a report names: the first question about a file reads all its debug information (up to a
 * bound, through read, never mapped), the others are answered from an index that is kept with the image. */
#ifndef STACK_MEMBERS_H
#define STACK_MEMBERS_H

#include "hangdog/arena.h"
#include "stack/symbols.h"

struct hd_image;
struct hd_members;

/* ".queues[2].lock" for the byte at `offset` of the variable that begins at vaddr (want: HD_SYMBOL_DATA or _TLS): down to a
 * lock, a type of the C or C++ library, or what has no members; *ret_rest: the offset in that.  NULL = not known, out of
 * work, or nothing to add. */
const char *hd_members_path(struct hd_image *image, uint64_t vaddr, enum hd_symbol_want want, uint64_t offset,
			    struct hd_arena *arena, uint64_t *ret_rest);
void hd_members_free(struct hd_members *members);

#endif
