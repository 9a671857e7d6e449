#include "cmd/once.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cmd/cmd.h"
#include "cmd/say.h"
#include "cmd/spinner.h"
#include "hangdog/clock.h"
#include "hangdog/procfs.h"

/* The processes named, and (unless --no-tree) all their descendants. */
static int model_add_trees(struct hd_model *model, const struct hd_options *options, struct hd_arena *arena, struct hd_err *err)
{
	int64_t now_ns = hd_now_real_ns();
	for (unsigned i = 0; i < options->n_pids; i++) {
		int32_t pid = options->pids[i], *pids = &pid;
		size_t n = 1;
		int r = hd_procfs_probe(pid, /* want_ptrace= */ false, err);
		if (r < 0)
			return r;
		if (options->tree && (r = hd_procfs_tree(pid, arena, &pids, &n)) < 0)
			return hd_err_set(err, -r, "process %d: its descendants could not be listed: %s", pid, strerror(-r));
		for (size_t k = 0; k < n; k++) {
			uint64_t start;
			/* Gone between listing and now: not part of the tree any more. */
			if (hd_model_find(model, pids[k]) == NULL && hd_procfs_start(pids[k], pids[k], &start) == 0)
				hd_model_add(model, pids[k], 0, start, now_ns);
		}
	}
	return 0;
}

int hd_once_model(struct hd_model *model, const struct hd_options *options, struct hd_err *err)
{
	struct hd_arena *arena = hd_arena_new();
	int r = model_add_trees(model, options, arena, err);
	hd_arena_free(arena);
	return r;
}

/* The looks, one interval apart, then the whole snapshot. */
static int look_and_gather(struct hd_watcher *w, const struct hd_model *model, unsigned looks, int64_t interval_ms,
			   struct hd_snapshot **ret, struct hd_err *err)
{
	for (unsigned i = 0; i < looks; i++) {
		struct hd_look look;
		int r = hd_watcher_look(w, model, &look);
		if (r < 0)
			return hd_err_set(err, -r, "looking at the tree failed: %s", strerror(-r));
		if (i + 1 < looks)
			nanosleep(&(struct timespec){interval_ms / 1000, (interval_ms % 1000) * HD_NS_PER_MS}, NULL);
	}
	return hd_watcher_gather(w, model, ret, err);
}

static struct hd_stack_options stack_options(const struct hd_options *options)
{
	bool both = options->native == options->python;
	return (struct hd_stack_options){
		.native = both || options->native,
		.python = both || options->python,
		.lines = options->lines,
		.locals = options->locals,
		.async = options->async,
	};
}

void hd_fill_quietly(struct hd_case *c, struct hd_watcher *w, const struct hd_stack_options *stacks, const struct hd_options *options)
{
	hd_case_stacks(c, w, stacks, options->threads || options->json || options->native || options->python);
}

static int once(struct hd_watcher *w, struct hd_model *model, const struct hd_options *options, unsigned looks, hd_fill_fn *fill,
		struct hd_case *ret, struct hd_err *err)
{
	struct hd_snapshot *snap = NULL;
	struct hd_capture **captures = NULL;
	struct hd_stack_options stacks = stack_options(options);
	int r = hd_once_model(model, options, err);
	if (r == 0 && looks == 0) /* a dump: only who is there, and where */
		r = hd_watcher_list(w, model, &snap, stacks.native ? &captures : NULL, err);
	else if (r == 0)
		r = look_and_gather(w, model, looks, options->interval_ms, &snap, err);
	if (r < 0)
		return r;
	hd_case_init(ret, snap);
	ret->captures = captures;
	/* Two that disagree are followed by a third; what is reported in the end is the newest. */
	for (int tries = 0; looks > 0 && tries < 2 && ret->verdict->kind == HD_VERDICT_DEADLOCK; tries++) {
		if (hd_case_confirm(ret, w, model))
			break;
	}
	fill(ret, w, &stacks, options);
	return 0;
}

int hd_look_once(const struct hd_options *options, unsigned looks, hd_fill_fn *fill, struct hd_case *ret, struct hd_err *err)
{
	struct hd_model *model = hd_model_new();
	struct hd_unwinder *unwinder = hd_unwinder_new();
	struct hd_watch_config config = {.root = options->pids[0], .unwinder = unwinder, .only_lists = looks == 0};
	struct hd_watcher *w = hd_watcher_new(&config);
	struct hd_spinner *spinner = hd_spinner_start(options, "still looking");
	int r = once(w, model, options, looks, fill, ret, err);
	hd_spinner_stop(spinner);
	hd_watcher_free(w);
	hd_unwinder_free(unwinder);
	hd_model_free(model);
	return r;
}

int hd_once_print(const struct hd_case *c, const struct hd_options *options)
{
	HD_CLEAN_BUF struct hd_buf out = {0};
	struct hd_text_style style = hd_say_style(stdout, options);
	if (options->json)
		hd_case_json(c, &out);
	else
		hd_case_text(c, &style, &out);
	if (fwrite(out.text, 1, out.len, stdout) != out.len || fflush(stdout) != 0) {
		hd_say("standard output cannot be written to: %m");
		return HD_EXIT_ERROR;
	}
	return c->verdict->kind == HD_VERDICT_NONE ? 0 : 1;
}
