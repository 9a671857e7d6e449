/* .gnu_debugdata ("MiniDebugInfo", Fedora and relatives): an xz-packed ELF file that holds a .symtab of local functions.
 * Unpacked in steps (work.h), up to 128 MiB, by a decoder with up to 80 MiB; one that needs more, or is damaged, counts as
 * none. */
#ifndef STACK_DEBUGDATA_H
#define STACK_DEBUGDATA_H

#include "stack/work.h"

struct hd_image;
struct hd_debugdata; /* one that is being unpacked; borrows the image it is of */

/* NULL = the image has none. */
struct hd_debugdata *hd_debugdata_begin(struct hd_image *image);
/* True: it is over, and *ret is the unpacked file as an image of the caller's own, or NULL.  False: out of work, ask again. */
HD_MUST_CHECK bool hd_debugdata_unpack(struct hd_debugdata *debugdata, struct hd_work *work, struct hd_image **ret);
void hd_debugdata_free(struct hd_debugdata *debugdata); /* NULL is fine */

#endif
