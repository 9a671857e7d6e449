#include "hangdog/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* pread, never process_vm_readv: on a page that userfaultfd holds back the latter hangs us in D state (reference,
 * ptrace.md fact 9); pread on /proc/PID/mem gives EIO. */
static int live_read(struct hd_mem *mem, uint64_t addr, void *buf, size_t len)
{
	struct hd_mem_live *live = (struct hd_mem_live *)mem;
	for (size_t done = 0; done < len;) {
		ssize_t n = pread(live->fd, (char *)buf + done, len - done, (off_t)(addr + done));
		if (n > 0)
			done += (size_t)n;
		else if (n == 0)
			return -ESRCH; /* the memory this descriptor stands for is gone: exit or exec */
		else if (errno != EINTR)
			return errno == ESRCH || errno == EBADF ? -ESRCH : -EFAULT;
	}
	return 0;
}

int hd_mem_live_open(struct hd_mem_live *live, int32_t pid)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	*live = (struct hd_mem_live){.mem.read = live_read, .fd = fd};
	return 0;
}

void hd_mem_live_close(struct hd_mem_live *live)
{
	hd_close_fd(&live->fd);
}

/* By way of a descriptor that opens nothing yet. */
int hd_open_regular(const char *path, struct stat *ret_st)
{
	HD_CLEAN_FD int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, ret_st) != 0 || !S_ISREG(ret_st->st_mode))
		return -EINVAL;
	char self[64];
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	int file = open(self, O_RDONLY | O_CLOEXEC);
	return file < 0 ? -errno : file;
}

int hd_open_exe(int32_t pid, const struct hd_map *map, struct stat *ret_st)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	int fd = hd_open_regular(path, ret_st);
	if (fd < 0 || (ret_st->st_ino == map->ino && major(ret_st->st_dev) == map->dev_major && minor(ret_st->st_dev) == map->dev_minor))
		return fd;
	close(fd);
	return -ESTALE;
}

/* map_files is the very file, but needs a capability; the path is that file only if the inode says so.  Overlay and
 * btrfs show another device in maps than stat(2) does: there only the path speaks. */
static int open_map(int32_t pid, const struct hd_map *map)
{
	char path[4200];
	struct stat st = {0};
	snprintf(path, sizeof(path), "/proc/%d/map_files/%lx-%lx", pid, (unsigned long)map->start, (unsigned long)map->end);
	int fd = hd_open_regular(path, &st);
	if (fd >= 0)
		return fd;
	if (map->path[0] != '/')
		return -ENOENT;
	if (map->deleted)
		return hd_open_exe(pid, map, &st);
	if (snprintf(path, sizeof(path), "/proc/%d/root%s", pid, map->path) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = hd_open_regular(path, &st);
	bool same_dev = fd >= 0 && major(st.st_dev) == map->dev_major && minor(st.st_dev) == map->dev_minor;
	if (same_dev && st.st_ino != map->ino) {
		close(fd);
		return -ESTALE;
	}
	return fd;
}

static ssize_t elf_pread(struct hd_elf_port *port, const struct hd_map *map, void *buf, size_t len, uint64_t offset)
{
	struct hd_elf_live *elf = (struct hd_elf_live *)port;
	if (map->ino == 0)
		return -ENOENT;
	if (elf->fd < 0 || elf->start != map->start) {
		hd_elf_live_close(elf);
		int fd = open_map(elf->pid, map);
		if (fd < 0)
			return fd;
		elf->fd = fd;
		elf->start = map->start;
	}
	ssize_t n = pread(elf->fd, buf, len, (off_t)offset);
	return n < 0 ? -errno : n;
}

void hd_elf_live_init(struct hd_elf_live *elf, int32_t pid)
{
	*elf = (struct hd_elf_live){.port.pread = elf_pread, .pid = pid, .fd = -1};
}

void hd_elf_live_close(struct hd_elf_live *elf)
{
	hd_close_fd(&elf->fd);
}
