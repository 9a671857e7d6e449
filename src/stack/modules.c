#include "stack/modules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hangdog/procfs.h"
#include "stack/image.h"

#define IMAGES_MAX 384u
#define PROCS_MAX 1024u
#define FROM_MEMORY_MAX ((size_t)96 << 20)
#define READ_STEP ((size_t)1 << 20)

struct slot { /* one per mapping, filled when first asked */
	uint64_t start, end;
	bool tried;
	struct hd_image *image; /* borrowed from the list of images */
	uint64_t bias;
};

struct proc {
	struct proc *next;
	int32_t pid;
	uint64_t start, generation;
	struct slot *slots;
	size_t n;
};

struct hd_modules {
	struct hd_image *images;
	uint32_t n_images, n_procs;
	struct proc *procs;
	uint64_t epoch;
	struct hd_work work;
};

struct hd_modules *hd_modules_new(void)
{
	struct hd_modules *modules = calloc(1, sizeof(*modules));
	if (modules == NULL)
		abort();
	modules->work.left = UINT64_MAX;
	return modules;
}

struct hd_work *hd_modules_work(struct hd_modules *modules)
{
	return &modules->work;
}

static void procs_free(struct hd_modules *modules)
{
	for (struct proc *p = modules->procs, *next; p != NULL; p = next) {
		next = p->next;
		free(p->slots);
		free(p);
	}
	modules->procs = NULL;
	modules->n_procs = 0;
}

static void images_free(struct hd_modules *modules)
{
	for (struct hd_image *i = modules->images, *next; i != NULL; i = next) {
		next = i->next;
		hd_image_free(i);
	}
	modules->images = NULL;
	modules->n_images = 0;
	modules->epoch++;
}

uint64_t hd_modules_epoch(const struct hd_modules *modules)
{
	return modules->epoch;
}

void hd_modules_free(struct hd_modules *modules)
{
	if (modules == NULL)
		return;
	procs_free(modules);
	images_free(modules);
	free(modules);
}

void hd_modules_drop(struct hd_modules *modules, int32_t pid)
{
	for (struct proc **at = &modules->procs; *at != NULL;) {
		struct proc *p = *at;
		if (p->pid != pid) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		free(p->slots);
		free(p);
		modules->n_procs--;
	}
}

void hd_modules_trim(struct hd_modules *modules)
{
	if (modules->n_images > IMAGES_MAX) {
		procs_free(modules);
		images_free(modules);
	} else if (modules->n_procs > PROCS_MAX) {
		procs_free(modules);
	}
}

static struct proc *proc_of(struct hd_modules *modules, const struct hd_unwind_query *q)
{
	for (struct proc **at = &modules->procs, *p; (p = *at) != NULL; at = &p->next) {
		if (p->pid != q->pid || p->start != q->start || p->generation != q->generation || p->n != q->maps->n)
			continue;
		*at = p->next; /* to the front: the next question is about the same process */
		p->next = modules->procs;
		modules->procs = p;
		return p;
	}
	hd_modules_drop(modules, q->pid);
	struct proc *p = calloc(1, sizeof(*p));
	struct slot *slots = calloc(q->maps->n + 1, sizeof(*slots));
	if (p == NULL || slots == NULL)
		abort();
	*p = (struct proc){.next = modules->procs, .pid = q->pid, .start = q->start, .generation = q->generation,
			   .slots = slots, .n = q->maps->n};
	modules->procs = p;
	modules->n_procs++;
	return p;
}

/* ---- mappings of one file ----------------------------------------------------------------------------------------- */

static bool same_file(const struct hd_map *a, const struct hd_map *b)
{
	return a->ino == b->ino && a->dev_major == b->dev_major && a->dev_minor == b->dev_minor && strcmp(a->path, b->path) == 0;
}

struct group {
	size_t first, last; /* of the maps, inclusive */
};

static struct group group_of(const struct hd_maps *maps, size_t i)
{
	struct group g = {i, i};
	while (g.first > 0 && maps->at[g.first].offset != 0 && same_file(&maps->at[g.first - 1], &maps->at[i]))
		g.first--;
	while (g.last + 1 < maps->n && maps->at[g.last + 1].offset != 0 && same_file(&maps->at[g.last + 1], &maps->at[i]))
		g.last++;
	return g;
}

static bool group_bias(const struct hd_image *image, const struct hd_maps *maps, struct group g, uint64_t *ret)
{
	for (size_t i = g.first; i <= g.last; i++)
		if (maps->at[i].executable && hd_image_bias(image, maps->at[i].start, maps->at[i].offset, true, ret))
			return true;
	for (size_t i = g.first; i <= g.last; i++)
		if (hd_image_bias(image, maps->at[i].start, maps->at[i].offset, false, ret))
			return true;
	return false;
}

/* ---- opening ------------------------------------------------------------------------------------------------------- */

static struct hd_image *image_known(struct hd_modules *modules, const struct stat *st)
{
	for (struct hd_image *i = modules->images; i != NULL; i = i->next)
		if (i->fd >= 0 && i->dev == st->st_dev && i->ino == st->st_ino && i->size == (uint64_t)st->st_size &&
		    i->mtime_ns == st->st_mtim.tv_sec * HD_NS_PER_S + st->st_mtim.tv_nsec)
			return i;
	return NULL;
}

static bool same_build(const struct hd_image *a, const struct hd_image *b)
{
	return a->build_id_len != 0 && a->build_id_len == b->build_id_len &&
	       memcmp(a->build_id, b->build_id, a->build_id_len) == 0;
}

/* Takes the image over; gives it, or the one that is known with the same content. */
static struct hd_image *image_keep(struct hd_modules *modules, struct hd_image *image)
{
	for (struct hd_image *i = modules->images; i != NULL; i = i->next)
		if (same_build(i, image) && i->size == image->size && (i->fd >= 0) == (image->fd >= 0)) {
			hd_image_free(image);
			return i;
		}
	image->work = &modules->work;
	image->next = modules->images;
	modules->images = image;
	modules->n_images++;
	return image;
}

static uint8_t *memory_copy(struct hd_mem *mem, uint64_t addr, size_t len)
{
	uint8_t *bytes = malloc(len);
	for (size_t at = 0; bytes != NULL && at < len; at += READ_STEP) {
		size_t step = len - at < READ_STEP ? len - at : READ_STEP;
		if (hd_mem_read(mem, addr + at, bytes + at, step) < 0) {
			free(bytes);
			return NULL;
		}
	}
	return bytes;
}

/* An image out of the read-only mappings of a group; first_page_only: just enough for its build-id. */
static struct hd_image *image_from_memory(const struct hd_unwind_query *q, struct group g, bool first_page_only)
{
	const struct hd_map *maps = q->maps->at;
	struct hd_image_piece *pieces = calloc(g.last - g.first + 1, sizeof(*pieces));
	struct hd_image *image = NULL;
	size_t n = 0, total = 0;
	if (pieces == NULL)
		abort();
	for (size_t i = g.first; i <= g.last; i++) {
		size_t len = first_page_only ? 4096 : maps[i].end - maps[i].start;
		if (maps[i].writable || !maps[i].readable || len > FROM_MEMORY_MAX - total)
			continue;
		uint8_t *bytes = memory_copy(q->mem, maps[i].start, len);
		if (bytes != NULL)
			pieces[n++] = (struct hd_image_piece){.offset = maps[i].offset, .len = len, .bytes = bytes};
		total += len;
		if (first_page_only)
			break;
	}
	if (n > 0 && hd_image_from_pieces(pieces, n, maps[g.first].start, maps[g.first].path, &image) == 0)
		return image;
	for (size_t i = 0; i < n; i++)
		free((void *)pieces[i].bytes);
	free(pieces);
	return NULL;
}

/* The process goes on while we work: another file may be mapped at the same place by now (exec of a program that lies where
 * the old one lay, dlclose and dlopen).  Where maps and stat(2) count inodes differently (overlays), the name has to do. */
static bool is_still_that(const char *link, const struct hd_map *map, const struct stat *st)
{
	char target[4200];
	if (st->st_ino == map->ino)
		return true;
	ssize_t n = readlink(link, target, sizeof(target) - 1);
	size_t len = strlen(map->path);
	if (n < 0)
		return false;
	target[n] = '\0';
	return strncmp(target, map->path, len) == 0 && (target[len] == '\0' || strcmp(target + len, " (deleted)") == 0);
}

static int open_mapped(int32_t pid, const struct hd_map *map, struct stat *ret_st, bool *ret_exact)
{
	char path[4200];
	snprintf(path, sizeof(path), "/proc/%d/map_files/%llx-%llx", pid, (unsigned long long)map->start,
		 (unsigned long long)map->end);
	int fd = hd_open_regular(path, ret_st);
	if (fd >= 0 && !is_still_that(path, map, ret_st)) {
		close(fd);
		fd = -1;
	}
	if (fd < 0 && map->deleted && map->path[0] == '/')
		fd = hd_open_exe(pid, map, ret_st);
	*ret_exact = fd >= 0;
	if (fd >= 0 || map->path[0] != '/' || map->deleted)
		return fd;
	int n = snprintf(path, sizeof(path), "/proc/%d/root%s", pid, map->path);
	return n < 0 || (size_t)n >= sizeof(path) ? -1 : hd_open_regular(path, ret_st);
}

/* A path may have been replaced since it was mapped: the build-id in memory tells. */
static bool is_what_is_mapped(const struct hd_unwind_query *q, struct group g, const struct hd_image *image)
{
	if (image->ino == q->maps->at[g.first].ino)
		return true;
	struct hd_image *mapped = image_from_memory(q, g, true);
	bool same = mapped != NULL && same_build(mapped, image);
	hd_image_free(mapped);
	return same;
}

static struct hd_image *image_of_file(struct hd_modules *modules, const struct hd_unwind_query *q, size_t map, struct group g)
{
	bool exact;
	struct stat st;
	struct hd_image *image = NULL;
	int fd = open_mapped(q->pid, &q->maps->at[map], &st, &exact);
	if (fd < 0)
		return NULL;
	if ((image = image_known(modules, &st)) != NULL) {
		close(fd);
		return exact || is_what_is_mapped(q, g, image) ? image : NULL;
	}
	if (hd_image_open(fd, q->maps->at[map].path, &image) < 0) {
		close(fd);
		return NULL;
	}
	if (!exact && !is_what_is_mapped(q, g, image)) {
		hd_image_free(image);
		return NULL;
	}
	return image_keep(modules, image);
}

static void slot_fill(struct hd_modules *modules, const struct hd_unwind_query *q, size_t i, struct slot *slot)
{
	const struct hd_map *map = &q->maps->at[i];
	struct group g = group_of(q->maps, i);
	*slot = (struct slot){.start = map->start, .end = map->end, .tried = true};
	bool is_vdso = strcmp(map->path, "[vdso]") == 0;
	if (!is_vdso && (map->ino == 0 || map->path[0] != '/'))
		return;
	struct hd_image *image = is_vdso ? NULL : image_of_file(modules, q, i, g);
	if (image == NULL && (image = image_from_memory(q, g, false)) != NULL)
		image = image_keep(modules, image);
	if (image != NULL && group_bias(image, q->maps, g, &slot->bias))
		slot->image = image;
}

/* The index of the mapping that holds the file part of a .bss: anonymous memory right behind a file's data. */
static size_t file_part(const struct hd_maps *maps, size_t i)
{
	size_t at = i;
	while (at > 0 && maps->at[at].ino == 0 && maps->at[at - 1].end == maps->at[at].start && i - at < 2)
		at--;
	return maps->at[at].ino != 0 ? at : i;
}

bool hd_modules_find(struct hd_modules *modules, const struct hd_unwind_query *q, uint64_t addr, struct hd_module *ret)
{
	const struct hd_map *map = hd_maps_find(q->maps, addr);
	if (map == NULL)
		return false;
	struct proc *proc = proc_of(modules, q);
	size_t i = (size_t)(map - q->maps->at);
	if (map->ino == 0 && map->writable)
		i = file_part(q->maps, i);
	struct slot *slot = &proc->slots[i];
	if (!slot->tried || slot->start != q->maps->at[i].start || slot->end != q->maps->at[i].end)
		slot_fill(modules, q, i, slot);
	if (slot->image == NULL)
		return false;
	*ret = (struct hd_module){.image = slot->image, .bias = slot->bias, .map = map};
	return true;
}
