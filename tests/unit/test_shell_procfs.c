#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hangdog/procfs.h"

static int32_t sleeper(void)
{
	pid_t pid = fork();
	cr_assert(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(30);
		for (;;)
			pause();
	}
	return pid;
}

static void end(int32_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

Test(shell_procfs, own_memory_is_read_and_unmapped_memory_is_an_error, .timeout = 10)
{
	struct hd_mem_live live;
	uint64_t there = 0x1122334455667788, got = 0;
	cr_assert_eq(hd_mem_live_open(&live, getpid()), 0);
	cr_assert_eq(hd_mem_u64(&live.mem, (uint64_t)(uintptr_t)&there, &got), 0);
	cr_assert_eq(got, there);
	cr_assert_eq(hd_mem_u64(&live.mem, 8, &got), -EFAULT);
	cr_assert_eq(hd_mem_u64(&live.mem, UINT64_MAX - 16, &got), -EFAULT);
	hd_mem_live_close(&live);
}

Test(shell_procfs, the_memory_of_a_dead_process_is_gone, .timeout = 10)
{
	struct hd_mem_live live;
	int32_t pid = sleeper();
	uint64_t got;
	cr_assert_eq(hd_mem_live_open(&live, pid), 0);
	end(pid);
	cr_assert_eq(hd_mem_u64(&live.mem, (uint64_t)(uintptr_t)&got, &got), -ESRCH);
	hd_mem_live_close(&live);
	cr_assert_eq(hd_mem_live_open(&live, pid), -ESRCH);
}

Test(shell_procfs, maps_find_this_function_and_its_file_is_elf, .timeout = 10)
{
	struct hd_arena *arena = hd_arena_new();
	struct hd_maps maps;
	cr_assert_eq(hd_procfs_maps(getpid(), arena, &maps), 0);
	const struct hd_map *map = hd_maps_find(&maps, (uint64_t)(uintptr_t)sleeper);
	cr_assert(map != NULL && map->executable);
	struct hd_elf_live elf;
	char magic[4];
	hd_elf_live_init(&elf, getpid());
	cr_assert_eq(elf.port.pread(&elf.port, map, magic, sizeof(magic), 0), 4);
	cr_assert_eq(memcmp(magic, "\177ELF", 4), 0);
	/* Another mapping is another file. */
	const struct hd_map *other = hd_maps_find(&maps, (uint64_t)(uintptr_t)&malloc);
	char theirs[4096], own[4096];
	cr_assert(other != NULL && strcmp(other->path, map->path) != 0);
	cr_assert_eq(elf.port.pread(&elf.port, other, theirs, sizeof(theirs), 0), sizeof(theirs));
	cr_assert_eq(elf.port.pread(&elf.port, map, own, sizeof(own), 0), sizeof(own));
	cr_assert_neq(memcmp(theirs, own, sizeof(own)), 0);
	hd_elf_live_close(&elf);
	hd_arena_free(arena);
}

Test(shell_procfs, a_tree_has_its_root_first_and_its_children, .timeout = 10)
{
	struct hd_arena *arena = hd_arena_new();
	int32_t *pids, child = sleeper();
	size_t n;
	cr_assert_eq(hd_procfs_tree(getpid(), arena, &pids, &n), 0);
	cr_assert_eq(n, 2);
	cr_assert_eq(pids[0], getpid());
	cr_assert_eq(pids[1], child);
	end(child);
	cr_assert_eq(hd_procfs_tree(child, arena, &pids, &n), -ESRCH);
	hd_arena_free(arena);
}

/* A chain: each child forks the next. */
static void grow(int depth)
{
	while (depth-- > 0 && fork() == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
}

Test(shell_procfs, a_tree_that_grows_is_seen_whole_and_only_it, .timeout = 30)
{
	enum { DEPTH = 40 };
	struct hd_arena *arena = hd_arena_new();
	int32_t *pids, root = fork(), other = sleeper();
	size_t n = 0;
	if (root == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		grow(DEPTH);
	}
	while (n < DEPTH + 1) {
		size_t before = n;
		cr_assert_eq(hd_procfs_tree(root, arena, &pids, &n), 0);
		cr_assert_geq(n, before, "nobody of it ends");
		for (size_t i = 0; i < n; i++)
			cr_assert_neq(pids[i], other, "a neighbour has no part in it");
	}
	for (size_t i = 1; i < n; i++)
		kill(pids[i], SIGKILL);
	end(root);
	end(other);
	hd_arena_free(arena);
}

Test(shell_procfs, refusals_name_the_process_and_the_reason, .timeout = 10)
{
	struct hd_err err = {0};
	int32_t pid = sleeper();
	cr_assert_eq(hd_procfs_probe(pid, true, &err), 0);
	kill(pid, SIGKILL);
	siginfo_t info;
	cr_assert_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	cr_assert_eq(hd_procfs_probe(pid, false, &err), -ESRCH);
	cr_assert_not_null(strstr(err.text, "reaped"), "%s", err.text);
	end(pid);
	cr_assert_eq(hd_procfs_probe(pid, false, &err), -ESRCH);
	cr_assert_not_null(strstr(err.text, "does not exist"), "%s", err.text);
	if (access("/proc/2", F_OK) == 0) {
		cr_assert(hd_procfs_probe(2, false, &err) < 0);
		cr_assert_not_null(strstr(err.text, "kernel"), "%s", err.text);
	}
}
