/* What a process row says beyond its threads: names, namespaces, and the agents that could end a wait without any thread
 * of ours (reference, ptrace.md sections 3.2 and 3.3). */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "hangdog/copy.h"
#include "os/draft.h"
#include "os/procfile.h"
#include "parse/proc_misc.h"

/* ---- names ------------------------------------------------------------------------------------------------------ */

/* "pid:[4026531836]": the inode of the namespace. */
uint64_t hd_pid_namespace(int32_t pid)
{
	char path[64];
	struct stat st;
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

void hd_proc_names(const struct hd_model *model, struct hd_proc *proc, int32_t via, struct hd_arena *arena)
{
	const struct hd_model_proc *known = hd_model_find(model, proc->pid);
	proc->argv = hd_procfs_argv(via, arena);
	proc->pid_ns = hd_pid_namespace(via);
	if (known == NULL)
		return;
	proc->has_exec = known->has_exec;
	proc->fork = hd_fork_copy(known->fork, arena);
}

/* ---- agents ------------------------------------------------------------------------------------------------------ */

static bool is_bit(uint64_t set, int signal)
{
	return signal >= 1 && signal <= 64 && (set >> (signal - 1) & 1) != 0;
}

/* Kernel workers of a ring run as threads of the process, and say so by their names. */
static bool has_ring_worker(const struct hd_draft *d, const struct hd_proc *proc)
{
	for (uint32_t t = proc->first_thread; t < proc->first_thread + proc->n_threads; t++) {
		if (d->snap->threads[t].name != NULL && strncmp(d->snap->threads[t].name, "iou-", 4) == 0)
			return true;
	}
	return false;
}

/* Descriptors through which the kernel acts by itself. */
struct fd_search {
	int32_t via;
	bool has_ring, failed;
	/* O_ASYNC (fs/fcntl.c F_SETOWN, F_SETSIG; a lease sets it as well), a message queue (mq_notify), or a directory, whose
	 * watch (fs/notify/dnotify F_NOTIFY) shows nowhere. */
	bool wants_signals, sends_signals;
};

#define MQUEUE_MAGIC 0x19800202 /* ipc/mqueue.c */

static bool may_signal(int32_t via, int32_t fd)
{
	char path[64], text[1024];
	struct hd_fdinfo info;
	struct statfs fs;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", via, fd);
	if (hd_procfile_read(text, sizeof(text), "/proc/%d/fdinfo/%d", via, fd) <= 0 || hd_fdinfo_parse(text, &info) < 0)
		return true;
	return (info.flags & (O_ASYNC | O_DIRECTORY)) != 0 || (statfs(path, &fs) == 0 && fs.f_type == MQUEUE_MAGIC);
}

static int look_at_fd(void *ctx, int32_t fd)
{
	struct fd_search *search = ctx;
	char path[64], link[64];
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", search->via, fd);
	ssize_t n = readlink(path, link, sizeof(link) - 1);
	search->failed |= n < 0 && errno != ENOENT;
	link[n > 0 ? n : 0] = '\0';
	search->has_ring |= hd_fd_link_parse(link).is_io_uring;
	/* A link of a name is the only one of a FIFO, a device or a queue; pipes and sockets may be O_ASYNC too. */
	if (n > 0 && search->wants_signals && !search->sends_signals)
		search->sends_signals = may_signal(search->via, fd);
	return 0;
}

/* Signals that a program may have chosen for a descriptor (F_SETSIG) or a queue; SIGIO and SIGURG are an outside anyway. */
static bool may_handle_chosen(const struct hd_proc *proc)
{
	const uint64_t own = UINT64_C(1) << (SIGINT - 1) | UINT64_C(1) << (SIGTERM - 1) | UINT64_C(1) << (SIGCHLD - 1) |
			     UINT64_C(1) << (SIGIO - 1) | UINT64_C(1) << (SIGURG - 1) | UINT64_C(3) << 31; /* the C library's two */
	return (proc->sig_caught & ~own) != 0;
}

static enum hd_tri find_io_uring(struct hd_draft *d, uint32_t p, bool wants_signals)
{
	struct fd_search search = {.via = d->procs[p].via, .wants_signals = wants_signals};
	search.has_ring = has_ring_worker(d, &d->snap->procs[p]);
	int r = hd_procfile_numbers(look_at_fd, &search, "/proc/%d/fd", search.via);
	const struct hd_maps *maps = hd_draft_maps(d, p);
	for (size_t i = 0; maps != NULL && i < maps->n; i++)
		search.has_ring |= strncmp(maps->at[i].path, "anon_inode:[io_uring]", 21) == 0;
	d->procs[p].sends_signals = search.sends_signals;
	if (search.has_ring)
		return HD_YES;
	return r < 0 || search.failed || maps == NULL ? HD_UNKNOWN : HD_NO;
}

/* POSIX timers are in /proc, interval timers (alarm, setitimer) are nowhere: while their signals are caught, unknown. */
static enum hd_tri find_timers(struct hd_draft *d, uint32_t p)
{
	const struct hd_proc *proc = &d->snap->procs[p];
	struct hd_posix_timer timer;
	char *text;
	size_t len;
	bool bad = false, found = false;
	if (hd_procfs_text(d->arena, 1 << 20, &text, &len, "/proc/%d/timers", d->procs[p].via) < 0)
		return HD_UNKNOWN;
	for (const char *at = text; hd_timers_next(&at, &timer, &bad);)
		/* Without a handler it mostly ends the process, and so the wait for its end. */
		found |= !timer.is_silent && (timer.wakes_thread || !is_bit(proc->sig_ignored, (int)timer.signal));
	if (found)
		return HD_YES;
	bool may_alarm = is_bit(proc->sig_caught, SIGALRM) || is_bit(proc->sig_caught, SIGVTALRM) ||
			 is_bit(proc->sig_caught, SIGPROF);
	d->snap->procs[p].itimers_unasked = may_alarm && !bad;
	return bad || may_alarm ? HD_UNKNOWN : HD_NO;
}

/* Where a thread sleeps that a freezer or a stop holds back; its state letter is S or D all the same. */
static bool is_held_back(const char *wchan)
{
	static const char *const places[] = {"get_signal", "do_freezer_trap", "__refrigerator", "do_signal_stop", "ptrace_stop"};
	/* Compilers add .isra.0, .constprop.0 and the like. */
	return hd_begins_with_any(wchan, places, HD_COUNTOF(places));
}

static enum hd_tri cgroup_frozen(struct hd_draft *d, int32_t pid)
{
	char text[4096], path[4352];
	if (hd_procfile_read(text, sizeof(text), "/proc/%d/cgroup", pid) <= 0)
		return HD_UNKNOWN;
	/* The freezer of version 1 says nothing here; a thread that it holds shows by where it sleeps. */
	const char *old = strstr(text, ":freezer:/");
	if (old != NULL && old[10] != '\n')
		return HD_UNKNOWN;
	char *own = strstr(text, "0::");
	if (own == NULL || (own != text && own[-1] != '\n'))
		return HD_UNKNOWN;
	own += 3;
	own[strcspn(own, "\n")] = '\0';
	if (strcmp(own, "/") == 0)
		return HD_NO; /* the root group cannot be frozen */
	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/cgroup.events", own);
	char *events;
	size_t len;
	if (hd_procfs_text(d->arena, 4096, &events, &len, "%s", path) < 0)
		return HD_UNKNOWN;
	return hd_cgroup_frozen(events);
}

static enum hd_tri find_frozen(struct hd_draft *d, uint32_t p)
{
	const struct hd_proc *proc = &d->snap->procs[p];
	bool all_known = true;
	for (uint32_t t = proc->first_thread; t < proc->first_thread + proc->n_threads; t++) {
		const struct hd_thread *thread = &d->snap->threads[t];
		bool known = thread->wchan != NULL && strcmp(thread->wchan, "0") != 0;
		if (known && is_held_back(thread->wchan))
			return HD_YES;
		all_known &= known || !thread->is_still;
	}
	enum hd_tri frozen = cgroup_frozen(d, d->procs[p].via);
	/* In a container the group may not be visible; where every thread sleeps is as good. */
	return frozen == HD_UNKNOWN && all_known ? HD_NO : frozen;
}

static enum hd_tri find_tracer(const struct hd_draft *d, uint32_t p)
{
	const struct hd_proc *proc = &d->snap->procs[p];
	int32_t self = d->w->config.is_tracer ? getpid() : 0;
	bool unknown = false;
	for (uint32_t t = proc->first_thread; t < proc->first_thread + proc->n_threads; t++) {
		const struct hd_draft_thread *more = &d->threads[t];
		unknown |= !more->has_first;
		if (more->has_first && more->first.tracer != 0 && more->first.tracer != self)
			return HD_YES;
	}
	return unknown ? HD_UNKNOWN : HD_NO;
}

/* A dead leader's status has no such line any more; all threads say the same. */
static enum hd_tri find_dump(const struct hd_draft *d, uint32_t p)
{
	const struct hd_proc *proc = &d->snap->procs[p];
	for (uint32_t t = proc->first_thread; t < proc->first_thread + proc->n_threads; t++) {
		const struct hd_draft_thread *more = &d->threads[t];
		if (more->has_first && more->first.has_dumping)
			return more->first.is_dumping ? HD_YES : HD_NO;
	}
	return HD_UNKNOWN;
}

static void proc_agents(struct hd_draft *d, uint32_t p, bool wants_signals)
{
	struct hd_proc *proc = &d->snap->procs[p];
	proc->has_io_uring = find_io_uring(d, p, wants_signals);
	proc->timer_armed = find_timers(d, p);
	proc->is_frozen = find_frozen(d, p);
	proc->has_foreign_tracer = find_tracer(d, p);
	proc->is_dumping = find_dump(d, p);
}

void hd_draft_agents(struct hd_draft *d)
{
	bool wants_signals = false, any_sends = false;
	for (uint32_t p = 0; p < d->snap->n_procs; p++)
		wants_signals |= d->procs[p].is_wanted && may_handle_chosen(&d->snap->procs[p]);
	for (uint32_t p = 0; p < d->snap->n_procs; p++) {
		if (!d->procs[p].is_wanted)
			continue;
		proc_agents(d, p, wants_signals);
		any_sends |= d->procs[p].sends_signals;
	}
	/* F_SETOWN may name another process than the one that has the descriptor. */
	for (uint32_t p = 0; any_sends && p < d->snap->n_procs; p++) {
		struct hd_proc *proc = &d->snap->procs[p];
		if (!d->procs[p].is_wanted || proc->timer_armed == HD_YES || !may_handle_chosen(proc))
			continue;
		proc->timer_armed = HD_UNKNOWN;
		proc->itimers_unasked = false;
	}
}
