#include "stack/image.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "stack/callsite.h"
#include "stack/cfi.h"
#include "stack/lines.h"
#include "stack/members.h"
#include "stack/symbols.h"

#define PAGE 4096u
#define BLOCK 1024u
#define BLOCKS 1024u /* direct-mapped; only what is used takes memory */
#define PIECE 32u    /* blocks allocated at a time: few enough that malloc need not ask the kernel for each image's */
#define AT_ONCE (16u << 10) /* more than that is read past the cache */
#define SECTIONS_MAX 8192u
#define DYNAMIC_MAX 512u
#define NOTE_MAX 4096u
#define UNPACKED ((uint64_t)1 << 61) /* where in the file unpacked sections are said to lie */
#define UNPACKED_MAX ((uint64_t)64 << 20)

/* Searches jump about in a file: what they read lies close together here, for a page that is new to us costs more than the
 * read does. */
struct hd_image_blocks {
	struct block {
		uint64_t offset;
		uint16_t len, place; /* len 0 = empty; 1 + number of its bytes in `pieces`, 0 = none yet */
	} at[BLOCKS];
	uint32_t n; /* places in use */
	uint8_t (*pieces[BLOCKS / PIECE])[BLOCK];
};

static int piece_read(const struct hd_image *image, uint64_t offset, void *buf, size_t len)
{
	for (size_t i = 0; i < image->n_pieces; i++) {
		const struct hd_image_piece *p = &image->pieces[i];
		if (offset >= p->offset && offset - p->offset < p->len && len <= p->len - (offset - p->offset)) {
			memcpy(buf, p->bytes + (offset - p->offset), len);
			return 0;
		}
	}
	return -EIO;
}

static int raw_read(int fd, uint64_t offset, void *buf, size_t len, size_t *ret_len)
{
	size_t got = 0;
	while (got < len) {
		ssize_t n = pread(fd, (char *)buf + got, len - got, (off_t)(offset + got));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -EIO;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	*ret_len = got;
	return 0;
}

/* The cached block at an aligned offset, or NULL. */
static const uint8_t *block_at(struct hd_image *image, uint64_t offset, uint32_t *ret_len)
{
	if (image->blocks == NULL && (image->blocks = calloc(1, sizeof(*image->blocks))) == NULL)
		abort();
	struct hd_image_blocks *blocks = image->blocks;
	struct block *block = &blocks->at[offset / BLOCK % BLOCKS];
	if (block->place == 0) {
		if (blocks->n % PIECE == 0 && (blocks->pieces[blocks->n / PIECE] = malloc((size_t)PIECE * BLOCK)) == NULL)
			abort();
		block->place = (uint16_t)++blocks->n;
	}
	uint8_t *bytes = blocks->pieces[(block->place - 1u) / PIECE][(block->place - 1u) % PIECE];
	if (block->offset != offset || block->len == 0) {
		size_t len;
		block->len = 0;
		if (raw_read(image->fd, offset, bytes, BLOCK, &len) < 0)
			return NULL;
		block->offset = offset;
		block->len = (uint16_t)len;
	}
	*ret_len = block->len;
	return bytes;
}

int hd_image_pread(struct hd_image *image, uint64_t offset, void *buf, size_t len)
{
	if (offset > INT64_MAX - len)
		return -EIO;
	if (image->fd < 0 || offset >= UNPACKED)
		return piece_read(image, offset, buf, len);
	if (len > AT_ONCE) {
		size_t got;
		return raw_read(image->fd, offset, buf, len, &got) == 0 && got == len ? 0 : -EIO;
	}
	while (len > 0) {
		uint32_t have, at = (uint32_t)(offset % BLOCK);
		const uint8_t *block = block_at(image, offset - at, &have);
		if (block == NULL || have <= at)
			return -EIO;
		size_t step = have - at < len ? have - at : len;
		memcpy(buf, block + at, step);
		buf = (char *)buf + step;
		offset += step;
		len -= step;
	}
	return 0;
}

bool hd_image_offset(const struct hd_image *image, uint64_t vaddr, uint64_t *ret_offset)
{
	for (uint32_t i = 0; i < image->n_segments; i++) {
		const struct hd_segment *s = &image->segments[i];
		if (vaddr >= s->vaddr && vaddr - s->vaddr < s->filesz) {
			*ret_offset = s->offset + (vaddr - s->vaddr);
			return true;
		}
	}
	return false;
}

bool hd_image_holds(const struct hd_image *image, uint64_t vaddr)
{
	for (uint32_t i = 0; i < image->n_segments; i++)
		if (vaddr >= image->segments[i].vaddr && vaddr - image->segments[i].vaddr < image->segments[i].memsz)
			return true;
	return false;
}

uint64_t hd_image_base(const struct hd_image *image)
{
	uint64_t lowest = UINT64_MAX;
	for (uint32_t i = 0; i < image->n_segments; i++)
		lowest = image->segments[i].vaddr < lowest ? image->segments[i].vaddr : lowest;
	return lowest != UINT64_MAX ? lowest : 0;
}

int hd_image_read(struct hd_image *image, uint64_t vaddr, void *buf, size_t len)
{
	uint64_t offset;
	if (!hd_image_offset(image, vaddr, &offset))
		return -EIO;
	return hd_image_pread(image, offset, buf, len);
}

int hd_image_cstr(struct hd_image *image, uint64_t offset, uint64_t limit, char *buf, size_t cap)
{
	size_t len = 0;
	while (len < cap - 1 && offset + len < limit) {
		size_t step = 64 - ((offset + len) & 63);
		if (step > cap - 1 - len)
			step = cap - 1 - len;
		if (step > limit - (offset + len))
			step = limit - (offset + len);
		if (hd_image_pread(image, offset + len, buf + len, step) < 0)
			return -EIO;
		if (memchr(buf + len, '\0', step) != NULL)
			return 0;
		len += step;
	}
	buf[len] = '\0';
	return 0;
}

bool hd_image_bias(const struct hd_image *image, uint64_t start, uint64_t offset, bool exec, uint64_t *ret_bias)
{
	for (uint32_t i = 0; i < image->n_segments; i++) {
		const struct hd_segment *s = &image->segments[i];
		uint64_t from = s->offset & ~(uint64_t)(PAGE - 1);
		if (offset >= from && offset < s->offset + s->filesz && exec == ((s->flags & PF_X) != 0)) {
			*ret_bias = start - offset + s->offset - s->vaddr;
			return true;
		}
	}
	return false;
}

/* ---- headers -------------------------------------------------------------------------------------------------- */

static void take_build_id(struct hd_image *image, uint64_t offset, uint64_t size)
{
	uint8_t note[NOTE_MAX];
	size_t len = size < sizeof(note) ? size : sizeof(note);
	if (image->build_id_len != 0 || hd_image_pread(image, offset, note, len) < 0)
		return;
	for (size_t at = 0; at + sizeof(Elf64_Nhdr) <= len;) {
		Elf64_Nhdr head;
		memcpy(&head, note + at, sizeof(head));
		size_t name = at + sizeof(head), desc = name + ((head.n_namesz + 3u) & ~(size_t)3);
		if (head.n_namesz > len || head.n_descsz > len || desc + head.n_descsz > len)
			return;
		if (head.n_type == NT_GNU_BUILD_ID && head.n_namesz == 4 && memcmp(note + name, "GNU", 4) == 0 &&
		    head.n_descsz > 0 && head.n_descsz <= HD_BUILD_ID_MAX) {
			memcpy(image->build_id, note + desc, head.n_descsz);
			image->build_id_len = head.n_descsz;
			return;
		}
		at = desc + ((head.n_descsz + 3u) & ~(size_t)3);
	}
}

static void take_segment(struct hd_image *image, const Elf64_Phdr *ph)
{
	struct hd_section as_section = {.vaddr = ph->p_vaddr, .offset = ph->p_offset, .size = ph->p_filesz};
	switch (ph->p_type) {
	case PT_LOAD:
		if (image->n_segments < HD_IMAGE_SEGMENTS_MAX && ph->p_filesz <= ph->p_memsz &&
		    ph->p_offset <= INT64_MAX - ph->p_filesz && ph->p_vaddr <= UINT64_MAX - ph->p_memsz)
			image->segments[image->n_segments++] = (struct hd_segment){.vaddr = ph->p_vaddr,
				.offset = ph->p_offset, .filesz = ph->p_filesz, .memsz = ph->p_memsz, .flags = ph->p_flags};
		break;
	case PT_NOTE:
		take_build_id(image, ph->p_offset, ph->p_filesz);
		break;
	case PT_GNU_EH_FRAME:
		image->sections[HD_SEC_EH_FRAME_HDR] = as_section;
		break;
	case PT_DYNAMIC:
		image->sections[HD_SEC_DYNAMIC] = as_section;
		break;
	case PT_TLS:
		image->sections[HD_SEC_TLS] = as_section;
		image->sections[HD_SEC_TLS].size = ph->p_memsz;
		image->tls_align = ph->p_align;
		break;
	default:
		break;
	}
}

static int take_segments(struct hd_image *image, const Elf64_Ehdr *eh)
{
	if (eh->e_phentsize != sizeof(Elf64_Phdr))
		return -ENOEXEC;
	for (uint32_t i = 0; i < eh->e_phnum && i < 128; i++) {
		Elf64_Phdr ph;
		if (hd_image_pread(image, eh->e_phoff + i * sizeof(ph), &ph, sizeof(ph)) < 0)
			return -ENOEXEC;
		take_segment(image, &ph);
	}
	return 0;
}

static const struct {
	const char *name;
	enum hd_section_role role;
} by_name[] = {
	{".eh_frame", HD_SEC_EH_FRAME},         {".eh_frame_hdr", HD_SEC_EH_FRAME_HDR},
	{".debug_frame", HD_SEC_DEBUG_FRAME},   {".dynsym", HD_SEC_DYNSYM},
	{".dynstr", HD_SEC_DYNSTR},             {".symtab", HD_SEC_SYMTAB},
	{".strtab", HD_SEC_STRTAB},             {".rela.plt", HD_SEC_RELA_PLT},
	{".rela.dyn", HD_SEC_RELA_DYN},         {".gnu_debugdata", HD_SEC_DEBUGDATA},
};

static void take_section(struct hd_image *image, const Elf64_Shdr *sh, const char *name)
{
	bool is_packed = (sh->sh_flags & SHF_COMPRESSED) != 0;
	/* A file of debug information alone keeps the headers of what was split off as NOBITS. */
	if (sh->sh_type == SHT_NOBITS || sh->sh_offset > INT64_MAX - sh->sh_size || (is_packed && strcmp(name, ".debug_frame") != 0))
		return;
	if (sh->sh_type == SHT_NOTE)
		take_build_id(image, sh->sh_offset, sh->sh_size);
	for (size_t i = 0; i < HD_COUNTOF(by_name); i++)
		if (strcmp(name, by_name[i].name) == 0)
			image->sections[by_name[i].role] = (struct hd_section){
				.vaddr = sh->sh_addr, .offset = sh->sh_offset, .size = sh->sh_size, .is_packed = is_packed};
}

/* The content of a packed section (malloc), or NULL. */
static uint8_t *section_unpack(struct hd_image *image, const struct hd_section *section, uint64_t *ret_len)
{
	Elf64_Chdr head;
	if (section->size <= sizeof(head) || section->size > UNPACKED_MAX || image->fd < 0 ||
	    hd_image_pread(image, section->offset, &head, sizeof(head)) < 0 || head.ch_type != ELFCOMPRESS_ZLIB || head.ch_size == 0 ||
	    head.ch_size > UNPACKED_MAX)
		return NULL;
	uLong packed_len = section->size - sizeof(head);
	uLongf len = head.ch_size;
	uint8_t *packed = malloc(packed_len), *bytes = malloc(len);
	if (packed == NULL || bytes == NULL)
		abort();
	bool ok = hd_image_pread(image, section->offset + sizeof(head), packed, packed_len) == 0 &&
		  uncompress(bytes, &len, packed, packed_len) == Z_OK && len == head.ch_size;
	free(packed);
	if (!ok) {
		free(bytes);
		return NULL;
	}
	*ret_len = len;
	return bytes;
}

void hd_image_unpack(struct hd_image *image, enum hd_section_role role)
{
	struct hd_section *section = &image->sections[role];
	uint64_t len;
	if (section->size == 0 || !section->is_packed)
		return;
	uint8_t *bytes = section_unpack(image, section, &len);
	*section = (struct hd_section){.vaddr = section->vaddr};
	if (bytes == NULL)
		return;
	image->pieces = realloc(image->pieces, (image->n_pieces + 1) * sizeof(*image->pieces));
	if (image->pieces == NULL)
		abort();
	section->offset = UNPACKED + ((uint64_t)role << 32);
	section->size = len;
	image->pieces[image->n_pieces++] = (struct hd_image_piece){.offset = section->offset, .len = len, .bytes = bytes};
}

static void take_sections(struct hd_image *image, const Elf64_Ehdr *eh)
{
	Elf64_Shdr sh, names;
	if (eh->e_shentsize != sizeof(sh) || eh->e_shoff == 0 || eh->e_shoff > INT64_MAX / 2)
		return;
	if (hd_image_pread(image, eh->e_shoff, &sh, sizeof(sh)) < 0)
		return;
	uint64_t n = eh->e_shnum != 0 ? eh->e_shnum : sh.sh_size;
	uint64_t strndx = eh->e_shstrndx != SHN_XINDEX ? eh->e_shstrndx : sh.sh_link;
	if (n > SECTIONS_MAX || strndx >= n ||
	    hd_image_pread(image, eh->e_shoff + strndx * sizeof(sh), &names, sizeof(names)) < 0 ||
	    names.sh_offset > INT64_MAX - names.sh_size)
		return;
	for (uint64_t i = 1; i < n; i++) {
		char name[32];
		if (hd_image_pread(image, eh->e_shoff + i * sizeof(sh), &sh, sizeof(sh)) < 0)
			return;
		if (sh.sh_name < names.sh_size &&
		    hd_image_cstr(image, names.sh_offset + sh.sh_name, names.sh_offset + names.sh_size, name, sizeof(name)) == 0)
			take_section(image, &sh, name);
	}
}

/* An address out of the dynamic section: the loader has added the load bias to it in memory (elf/get-dynamic-info.h). */
static bool dynamic_address(const struct hd_image *image, uint64_t value, uint64_t load, struct hd_section *ret)
{
	uint64_t offset;
	if (!hd_image_offset(image, value, &offset)) {
		value -= load;
		if (!hd_image_offset(image, value, &offset))
			return false;
	}
	ret->vaddr = value;
	ret->offset = offset;
	return true;
}

/* No section headers (stripped of them, or read from memory): the dynamic section names the same tables. */
static void take_dynamic(struct hd_image *image, uint64_t load)
{
	const struct hd_section *dynamic = &image->sections[HD_SEC_DYNAMIC];
	static const struct {
		int64_t tag, size_tag;
		enum hd_section_role role;
	} wanted[] = {
		{DT_SYMTAB, DT_NULL, HD_SEC_DYNSYM},
		{DT_STRTAB, DT_STRSZ, HD_SEC_DYNSTR},
		{DT_JMPREL, DT_PLTRELSZ, HD_SEC_RELA_PLT},
		{DT_RELA, DT_RELASZ, HD_SEC_RELA_DYN},
	};
	struct hd_section found[HD_COUNTOF(wanted)] = {0};
	for (size_t i = 0; i < DYNAMIC_MAX && (i + 1) * sizeof(Elf64_Dyn) <= dynamic->size; i++) {
		Elf64_Dyn dyn;
		if (hd_image_pread(image, dynamic->offset + i * sizeof(dyn), &dyn, sizeof(dyn)) < 0 || dyn.d_tag == DT_NULL)
			break;
		for (size_t w = 0; w < HD_COUNTOF(wanted); w++) {
			if (dyn.d_tag == wanted[w].tag && !dynamic_address(image, dyn.d_un.d_ptr, load, &found[w]))
				found[w].offset = 0;
			if (wanted[w].size_tag != DT_NULL && dyn.d_tag == wanted[w].size_tag)
				found[w].size = dyn.d_un.d_val;
		}
	}
	/* The string table follows the symbols in what every linker writes; their number is stated nowhere else so simply. */
	if (found[1].offset > found[0].offset)
		found[0].size = found[1].offset - found[0].offset;
	for (size_t w = 0; w < HD_COUNTOF(wanted); w++)
		if (found[w].offset != 0 && found[w].size != 0 && image->sections[wanted[w].role].size == 0)
			image->sections[wanted[w].role] = found[w];
}

static int take_headers(struct hd_image *image, uint64_t load)
{
	Elf64_Ehdr eh;
	if (hd_image_pread(image, 0, &eh, sizeof(eh)) < 0 || memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0 ||
	    eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_ident[EI_DATA] != ELFDATA2LSB || eh.e_machine != EM_X86_64)
		return -ENOEXEC;
	int r = take_segments(image, &eh);
	if (r < 0)
		return r;
	take_sections(image, &eh);
	if (image->sections[HD_SEC_DYNSYM].size == 0)
		take_dynamic(image, load);
	return 0;
}

int hd_image_open(int fd, const char *path, struct hd_image **ret)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOEXEC;
	struct hd_image *image = calloc(1, sizeof(*image));
	char *copy = strdup(path);
	if (image == NULL || copy == NULL)
		abort();
	*image = (struct hd_image){.fd = fd, .path = copy, .dev = st.st_dev, .ino = st.st_ino, .size = (uint64_t)st.st_size,
				   .mtime_ns = st.st_mtim.tv_sec * HD_NS_PER_S + st.st_mtim.tv_nsec};
	int r = take_headers(image, 0);
	if (r < 0) {
		image->fd = -1; /* stays the caller's */
		hd_image_free(image);
		return r;
	}
	*ret = image;
	return 0;
}

int hd_image_from_pieces(struct hd_image_piece *pieces, size_t n, uint64_t load, const char *path, struct hd_image **ret)
{
	struct hd_image *image = calloc(1, sizeof(*image));
	char *copy = strdup(path);
	if (image == NULL || copy == NULL)
		abort();
	*image = (struct hd_image){.fd = -1, .path = copy, .pieces = pieces, .n_pieces = n};
	for (size_t i = 0; i < n; i++)
		image->size += pieces[i].len;
	int r = take_headers(image, load);
	if (r < 0) {
		image->pieces = NULL; /* stay the caller's */
		image->n_pieces = 0;
		hd_image_free(image);
		return r;
	}
	*ret = image;
	return 0;
}

void hd_image_free(struct hd_image *image)
{
	if (image == NULL)
		return;
	hd_symbols_free(image->symbols);
	hd_cfi_free(image->cfi);
	hd_slots_free(image->slots);
	hd_lines_free(image->lines);
	hd_members_free(image->members);
	for (size_t i = 0; i < image->n_pieces; i++)
		free((void *)image->pieces[i].bytes);
	free(image->pieces);
	for (size_t i = 0; image->blocks != NULL && i < HD_COUNTOF(image->blocks->pieces); i++)
		free(image->blocks->pieces[i]);
	free(image->blocks);
	free(image->path);
	if (image->fd >= 0)
		close(image->fd);
	free(image);
}
