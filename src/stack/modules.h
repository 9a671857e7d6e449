/* From an address of a process to the file behind it.  Two caches, both owned by the unwinder: files (by build-id, else by
 * device, inode, mtime and size), shared by all processes; and per process which mapping is which file, at which bias. */
#ifndef STACK_MODULES_H
#define STACK_MODULES_H

#include "hangdog/unwind.h"
#include "stack/work.h"

struct hd_image;

struct hd_module {
	struct hd_image *image;
	uint64_t bias; /* address in the process = address in the file + bias */
	const struct hd_map *map;
};

struct hd_modules;

struct hd_modules *hd_modules_new(void);
/* How much indexing may be done from now on; as much as it takes, unless set. */
struct hd_work *hd_modules_work(struct hd_modules *modules);
void hd_modules_free(struct hd_modules *modules);
/* The file behind an address; for addresses in a .bss, the file whose data lies below.  False: no ELF file there. */
HD_MUST_CHECK bool hd_modules_find(struct hd_modules *modules, const struct hd_unwind_query *query, uint64_t addr,
				   struct hd_module *ret);
void hd_modules_drop(struct hd_modules *modules, int32_t pid);
/* Keeps the number of open files bounded; call only where no hd_module is held. */
void hd_modules_trim(struct hd_modules *modules);
uint64_t hd_modules_epoch(const struct hd_modules *modules); /* another number once files were closed */

#endif
