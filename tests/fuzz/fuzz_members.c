/* A file whose debug information is corrupt, under the walk from a variable to its member.  The input is the ELF file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stack/image.h"
#include "stack/members.h"

static void ask(struct hd_image *image, uint64_t vaddr, enum hd_symbol_want want, struct hd_arena *arena)
{
	struct hd_symbol symbol;
	if (!hd_symbols_find(image, vaddr, want, &symbol))
		return;
	uint64_t size = symbol.size < 4096 ? symbol.size : 4096;
	for (uint64_t offset = 0; offset <= size; offset += 8) {
		uint64_t rest;
		const char *path = hd_members_path(image, symbol.value, want, offset, arena, &rest);
		if (path != NULL && (path[0] == '\0' || rest > offset))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hd_image *image;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	if (hd_image_open(fd, "fuzz", &image) < 0) {
		close(fd);
		return 0;
	}
	struct hd_arena *arena = hd_arena_new();
	for (uint32_t i = 0; i < image->n_segments; i++) {
		const struct hd_segment *s = &image->segments[i];
		uint64_t step = s->memsz / 64 + 1;
		for (uint64_t k = 0; k < 64; k++)
			ask(image, s->vaddr + k * step, HD_SYMBOL_DATA, arena);
	}
	for (uint64_t at = 0; at < image->sections[HD_SEC_TLS].size && at < 512; at += 8)
		ask(image, at, HD_SYMBOL_TLS, arena);
	hd_arena_free(arena);
	hd_image_free(image);
	return 0;
}
