/* One ELF file of a target, read by pread through a small page cache: never mapped, so a file that shrinks under us is
 * an error, not a SIGBUS.  Also made from a target's memory (vdso, deleted files).  Everything in the file is hostile:
 * counts are capped and every read is checked.  Layout: <elf.h>, System V ABI; x86-64 only.
 *
 * Owned by the cache of modules.c and shared by all processes that map the same file. */
#ifndef STACK_IMAGE_H
#define STACK_IMAGE_H

#include "hangdog/base.h"

#define HD_IMAGE_SEGMENTS_MAX 32
#define HD_BUILD_ID_MAX 64

struct hd_segment {
	uint64_t vaddr, offset, filesz, memsz;
	uint32_t flags; /* PF_* */
};

struct hd_section {
	uint64_t vaddr, offset, size; /* size 0 = there is none */
	bool is_packed; /* as it stands in the file: hd_image_unpack */
};

/* Sections by role; the string table that belongs to a symbol table stands next to it. */
enum hd_section_role {
	HD_SEC_EH_FRAME = 0,
	HD_SEC_EH_FRAME_HDR,
	HD_SEC_DEBUG_FRAME,
	HD_SEC_DYNSYM,
	HD_SEC_DYNSTR,
	HD_SEC_SYMTAB,
	HD_SEC_STRTAB,
	HD_SEC_RELA_PLT,
	HD_SEC_RELA_DYN,
	HD_SEC_DEBUGDATA,
	HD_SEC_DYNAMIC, /* from here on out of the program headers */
	HD_SEC_TLS,     /* what each thread has a copy of; size: in memory, zeroes at its end included */
	HD_SEC_COUNT,
};

struct hd_image_piece { /* of an image made from memory */
	uint64_t offset;
	size_t len;
	const uint8_t *bytes;
};

struct hd_image_blocks;
struct hd_symbols;
struct hd_cfi;
struct hd_slots;
struct hd_lines;
struct hd_members;

struct hd_work;

struct hd_image {
	struct hd_image *next;
	struct hd_work *work; /* borrowed: bounds how much of an index is built at a time; NULL = at once */
	int fd; /* -1 = made from memory */
	char *path; /* for people, as the target names it */
	uint64_t dev, ino, size;
	int64_t mtime_ns;
	struct hd_image_piece *pieces; /* of a file: what was unpacked, at offsets past any file's end */
	size_t n_pieces;
	struct hd_image_blocks *blocks;
	uint8_t build_id[HD_BUILD_ID_MAX];
	uint32_t build_id_len;
	struct hd_segment segments[HD_IMAGE_SEGMENTS_MAX];
	uint32_t n_segments;
	struct hd_section sections[HD_SEC_COUNT];
	uint64_t tls_align;
	/* Built when first needed, by the modules of the same names. */
	struct hd_symbols *symbols;
	struct hd_cfi *cfi;
	struct hd_slots *slots;
	struct hd_lines *lines;
	struct hd_members *members;
};

/* Takes fd over on success.  0, -ENOEXEC (not an ELF file that we understand), or a read error. */
HD_MUST_CHECK int hd_image_open(int fd, const char *path, struct hd_image **ret);
/* From pieces of memory: the array and its bytes (malloc) are taken over on success.  load: address of its first byte. */
HD_MUST_CHECK int hd_image_from_pieces(struct hd_image_piece *pieces, size_t n, uint64_t load, const char *path,
				       struct hd_image **ret);
void hd_image_free(struct hd_image *image); /* NULL is fine */

/* Exactly len bytes at a file offset, or at an address of the file's own address space: 0 or -EIO. */
HD_MUST_CHECK int hd_image_pread(struct hd_image *image, uint64_t offset, void *buf, size_t len);
HD_MUST_CHECK int hd_image_read(struct hd_image *image, uint64_t vaddr, void *buf, size_t len);
/* A section that is stored compressed (SHF_COMPRESSED with zlib, as Go's linker writes .debug_frame) can be read like any
 * other afterwards, up to 64 MiB of it; one that is too big, or damaged, counts as none. */
void hd_image_unpack(struct hd_image *image, enum hd_section_role role);
/* NUL-terminated text within `limit`, cut at cap-1: 0 or -EIO. */
HD_MUST_CHECK int hd_image_cstr(struct hd_image *image, uint64_t offset, uint64_t limit, char *buf, size_t cap);
/* Is this an address of its address space, .bss included? */
HD_MUST_CHECK bool hd_image_holds(const struct hd_image *image, uint64_t vaddr);
uint64_t hd_image_base(const struct hd_image *image); /* lowest address of its address space */
HD_MUST_CHECK bool hd_image_offset(const struct hd_image *image, uint64_t vaddr, uint64_t *ret_offset);
/* Where the file's address space lies in a process that maps `offset` at `start`; exec tells the mapping's permission. */
HD_MUST_CHECK bool hd_image_bias(const struct hd_image *image, uint64_t start, uint64_t offset, bool exec, uint64_t *ret_bias);

#endif
