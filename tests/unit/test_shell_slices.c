/* Indexing the names of big libraries takes long.  Between two slices of it hangdog serves what its tracees wait for, and a
 * gather that was cut short leaves nothing behind. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hangdog/gather.h"
#include "hangdog/procfs.h"

static pthread_mutex_t own_lock = PTHREAD_MUTEX_INITIALIZER;

static int32_t start_stuck(void)
{
	int32_t pid = fork();
	cr_assert(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(60);
		pthread_mutex_lock(&own_lock);
		pthread_mutex_lock(&own_lock);
		_exit(3);
	}
	return pid;
}

static void wait_still(struct hd_watcher *w, const struct hd_model *model)
{
	struct hd_look look = {0};
	for (int i = 0; i < 4000 && look.still == 0; i++) {
		cr_assert_eq(hd_watcher_look(w, model, &look), 0);
		nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
	}
	cr_assert_eq(look.still, 1);
}

Test(shell_slices, names_are_the_same_in_the_end, .timeout = 60)
{
	struct hd_model *model = hd_model_new();
	struct hd_unwinder *in_slices = hd_unwinder_new(), *at_once = hd_unwinder_new();
	struct hd_watch_config config = {.root = start_stuck(), .unwinder = in_slices, .slice_units = 1};
	struct hd_watcher *w = hd_watcher_new(&config);
	struct hd_stack_options options = {.native = true};
	struct hd_snapshot *snap = NULL;
	uint64_t start;
	cr_assert_eq(hd_procfs_start(config.root, config.root, &start), 0);
	hd_model_add(model, config.root, 0, start, 0);
	wait_still(w, model);
	cr_assert_eq(hd_watcher_gather_slice(w, model, &snap, NULL), -EAGAIN);
	cr_assert_null(snap);
	unsigned slices = 0;
	while (hd_watcher_gather_slice(w, model, &snap, NULL) == -EAGAIN)
		for (bool is_done = false; !is_done; slices++)
			is_done = hd_watcher_prepare_gather(w, model);
	cr_expect_gt(slices, 3, "%u: a slice of one unit indexes a thousand symbols at most", slices);
	cr_assert_not_null(snap->threads[0].lock.name);
	cr_expect_not_null(strstr(snap->threads[0].lock.name, "own_lock"), "%s", snap->threads[0].lock.name);
	cr_expect_str_eq(snap->threads[0].lock.api, "pthread_mutex_lock");
	while (!hd_watcher_prepare(w, snap, NULL, &options))
		;
	hd_watcher_stacks(w, snap, NULL, &options);
	struct hd_stack stack = snap->threads[0].stack;
	hd_watcher_free(w);
	config.unwinder = at_once;
	w = hd_watcher_new(&config);
	hd_watcher_stacks(w, snap, NULL, &options);
	const struct hd_stack *same = &snap->threads[0].stack;
	cr_assert(stack.is_complete && stack.n == same->n);
	for (uint32_t i = 0; i < stack.n; i++) {
		const char *a = stack.at[i].function, *b = same->at[i].function;
		cr_expect(a == NULL ? b == NULL : b != NULL && strcmp(a, b) == 0, "frame %u", i);
	}
	kill(config.root, SIGKILL);
	waitpid(config.root, NULL, 0);
	hd_snapshot_free(snap);
	hd_watcher_free(w);
	hd_unwinder_free(in_slices);
	hd_unwinder_free(at_once);
	hd_model_free(model);
}
