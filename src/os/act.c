#include "hangdog/act.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

#include "hangdog/clock.h"
#include "hangdog/tracer.h"
#include "os/procfile.h"
#include "os/tracer_priv.h"

enum {
	PUMP_MS = 5,
	KILL_MS = 10000, /* from SIGKILL until we give up: only a task in an uninterruptible wait lasts so long */
};

/* Opens the process and proves that it is the one meant: the descriptor was opened first, so if the start time that is
 * read afterwards is right, the descriptor cannot be of a later owner of the number.  -ESRCH: gone, or another now. */
static int open_process(int32_t pid, uint64_t start, struct hd_stat *ret_stat)
{
	if (pid <= 1 || pid == getpid())
		return -EPERM;
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return -errno;
	int r = hd_procfile_stat(pid, pid, ret_stat);
	if (r == 0 && start != 0 && ret_stat->start != start)
		r = -ESRCH;
	if (r == 0)
		return fd;
	close(fd);
	return r;
}

static int send_to(const struct hd_model_proc *proc, int signal, bool wake_stopped)
{
	struct hd_stat stat = {0};
	HD_CLEAN_FD int fd = open_process(proc->pid, proc->start, &stat);
	if (fd < 0)
		return fd;
	if (syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0) != 0)
		return -errno;
	/* A stopped process does not die of SIGTERM until it is continued ('t': stopped and traced). */
	if (wake_stopped && (stat.state == 'T' || stat.state == 't'))
		syscall(SYS_pidfd_send_signal, fd, SIGCONT, NULL, 0);
	return 0;
}

/* Which signal each process got last; by identity, so that a number used again is signalled again. */
struct told {
	struct hd_row row; /* by pid */
	int signal;
	uint64_t start;
};

static bool tell_once(struct hd_table *told, const struct hd_model_proc *proc, int signal)
{
	struct told *row = hd_table_find(told, (uint32_t)proc->pid);
	if (row != NULL && row->start == proc->start && row->signal == signal)
		return false;
	if (row == NULL) {
		row = calloc(1, sizeof(*row));
		if (row == NULL)
			abort();
		hd_table_add(told, (uint32_t)proc->pid, row);
	}
	row->start = proc->start;
	row->signal = signal;
	return true;
}

static size_t told_free(struct hd_table *told)
{
	size_t n = told->n;
	hd_table_free_rows(told);
	return n;
}

struct round {
	const struct hd_model *model;
	struct hd_tracer *tracer;
	void (*pump)(void *ctx);
	void *ctx;
	int64_t until_ns;
	const struct hd_kill *how;
	int signal;
	struct hd_table told;
	int32_t refused; /* a pid that may not be signalled, 0 = none */
};

/* Who is not traced is only known by looking: somebody may have been born since the last look. */
static bool nobody_turns_up(struct round *round)
{
	if (round->tracer != NULL)
		hd_tracer_rescan(round->tracer);
	return hd_model_count(round->model) == 0;
}

static bool is_meant(const struct hd_kill *how, const struct hd_model_proc *proc)
{
	for (size_t i = 0; i < how->n_only; i++) {
		if (how->only[i].pid == proc->pid)
			return proc->start == 0 || how->only[i].start == proc->start;
	}
	return how->only == NULL;
}

static size_t count_meant(const struct round *round)
{
	size_t n = 0;
	for (size_t i = 0; i < hd_model_count(round->model); i++)
		n += is_meant(round->how, hd_model_at(round->model, i));
	return n;
}

/* Signals everybody who is there and whoever turns up, until all are gone or the time is over. */
static bool run_round(struct round *round)
{
	for (;;) {
		size_t n = hd_model_count(round->model);
		for (size_t i = 0; i < n; i++) {
			const struct hd_model_proc *proc = hd_model_at(round->model, i);
			if (!is_meant(round->how, proc))
				continue;
			if (tell_once(&round->told, proc, round->signal) && send_to(proc, round->signal, round->signal == SIGTERM) == -EPERM)
				round->refused = proc->pid;
		}
		round->pump(round->ctx);
		if (count_meant(round) == 0 && (round->how->only != NULL || nobody_turns_up(round)))
			return true;
		if (hd_now_ns() >= round->until_ns)
			return false;
		poll(NULL, 0, PUMP_MS);
	}
}

static int32_t first_meant(const struct round *round)
{
	for (size_t i = 0; i < hd_model_count(round->model); i++) {
		if (is_meant(round->how, hd_model_at(round->model, i)))
			return hd_model_at(round->model, i)->pid;
	}
	return 0;
}

int hd_kill_tree(const struct hd_model *model, const struct hd_kill *how, void (*pump)(void *ctx), void *ctx,
		 uint32_t *ret_ended, struct hd_err *err)
{
	int64_t now = hd_now_ns();
	struct round round = {.model = model, .tracer = how->tracer, .pump = pump, .ctx = ctx, .how = how, .signal = SIGTERM,
			      .until_ns = now + how->term_timeout_ms * HD_NS_PER_MS};
	bool gone = how->term_timeout_ms > 0 && run_round(&round);
	if (!gone) {
		round.signal = SIGKILL;
		round.until_ns = hd_now_ns() + KILL_MS * HD_NS_PER_MS;
		bool all_newborns = how->tracer != NULL && how->only == NULL;
		if (all_newborns)
			hd_tracer_set_killing(how->tracer, true);
		gone = run_round(&round);
		if (all_newborns)
			hd_tracer_set_killing(how->tracer, false);
	}
	uint32_t ended = (uint32_t)told_free(&round.told);
	if (!gone)
		return hd_err_set(err, round.refused != 0 ? EPERM : ETIMEDOUT,
				  "%zu processes could not be ended, among them %d (%s)", count_meant(&round), first_meant(&round),
				  round.refused != 0 ? "no permission to signal it" : "it does not react to SIGKILL");
	*ret_ended = ended;
	return 0;
}

int hd_stop_tree(const struct hd_model *model, struct hd_err *err)
{
	for (size_t i = 0; i < hd_model_count(model); i++) {
		const struct hd_model_proc *proc = hd_model_at(model, i);
		int r = send_to(proc, SIGSTOP, false);
		if (r < 0 && r != -ESRCH)
			return hd_err_set(err, -r, "cannot stop process %d: %s", proc->pid, strerror(-r));
	}
	return 0;
}
