/* /proc and target memory, live.  Thin: opens, reads, hands bytes to parse/.  ESRCH ("gone") is a normal answer. */
#ifndef HANGDOG_PROCFS_H
#define HANGDOG_PROCFS_H

#include <sys/stat.h>

#include "hangdog/arena.h"
#include "hangdog/err.h"
#include "hangdog/maps.h"
#include "hangdog/mem.h"
#include "hangdog/python.h"

/* Live memory through /proc/PID/mem.  A kept descriptor stays on the old memory after exec: reopen then. */
struct hd_mem_live {
	struct hd_mem mem; /* first */
	int fd;
};
HD_MUST_CHECK int hd_mem_live_open(struct hd_mem_live *live, int32_t pid);
void hd_mem_live_close(struct hd_mem_live *live);

/* Opens only regular files (never a device or FIFO, whose open has effects): a descriptor or negative errno. */
HD_MUST_CHECK int hd_open_regular(const char *path, struct stat *ret_st);
/* The program of a process, also when its file was replaced or removed; -ESTALE: that is not what is mapped here. */
HD_MUST_CHECK int hd_open_exe(int32_t pid, const struct hd_map *map, struct stat *ret_st);

/* ELF bytes behind a mapping of a process: map_files, else root/PATH, else the program itself.  The file of the last
 * question stays open until the next one about another mapping, or the close. */
struct hd_elf_live {
	struct hd_elf_port port; /* first */
	int32_t pid;
	int fd; /* -1 = none */
	uint64_t start; /* of the mapping that it is the file of */
};
void hd_elf_live_init(struct hd_elf_live *elf, int32_t pid);
void hd_elf_live_close(struct hd_elf_live *elf);

HD_MUST_CHECK int hd_procfs_maps(int32_t pid, struct hd_arena *arena, struct hd_maps *ret);
/* Whole small file as text, at most `max` bytes: 0 or negative errno (-ESRCH when the task is gone). */
HD_MUST_CHECK int hd_procfs_text(struct hd_arena *arena, size_t max, char **ret, size_t *ret_len, const char *path_fmt, ...)
	HD_PRINTF(5, 6);
/* The command line, NULL-terminated; empty when the process is gone.  Both lie in the arena. */
const char *const *hd_procfs_argv(int32_t pid, struct hd_arena *arena);
HD_MUST_CHECK int hd_procfs_start(int32_t pid, int32_t tid, uint64_t *ret_start); /* stat field 22 */
char hd_procfs_state(int32_t pid); /* R, S, D, T, t, Z, ...; 0 = gone */
/* A whole tree by parent pids, root first: 0 or negative errno.  Twice until nothing new appears. */
HD_MUST_CHECK int hd_procfs_tree(int32_t root, struct hd_arena *arena, int32_t **ret_pids, size_t *ret_n);
/* Can this pid be guarded or explained?  0, or a negative errno with the sentence of contract section 8: no such process,
 * kernel thread, zombie, someone else's, traced by PID COMMAND, no permission (which, and the remedy). */
HD_MUST_CHECK int hd_procfs_probe(int32_t pid, bool want_ptrace, struct hd_err *err);

#endif
