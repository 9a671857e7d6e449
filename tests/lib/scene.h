/* A process tree that plays a scene, and what the watcher gathers of it.  For the tests of one program. */
#ifndef SCENE_H
#define SCENE_H

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hangdog/gather.h"
#include "hangdog/procfs.h"
#include "hangdog/verdict.h"
#include "os/watcher.h"

struct scene {
	struct hd_model *model;
	struct hd_unwinder *unwinder;
	struct hd_watcher *watcher;
	struct hd_snapshot *snap;
	int32_t root;
};

typedef void play_fn(void);

static void nap(void)
{
	struct timespec ms = {.tv_nsec = 2000000};
	nanosleep(&ms, NULL);
}

/* A fixture never outlives its test, whatever it hangs on. */
static void stage(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(60);
}

static inline void read_one(int fd)
{
	char c;
	while (read(fd, &c, 1) < 0 && errno == EINTR)
		;
}

static int kept_end = -1;

/* What the test runner holds is none of the fixture's: its sockets lead out of the tree. */
static void close_strangers(void)
{
	for (int fd = 3; fd < 1024; fd++) {
		if (kept_end < 0 || (fd != kept_end && fd != kept_end - 1))
			close(fd);
	}
}

static struct scene open_scene(play_fn *play)
{
	struct scene s = {.root = fork()};
	cr_assert(s.root >= 0);
	if (s.root == 0) {
		stage();
		close_strangers();
		play();
		_exit(3);
	}
	s.model = hd_model_new();
	s.unwinder = hd_unwinder_new();
	const char *command[] = {"fixture", NULL};
	struct hd_watch_config config = {.root = s.root, .command = command, .unwinder = s.unwinder, .is_launched = true};
	s.watcher = hd_watcher_new(&config);
	return s;
}

static size_t add_tree(struct scene *s)
{
	struct hd_arena *arena = hd_arena_new();
	int32_t *pids;
	size_t n = 0;
	cr_assert_eq(hd_procfs_tree(s->root, arena, &pids, &n), 0);
	for (size_t i = 0; i < n; i++) {
		uint64_t start;
		if (hd_procfs_start(pids[i], pids[i], &start) == 0)
			hd_model_add(s->model, pids[i], 0, start, 0);
	}
	hd_arena_free(arena);
	return n;
}

/* Looks until so many processes and threads are there and `still` of them stand still in two looks. */
static void wait_for(struct scene *s, size_t procs, uint32_t threads, uint32_t still)
{
	struct hd_look look = {0};
	for (int i = 0; i < 4000; i++) {
		size_t n = add_tree(s);
		cr_assert_eq(hd_watcher_look(s->watcher, s->model, &look), 0);
		if (n == procs && look.threads == threads && look.still >= still)
			return;
		nap();
	}
	cr_assert_fail("%u threads, %u still; expected %u and %u", look.threads, look.still, threads, still);
}

static struct hd_snapshot *gather(struct scene *s)
{
	struct hd_err err = {0};
	const char *why;
	hd_snapshot_free(s->snap);
	s->snap = NULL;
	cr_assert_eq(hd_watcher_gather(s->watcher, s->model, &s->snap, &err), 0, "%s", err.text);
	cr_assert_eq(hd_snapshot_check(s->snap, &why), 0, "%s", why);
	return s->snap;
}

/* Somewhere on this machine a descriptor is under way between two processes: for that moment nothing is closed. */
static bool is_descriptor_under_way(const struct hd_snapshot *snap)
{
	for (uint32_t o = 0; o < snap->n_objects; o++) {
		if (snap->objects[o].outside != NULL && strstr(snap->objects[o].outside, "on its way") != NULL)
			return true;
	}
	return false;
}

/* For who expects a closed set: not in such a moment. */
static inline struct hd_snapshot *gather_quiet(struct scene *s)
{
	for (int i = 0; i < 2000 && is_descriptor_under_way(gather(s)); i++)
		nap();
	return s->snap;
}

static void close_scene(struct scene *s)
{
	for (size_t i = 0; i < hd_model_count(s->model); i++)
		kill(hd_model_at(s->model, i)->pid, SIGKILL);
	while (waitpid(s->root, NULL, 0) < 0 && errno == EINTR)
		;
	hd_snapshot_free(s->snap);
	hd_watcher_free(s->watcher);
	hd_unwinder_free(s->unwinder);
	hd_model_free(s->model);
}

static inline struct hd_verdict *decide(struct scene *s)
{
	return hd_decide(s->snap, s->snap->arena);
}

/* The only thread of the snapshot in this call; fails when there is none. */
static inline const struct hd_thread *thread_in(const struct hd_snapshot *snap, int64_t nr)
{
	for (uint32_t t = 0; t < snap->n_threads; t++) {
		if (snap->threads[t].call_known && snap->threads[t].nr == nr)
			return &snap->threads[t];
	}
	cr_assert_fail("no thread in call %ld", (long)nr);
	return NULL;
}

#endif
