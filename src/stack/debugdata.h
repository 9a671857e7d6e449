/* .gnu_debugdata ("MiniDebugInfo", Fedora and relatives): an xz-packed ELF file that holds a .symtab of local functions. */
#ifndef STACK_DEBUGDATA_H
#define STACK_DEBUGDATA_H

struct hd_image;

/* The unpacked file as an image of its own, NULL when there is none or it is damaged. */
struct hd_image *hd_debugdata_open(struct hd_image *image);

#endif
