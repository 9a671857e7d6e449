/* The address space of a process as /proc/PID/maps tells it (kernel fs/proc/task_mmu.c, show_map_vma). */
#ifndef HANGDOG_MAPS_H
#define HANGDOG_MAPS_H

#include "hangdog/arena.h"

struct hd_map {
	uint64_t start, end; /* [start, end) */
	uint64_t offset;     /* in the file, bytes */
	uint64_t ino;
	uint32_t dev_major, dev_minor;
	bool readable, writable, executable, shared;
	bool deleted;     /* the kernel appended " (deleted)" */
	const char *path; /* without " (deleted)"; "" for anonymous memory, "[stack]" and so on as the kernel names them */
};

struct hd_maps {
	const struct hd_map *at; /* sorted by start */
	size_t n;
};

/* The mapping that contains addr, or NULL. */
const struct hd_map *hd_maps_find(const struct hd_maps *maps, uint64_t addr);

/* Parses the text of /proc/PID/maps.  Lines that cannot be parsed are an error (-EINVAL): half a map proves nothing. */
HD_MUST_CHECK int hd_maps_parse(const char *text, struct hd_arena *arena, struct hd_maps *ret);

#endif
