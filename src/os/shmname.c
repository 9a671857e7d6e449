#include "os/shmname.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hangdog/procfs.h"
#include "os/procfile.h"

#define DEPTH_MAX 16u
#define ENTRIES_MAX 65536u
#define MOUNTS_BYTES (4u << 20)

/* ---- the mount ---------------------------------------------------------------------------------------------------- */

struct mount {
	unsigned id, major, minor;
	const char *point;
};

/* "36 35 0:27 / /dev/shm rw - tmpfs tmpfs rw": one that shows its whole tree. */
static bool mount_parse(char *line, struct mount *ret)
{
	int begin = 0;
	const char *type = strstr(line, " - ");
	if (type == NULL || strncmp(type, " - tmpfs ", 9) != 0 ||
	    sscanf(line, "%u %*u %u:%u / %n", &ret->id, &ret->major, &ret->minor, &begin) < 3 || begin == 0 || line[begin - 1] != ' ')
		return false;
	line[begin + (int)strcspn(line + begin, " ")] = '\0';
	ret->point = line + begin;
	return strchr(ret->point, '\\') == NULL; /* so spaces and the like are escaped */
}

/* What is mounted over it would be opened instead. */
static int mount_open(struct hd_arena *arena, int32_t pid, const struct mount *m)
{
	char info[256];
	unsigned id = 0;
	int fd = open(hd_arena_printf(arena, "/proc/%d/root%s", pid, m->point), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	const char *at = hd_procfile_read(info, sizeof(info), "/proc/self/fdinfo/%d", fd) > 0 ? strstr(info, "mnt_id:") : NULL;
	if (at != NULL && sscanf(at, "mnt_id: %u", &id) == 1 && id == m->id)
		return fd;
	close(fd);
	return -1;
}

/* The root directory of this tmpfs, or -1. */
static int root_open(int32_t pid, uint32_t dev_major, uint32_t dev_minor)
{
	struct hd_arena *arena = hd_arena_new();
	char *text, *rest;
	size_t len;
	int fd = -1;
	if (hd_procfs_text(arena, MOUNTS_BYTES, &text, &len, "/proc/%d/mountinfo", pid) < 0)
		text = hd_arena_str(arena, "");
	for (char *line = strtok_r(text, "\n", &rest); line != NULL && fd < 0; line = strtok_r(NULL, "\n", &rest)) {
		struct mount m;
		if (mount_parse(line, &m) && m.major == dev_major && m.minor == dev_minor)
			fd = mount_open(arena, pid, &m);
	}
	hd_arena_free(arena);
	return fd;
}

/* ---- the walk ------------------------------------------------------------------------------------------------------ */

struct walk {
	uint64_t ino;
	struct timespec since; /* the last tick before it began */
	uint32_t n_entries;
};

static enum hd_tri dir_walk(struct walk *w, int fd, unsigned depth);

/* What is mounted over a directory hides it, and has another number. */
static enum hd_tri subdir_walk(struct walk *w, DIR *parent, const struct dirent *e, unsigned depth)
{
	struct stat st;
	int fd = openat(dirfd(parent), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_ino == e->d_ino)
		return dir_walk(w, fd, depth + 1);
	if (fd >= 0)
		close(fd);
	return HD_UNKNOWN;
}

static enum hd_tri entry_look(struct walk *w, DIR *dir, const struct dirent *e, unsigned depth)
{
	if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
		return HD_NO;
	if (e->d_ino == w->ino)
		return HD_YES;
	if (++w->n_entries > ENTRIES_MAX || e->d_type == DT_UNKNOWN)
		return HD_UNKNOWN;
	return e->d_type == DT_DIR ? subdir_walk(w, dir, e, depth) : HD_NO;
}

/* Whoever renames, links or removes sets the time of the directory, at the least to that of the last tick. */
static bool has_rested(const struct walk *w, DIR *dir)
{
	struct stat st;
	return fstat(dirfd(dir), &st) == 0 && (st.st_ctim.tv_sec < w->since.tv_sec ||
					      (st.st_ctim.tv_sec == w->since.tv_sec && st.st_ctim.tv_nsec < w->since.tv_nsec));
}

/* Closes fd.  A directory that was the same from the beginning until it was read to its end had no name of the file: if that
 * holds for every one, there was none at the beginning. */
static enum hd_tri dir_walk(struct walk *w, int fd, unsigned depth)
{
	const struct dirent *e = NULL;
	enum hd_tri has = HD_NO;
	DIR *dir = depth < DEPTH_MAX ? fdopendir(fd) : NULL;
	if (dir == NULL) {
		close(fd);
		return HD_UNKNOWN;
	}
	while (has == HD_NO && (errno = 0, e = readdir(dir)) != NULL)
		has = entry_look(w, dir, e, depth);
	if (has == HD_NO && (errno != 0 || !has_rested(w, dir)))
		has = HD_UNKNOWN;
	closedir(dir);
	return has;
}

enum hd_tri hd_shm_has_name(int32_t pid, uint32_t dev_major, uint32_t dev_minor, uint64_t ino)
{
	struct walk w = {.ino = ino};
	clock_gettime(CLOCK_REALTIME_COARSE, &w.since);
	int fd = root_open(pid, dev_major, dev_minor);
	return fd >= 0 ? dir_walk(&w, fd, 0) : HD_UNKNOWN;
}

/* ---- names ---------------------------------------------------------------------------------------------------------- */

static bool is_random(const char *text, size_t n)
{
	size_t len = strlen(text);
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)text[i]) && text[i] != '_')
			return false;
	}
	return len == n;
}

enum hd_shm_secret hd_shm_secret(const char *path)
{
	const char *name = strrchr(path, '/');
	if (name == NULL)
		return HD_SHM_PUBLIC;
	name++;
	if (strncmp(name, "sem.mp-", 7) == 0 && is_random(name + 7, 8))
		return HD_SHM_RANDOM;
	return is_random(strncmp(name, "sem.", 4) == 0 ? name + 4 : name, 6) ? HD_SHM_MADE_HERE : HD_SHM_PUBLIC;
}
