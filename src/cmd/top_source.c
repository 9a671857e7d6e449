#include "cmd/top_source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "cmd/dump.h"
#include "cmd/once.h"
#include "cmd/supervisor.h"
#include "hangdog/act.h"
#include "hangdog/clock.h"
#include "hangdog/door.h"
#include "hangdog/procfs.h"
#include "hangdog/snapshot_io.h"

/* From outside, a refresh looks (one read a thread) and gathers all facts only when something changed: at most one part
 * in COST_SHARE of the time goes to gathering while that makes it no rarer than every SLOWEST_MS. */
#define COST_SHARE 50
#define SLOWEST_MS 5000
#define UNCHANGED_MS 10000

/* CPU time of a thread at the refresh before, by tid. */
struct past {
	int32_t tid;
	uint64_t start, cpu_ns;
};

struct hd_source {
	int32_t supervisor; /* 0 = from outside, or a recording */
	bool is_recording;
	bool wants_all; /* the first looks: until something can be proven */
	/* On their way: new facts (only of a supervisor), and what the user has asked for. */
	struct hd_call *asked, *acting;
	int64_t asked_ms, acting_ms;
	enum hd_view_want deed;
	pid_t worker; /* who does the deed, where no supervisor does; 0 = nobody */
	bool is_due;  /* hd_source_ask was called, and nobody else is to be asked */
	int32_t tid;  /* whose stack is wanted */
	/* From outside. */
	struct hd_options options;
	struct hd_unwinder *unwinder;
	struct hd_watcher *watcher;
	struct hd_model *model;
	/* What was seen. */
	struct hd_case now;
	bool has_case;
	int32_t *cpu_permille; /* [n_threads] */
	unsigned refreshes;
	struct past *past;     /* sorted by tid */
	size_t n_past;
	int64_t past_ns, cost_ms;
	int64_t gathered_ms, gather_cost_ms; /* from outside: the newest whole gather */
};

static struct hd_source *source_new(void)
{
	struct hd_source *source = calloc(1, sizeof(*source));
	if (source == NULL)
		abort();
	return source;
}

static void take_case(struct hd_source *source, const struct hd_case *c)
{
	if (source->has_case)
		hd_case_release(&source->now);
	source->now = *c;
	source->has_case = true;
}

void hd_source_free(struct hd_source *source)
{
	if (source == NULL)
		return;
	if (source->has_case)
		hd_case_release(&source->now);
	hd_call_free(source->asked);
	hd_call_free(source->acting);
	hd_watcher_free(source->watcher);
	hd_unwinder_free(source->unwinder);
	hd_model_free(source->model);
	free(source->cpu_permille);
	free(source->past);
	free(source);
}

int32_t hd_source_supervisor(const struct hd_source *source)
{
	return source->supervisor;
}

int64_t hd_source_cost_ms(const struct hd_source *source)
{
	return source->cost_ms;
}

/* ---- CPU use between two refreshes ------------------------------------------------------------------------------------ */

static int by_tid(const void *a, const void *b)
{
	const struct past *x = a, *y = b;
	return (x->tid > y->tid) - (x->tid < y->tid);
}

static int32_t use_of(const struct hd_source *source, const struct hd_thread *thread, int64_t passed_ns)
{
	struct past key = {.tid = thread->tid};
	const struct past *old = source->n_past > 0 ? bsearch(&key, source->past, source->n_past, sizeof(key), by_tid) : NULL;
	if (old == NULL || old->start != thread->start || passed_ns <= 0 || thread->cpu_ns < old->cpu_ns)
		return -1;
	uint64_t permille = (thread->cpu_ns - old->cpu_ns) * 1000 / (uint64_t)passed_ns;
	return permille > 1000 ? 1000 : (int32_t)permille;
}

static void measure_use(struct hd_source *source)
{
	const struct hd_snapshot *snap = source->now.snap;
	int64_t passed_ns = snap->time_ns - source->past_ns;
	struct past *past = calloc((size_t)snap->n_threads + 1, sizeof(*past));
	free(source->cpu_permille);
	source->cpu_permille = calloc((size_t)snap->n_threads + 1, sizeof(*source->cpu_permille));
	if (past == NULL || source->cpu_permille == NULL)
		abort();
	for (uint32_t t = 0; t < snap->n_threads; t++) {
		const struct hd_thread *thread = &snap->threads[t];
		source->cpu_permille[t] = use_of(source, thread, passed_ns);
		past[t] = (struct past){thread->tid, thread->start, thread->cpu_ns};
	}
	qsort(past, snap->n_threads, sizeof(*past), by_tid);
	free(source->past);
	source->past = past;
	source->n_past = snap->n_threads;
	source->past_ns = snap->time_ns;
}

/* ---- from outside ------------------------------------------------------------------------------------------------------ */

int hd_source_outside(const struct hd_options *options, int32_t pid, struct hd_source **ret, struct hd_err *err)
{
	int r = hd_procfs_probe(pid, /* want_ptrace= */ false, err);
	if (r < 0)
		return r;
	struct hd_source *source = source_new();
	source->options = *options;
	source->options.tree = true;
	source->options.n_pids = 1;
	source->options.pids[0] = pid;
	source->unwinder = hd_unwinder_new();
	source->watcher = hd_watcher_new(&(struct hd_watch_config){.root = pid, .unwinder = source->unwinder});
	*ret = source;
	return 0;
}

/* CPU time, not time passed: a busy machine is no reason to look less often. */
static int64_t own_cpu_ms(void)
{
	struct timespec used;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (int64_t)used.tv_sec * 1000 + used.tv_nsec / HD_NS_PER_MS;
}

/* The facts of before will do, brought up to date. */
static bool is_gather_spared(struct hd_source *source)
{
	int64_t since_ms = hd_now_ms() - source->gathered_ms;
	if (!source->has_case || source->wants_all)
		return false;
	int64_t pause_ms = COST_SHARE * source->gather_cost_ms < SLOWEST_MS ? COST_SHARE * source->gather_cost_ms : SLOWEST_MS;
	bool holds = hd_watcher_renew(source->watcher, source->now.snap);
	return since_ms < (holds ? UNCHANGED_MS : pause_ms);
}

/* 0 and new facts, or 0 and NULL: those of before still hold. */
static int look(struct hd_source *source, struct hd_snapshot **ret, struct hd_err *err)
{
	struct hd_look seen;
	hd_model_free(source->model);
	source->model = hd_model_new();
	int r = hd_once_model(source->model, &source->options, err);
	if (r < 0)
		return r;
	r = hd_watcher_look(source->watcher, source->model, &seen);
	if (r < 0)
		return hd_err_set(err, -r, "looking at the tree failed: %s", strerror(-r));
	*ret = NULL;
	if (is_gather_spared(source))
		return 0;
	source->gathered_ms = hd_now_ms();
	return hd_watcher_gather(source->watcher, source->model, ret, err);
}

/* ---- through the supervisor ---------------------------------------------------------------------------------------------- */

struct hd_source *hd_source_guarded(int32_t supervisor)
{
	struct hd_source *source = source_new();
	source->supervisor = supervisor;
	return source;
}

static int start_question(struct hd_source *source, struct hd_err *err)
{
	char request[32];
	snprintf(request, sizeof(request), "view %d", source->tid);
	source->asked_ms = hd_now_ms();
	return hd_call_start(source->supervisor, request, &source->asked, err);
}

/* Of a call that is under way, which ends with its answer; -EAGAIN: none is, or it has not come yet. */
static int take_answer(struct hd_call **call, struct hd_buf *ret_body, struct hd_err *err)
{
	int r = *call != NULL ? hd_call_take(*call, ret_body, err) : -EAGAIN;
	if (r == -EAGAIN)
		return r;
	hd_call_free(*call);
	*call = NULL;
	return r;
}

static int hear_answer(struct hd_source *source, struct hd_snapshot **ret, struct hd_err *err)
{
	HD_CLEAN_BUF struct hd_buf body = {0};
	int r = take_answer(&source->asked, &body, err);
	return r < 0 ? r : hd_snapshot_read(hd_buf_text(&body), body.len, ret, err);
}

/* ---- a recording --------------------------------------------------------------------------------------------------------- */

int hd_source_recording(const char *path, struct hd_source **ret, struct hd_err *err)
{
	struct hd_snapshot *snap;
	struct hd_case c;
	int r = hd_replay_load(path, &snap, err);
	if (r < 0)
		return r;
	struct hd_source *source = source_new();
	source->is_recording = true;
	hd_case_init(&c, snap);
	take_case(source, &c);
	*ret = source;
	return 0;
}

/* ---- all of them --------------------------------------------------------------------------------------------------------- */

int hd_source_ask(struct hd_source *source, int32_t tid, struct hd_err *err)
{
	if (source->is_recording || source->asked != NULL)
		return 0;
	source->tid = tid;
	source->wants_all = source->refreshes++ < 3;
	if (source->supervisor != 0)
		return start_question(source, err);
	source->is_due = true;
	return 0;
}

int hd_source_take(struct hd_source *source, struct hd_err *err)
{
	struct hd_snapshot *snap = NULL;
	struct hd_case c;
	int64_t cpu_ms = own_cpu_ms();
	if (source->asked == NULL && !source->is_due)
		return -EAGAIN;
	source->is_due = false;
	int r = source->supervisor != 0 ? hear_answer(source, &snap, err) : look(source, &snap, err);
	if (r < 0)
		return r;
	if (snap != NULL) {
		hd_case_init(&c, snap);
		if (source->supervisor == 0)
			hd_case_view_stacks(&c, source->watcher, source->tid);
		take_case(source, &c);
		source->gather_cost_ms = own_cpu_ms() - cpu_ms;
	}
	measure_use(source);
	/* From outside the gathers keep their own measure. */
	source->cost_ms = source->supervisor != 0 ? hd_now_ms() - source->asked_ms : 0;
	return 0;
}

bool hd_source_is_asked(const struct hd_source *source)
{
	return source->asked != NULL;
}

int64_t hd_source_silent_ms(const struct hd_source *source)
{
	return source->asked != NULL ? hd_now_ms() - source->asked_ms : 0;
}

size_t hd_source_pollfds(const struct hd_source *source, struct pollfd ret[HD_SOURCE_POLLFDS])
{
	size_t n = 0;
	if (source->asked != NULL)
		ret[n++] = hd_call_pollfd(source->asked);
	if (source->acting != NULL)
		ret[n++] = hd_call_pollfd(source->acting);
	return n;
}

bool hd_source_stack(struct hd_source *source, int32_t tid)
{
	if (source->is_recording)
		return true;
	if (source->supervisor != 0 || !source->has_case)
		return false;
	struct hd_snapshot *snap = source->now.snap;
	uint32_t t = hd_snapshot_thread(snap, tid);
	uint8_t *want = calloc((size_t)snap->n_threads + 1, 1);
	if (want == NULL)
		abort();
	if (t != HD_NONE && snap->threads[t].stack.n == 0) {
		want[t] = 1;
		hd_watcher_stacks(source->watcher, snap, want, &(struct hd_stack_options){.native = true, .python = true});
	}
	free(want);
	return true;
}

bool hd_source_tree(const struct hd_source *source, struct hd_view_tree *ret)
{
	if (!source->has_case)
		return false;
	*ret = (struct hd_view_tree){
		.snap = source->now.snap,
		.verdict = source->now.verdict,
		.advice = source->now.advice,
		.n_advice = source->now.n_advice,
		.cpu_permille = source->cpu_permille,
		.supervisor = source->supervisor,
	};
	return true;
}

/* ---- actions ------------------------------------------------------------------------------------------------------------- */

static bool is_gone(const struct hd_model_proc *proc)
{
	struct hd_err unused;
	uint64_t start;
	return hd_procfs_start(proc->pid, proc->pid, &start) < 0 || start != proc->start ||
	       hd_procfs_probe(proc->pid, /* want_ptrace= */ false, &unused) == -ESRCH;
}

/* Nobody tells us of births and deaths here: look for both. */
static void find_changes(void *ctx)
{
	struct hd_source *source = ctx;
	struct hd_err unused;
	for (size_t i = hd_model_count(source->model); i-- > 0;) {
		const struct hd_model_proc *proc = hd_model_at(source->model, i);
		if (is_gone(proc))
			hd_model_apply(source->model, &(struct hd_event){.kind = HD_EV_EXIT, .tid = proc->pid, .pid = proc->pid, .start = proc->start});
	}
	/* Children born meanwhile hang below those that are left. */
	struct hd_options options = source->options;
	options.n_pids = 0;
	for (size_t i = 0; i < hd_model_count(source->model) && options.n_pids < HD_PIDS_MAX; i++)
		options.pids[options.n_pids++] = hd_model_at(source->model, i)->pid;
	int r = hd_once_model(source->model, &options, &unused);
	(void)r; /* one of them has just ended: the next turn sees it */
}

static int kill_outside(struct hd_source *source, struct hd_buf *ret, struct hd_err *err)
{
	uint32_t ended = 0;
	struct hd_kill how = {.term_timeout_ms = source->options.term_timeout_ms};
	int r = hd_kill_tree(source->model, &how, find_changes, source, &ended, err);
	if (r == 0)
		hd_buf_printf(ret, "ended %u process%s", ended, ended == 1 ? "" : "es");
	return r;
}

static int write_file(const struct hd_buf *text, int32_t root, struct hd_buf *ret, struct hd_err *err)
{
	char name[64], stamp[32];
	time_t now = time(NULL);
	struct tm tm;
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%S", localtime_r(&now, &tm));
	snprintf(name, sizeof(name), "hangdog-dump-%d-%s.txt", root, stamp);
	FILE *file = fopen(name, "wx");
	bool ok = file != NULL && fwrite(hd_buf_text(text), 1, text->len, file) == text->len;
	int code = errno;
	if (file != NULL && fclose(file) != 0) {
		ok = false;
		code = errno;
	}
	if (!ok)
		return hd_err_set(err, code, "%s cannot be written in the current folder: %s", name, strerror(code));
	hd_buf_printf(ret, "stacks written to %s", name);
	return 0;
}

static int dump_outside(struct hd_source *source, struct hd_buf *text, struct hd_err *err)
{
	struct hd_snapshot *snap;
	struct hd_case c;
	int r = hd_watcher_gather(source->watcher, source->model, &snap, err);
	if (r < 0)
		return r;
	hd_case_init(&c, snap);
	hd_dump_fill(&c, source->watcher, NULL, &(struct hd_stack_options){.native = true, .python = true});
	hd_case_text(&c, &(struct hd_text_style){.width = 120}, text);
	hd_case_release(&c);
	return 0;
}

static bool do_outside(struct hd_source *source, struct hd_buf *ret)
{
	struct hd_err err = {0};
	int r = source->deed == HD_VIEW_DUMP ? dump_outside(source, ret, &err) : kill_outside(source, ret, &err);
	if (r < 0)
		hd_buf_str(ret, err.text);
	return r >= 0;
}

static void send_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			return; /* the view has gone */
		text += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
}

/* A kill takes as long as the processes take to end: a child of ours does it, and answers as a supervisor would.  It goes
 * on when the view is left. */
static int start_worker(struct hd_source *source, struct hd_err *err)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return hd_err_set(err, errno, "a socket cannot be made: %s", strerror(errno));
	source->worker = fork();
	if (source->worker == 0) {
		struct hd_buf body = {0};
		close(ends[0]);
		bool ok = do_outside(source, &body);
		send_all(ends[1], ok ? "ok\n" : "error\n", ok ? 3 : 6);
		send_all(ends[1], hd_buf_text(&body), body.len);
		_exit(0);
	}
	close(ends[1]);
	if (source->worker < 0) {
		close(ends[0]);
		return hd_err_set(err, errno, "no process can be started: %s", strerror(errno));
	}
	source->acting = hd_call_adopt(ends[0]);
	return 0;
}

int hd_source_act(struct hd_source *source, enum hd_view_want want, struct hd_err *err)
{
	static const char *const requests[] = {
		[HD_VIEW_DUMP] = "dump text 120", [HD_VIEW_KILL] = "kill", [HD_VIEW_RESTART] = "restart", [HD_VIEW_HEAL] = "heal",
		[HD_VIEW_DETACH] = "detach"};
	if (source->acting != NULL)
		return hd_err_set(err, EBUSY, "what was asked for before is not done yet (for %d s now)",
				  (int)((hd_now_ms() - source->acting_ms) / 1000));
	if (!source->has_case || source->is_recording)
		return hd_err_set(err, EINVAL, "there is no running program to do that to");
	source->deed = want;
	source->acting_ms = hd_now_ms();
	return source->supervisor != 0 ? hd_call_start(source->supervisor, requests[want], &source->acting, err)
				       : start_worker(source, err);
}

int hd_source_acted(struct hd_source *source, struct hd_buf *ret, struct hd_err *err)
{
	HD_CLEAN_BUF struct hd_buf body = {0};
	int r = take_answer(&source->acting, &body, err);
	if (r == -EAGAIN)
		return r;
	if (source->worker > 0)
		(void)waitpid(source->worker, NULL, 0); /* it has answered, and ends */
	source->worker = 0;
	if (r == 0 && source->deed == HD_VIEW_DUMP)
		return write_file(&body, source->now.snap->root, ret, err);
	hd_buf_add(ret, hd_buf_text(&body), body.len);
	return r;
}
