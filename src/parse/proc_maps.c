#include "hangdog/maps.h"

#include <errno.h>
#include <string.h>

#include "hangdog/num.h"
#include "hangdog/vec.h"

static const char deleted_mark[] = " (deleted)";

const struct hd_map *hd_maps_find(const struct hd_maps *maps, uint64_t addr)
{
	size_t low = 0, high = maps->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct hd_map *map = &maps->at[mid];
		if (addr < map->start)
			high = mid;
		else if (addr >= map->end)
			low = mid + 1;
		else
			return map;
	}
	return NULL;
}

static bool take_char(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

/* "rw-p" */
static bool take_perms(const char **p, struct hd_map *ret)
{
	if (strnlen(*p, 4) < 4)
		return false;
	ret->readable = (*p)[0] == 'r';
	ret->writable = (*p)[1] == 'w';
	ret->executable = (*p)[2] == 'x';
	ret->shared = (*p)[3] == 's' || (*p)[3] == 'S';
	*p += 4;
	return true;
}

/* "7f..-7f.. rw-p 00000000 fd:00 1234   /path": everything before the blanks in front of the path. */
static bool take_numbers(const char **p, struct hd_map *ret)
{
	uint64_t major, minor;
	if (!hd_take_u64(p, 16, &ret->start) || !take_char(p, '-') || !hd_take_u64(p, 16, &ret->end) || !take_char(p, ' '))
		return false;
	if (!take_perms(p, ret) || !take_char(p, ' ') || !hd_take_u64(p, 16, &ret->offset) || !take_char(p, ' '))
		return false;
	if (!hd_take_u64(p, 16, &major) || !take_char(p, ':') || !hd_take_u64(p, 16, &minor) || !take_char(p, ' '))
		return false;
	if (major > UINT32_MAX || minor > UINT32_MAX || !hd_take_u64(p, 10, &ret->ino))
		return false;
	ret->dev_major = (uint32_t)major;
	ret->dev_minor = (uint32_t)minor;
	return ret->start < ret->end;
}

/* Neighbours are mostly pieces of one file: they share its name. */
static const char *keep_path(const char *text, size_t len, const char *before, struct hd_arena *arena)
{
	if (len == 0)
		return "";
	if (before != NULL && strlen(before) == len && memcmp(before, text, len) == 0)
		return before;
	return hd_arena_strn(arena, text, len);
}

static bool parse_line(const char *p, const char *end, const char *path_before, struct hd_arena *arena, struct hd_map *ret)
{
	if (!take_numbers(&p, ret) || p > end || (p < end && *p != ' '))
		return false;
	while (p < end && *p == ' ')
		p++;
	size_t len = (size_t)(end - p), mark = sizeof(deleted_mark) - 1;
	if (len > mark && memcmp(end - mark, deleted_mark, mark) == 0) {
		ret->deleted = true;
		len -= mark;
	}
	ret->path = keep_path(p, len, path_before, arena);
	return true;
}

int hd_maps_parse(const char *text, struct hd_arena *arena, struct hd_maps *ret)
{
	HD_VEC(struct hd_map) maps = {0};
	int r = 0;
	for (const char *p = text; *p != '\0' && r == 0;) {
		const char *end = strchrnul(p, '\n');
		const struct hd_map *before = maps.n > 0 ? &maps.at[maps.n - 1] : NULL;
		struct hd_map map = {0};
		/* The kernel never repeats or goes back, even if the address space changes while it is read. */
		if (!parse_line(p, end, before != NULL ? before->path : NULL, arena, &map) ||
		    (before != NULL && map.start < before->end))
			r = -EINVAL;
		else
			HD_VEC_PUSH(&maps, map);
		p = *end == '\n' ? end + 1 : end;
	}
	if (r == 0) {
		ret->at = hd_arena_dup(arena, maps.at, maps.n * sizeof(*maps.at));
		ret->n = maps.n;
	}
	HD_VEC_RELEASE(&maps);
	return r;
}
