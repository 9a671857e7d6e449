/* A whole snapshot of now, without stopping anybody.  The witness procedure is that of the reference, ptrace.md sections
 * 2.5 and 3.6: counters, lines; then the facts; then lines again, state letters, words, counters, task lists, the model.
 * A thread for which all of it agrees, and which had not run since the look before, was asleep in that wait during the
 * whole time between the two passes over the lines; so the facts of all still threads hold at one instant.
 *
 * maps, cmdline and statx can wait behind a lock of the target's memory or a dead network file system; then this waits. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "hangdog/clock.h"
#include "hangdog/copy.h"
#include "hangdog/locks.h"
#include "hangdog/verdict.h"
#include "os/draft.h"
#include "os/procfile.h"
#include "parse/proc_misc.h"

enum { LOCKS_OF_OTHERS_MAX = 64 }; /* futex waits that are no candidates: their locks are named while they are few */

/* ---- helpers that the facts share --------------------------------------------------------------------------------- */

struct hd_mem *hd_draft_mem(struct hd_draft *d, uint32_t p)
{
	struct hd_draft_proc *more = &d->procs[p];
	if (!more->is_mem_tried) {
		more->is_mem_tried = true;
		more->has_mem = hd_mem_live_open(&more->mem, more->via) == 0;
	}
	return more->has_mem ? &more->mem.mem : NULL;
}

const struct hd_maps *hd_draft_maps(struct hd_draft *d, uint32_t p)
{
	struct hd_draft_proc *more = &d->procs[p];
	if (!more->is_maps_tried) {
		more->is_maps_tried = true;
		more->has_maps = hd_procfs_maps(more->via, d->arena, &more->maps) == 0;
	}
	return more->has_maps ? &more->maps : NULL;
}

uint32_t hd_draft_find_proc(const struct hd_draft *d, int32_t pid)
{
	uint32_t low = 0, high = d->snap->n_procs;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (d->snap->procs[mid].pid < pid)
			low = mid + 1;
		else
			high = mid;
	}
	return low < d->snap->n_procs && d->snap->procs[low].pid == pid ? low : HD_NONE;
}

void hd_draft_truncate(struct hd_draft *d, const char *why)
{
	if (!d->snap->truncated)
		d->snap->truncated_why = why;
	d->snap->truncated = true;
}

/* ---- pass 0: who is there, who moved since the last look ------------------------------------------------------------ */

struct refresh {
	struct hd_watcher *w;
	int32_t pid;
	int64_t now_ns;
};

static int refresh_thread(void *ctx, int32_t tid)
{
	struct refresh *pass = ctx;
	struct hd_sighting *t;
	bool same;
	uint64_t ran_ns;
	if (hd_sightings_meet(&pass->w->seen, pass->pid, tid, &t, &same, &ran_ns) < 0)
		return 0;
	t->look = pass->w->look;
	pass->w->cpu_ns += ran_ns;
	if (!same)
		hd_sighting_forget_wait(t, pass->now_ns);
	return 0;
}

static int refresh(struct hd_watcher *w, const struct hd_model *model, int64_t now_ns)
{
	struct refresh pass = {.w = w, .now_ns = now_ns};
	w->look++;
	for (size_t i = 0; i < hd_model_count(model); i++) {
		pass.pid = hd_model_at(model, i)->pid;
		int r = hd_procfile_numbers(refresh_thread, &pass, "/proc/%d/task", pass.pid);
		if (r < 0 && r != -ESRCH)
			return r;
	}
	hd_sightings_sweep(&w->seen, w->look);
	return 0;
}

/* ---- passes 1 and 2: counters, then lines --------------------------------------------------------------------------- */

static void first_counters(struct hd_draft *d, uint32_t t)
{
	struct hd_thread *thread = &d->snap->threads[t];
	struct hd_draft_thread *more = &d->threads[t];
	more->has_first = hd_procfile_status(d->snap->procs[thread->proc].pid, thread->tid, &more->first) == 0;
	if (!more->has_first) {
		thread->is_still = false;
		return;
	}
	thread->name = hd_arena_str(d->arena, more->first.name);
	thread->state = more->first.state;
	thread->ns_tid = more->first.ns_tid != 0 ? more->first.ns_tid : thread->tid;
	thread->sig_blocked = more->first.sig_blocked;
	thread->sig_pending = more->first.sig_pending;
	thread->voluntary = more->first.voluntary;
	thread->involuntary = more->first.involuntary;
}

static bool line_agrees(struct hd_draft *d, uint32_t t)
{
	const struct hd_thread *thread = &d->snap->threads[t];
	const struct hd_syscall *known = &d->threads[t].seen->line;
	char text[512];
	struct hd_syscall line;
	if (hd_procfile_read(text, sizeof(text), "/proc/%d/task/%d/syscall", d->snap->procs[thread->proc].pid, thread->tid) <= 0 ||
	    hd_syscall_parse(text, &line) < 0)
		return false;
	return line.form == known->form && line.nr == known->nr && line.sp == known->sp && line.pc == known->pc &&
	       memcmp(line.args, known->args, sizeof(line.args)) == 0;
}

static void proc_basics(struct hd_draft *d, uint32_t p)
{
	struct hd_proc *proc = &d->snap->procs[p];
	struct hd_draft_proc *more = &d->procs[p];
	struct hd_stat stat;
	more->via = proc->pid;
	/* Also refuses a pid that was used again: the model's process has ended then. */
	if (hd_procfile_stat(proc->pid, proc->pid, &stat) < 0 || (proc->start != 0 && stat.start != proc->start)) {
		proc->threads_complete = false;
		return;
	}
	proc->start = stat.start;
	proc->ppid = stat.ppid;
	proc->state = stat.state;
	proc->comm = hd_arena_str(d->arena, stat.name);
	proc->parent = hd_draft_find_proc(d, stat.ppid);
	proc->threads_complete = stat.n_threads == proc->n_threads;
	for (uint32_t t = proc->first_thread; t < proc->first_thread + proc->n_threads; t++) {
		const struct hd_draft_thread *thread = &d->threads[t];
		bool is_leader = d->snap->threads[t].tid == proc->pid;
		if (is_leader && thread->has_first) {
			proc->ns_pid = d->snap->threads[t].ns_tid;
			proc->sig_caught = thread->first.sig_caught;
			proc->sig_ignored = thread->first.sig_ignored;
			proc->sig_pending = thread->first.shd_pending;
		}
		/* The files of a leader that called pthread_exit are empty; any other thread shows the same. */
		if (stat.state == 'Z' && more->via == proc->pid && thread->has_first && thread->first.state != 'Z')
			more->via = d->snap->threads[t].tid;
	}
}

static void first_passes(struct hd_draft *d)
{
	struct hd_snapshot *snap = d->snap;
	for (uint32_t t = 0; t < snap->n_threads; t++)
		first_counters(d, t);
	for (uint32_t t = 0; t < snap->n_threads; t++) {
		if (snap->threads[t].is_still)
			snap->threads[t].is_still = line_agrees(d, t);
	}
	for (uint32_t p = 0; p < snap->n_procs; p++)
		proc_basics(d, p);
}

/* ---- the facts ------------------------------------------------------------------------------------------------------ */

static void read_wchan(struct hd_draft *d, uint32_t t)
{
	struct hd_thread *thread = &d->snap->threads[t];
	char text[64];
	if (hd_procfile_read(text, sizeof(text), "/proc/%d/task/%d/wchan", d->snap->procs[thread->proc].pid, thread->tid) > 0)
		thread->wchan = hd_arena_str(d->arena, text);
}

static void thread_facts(struct hd_draft *d, uint32_t t)
{
	struct hd_thread *thread = &d->snap->threads[t];
	if (!thread->is_still)
		return;
	read_wchan(d, t);
	if (!thread->call_known)
		return;
	d->threads[t].call = hd_call_decode(thread->abi, thread->nr, thread->args, thread->was_restart);
	hd_draft_limit(d, t);
	hd_draft_words(d, t);
}

/* Which threads could be dead, if all that was not looked up were closed: only they are worth the costly facts. */
static void choose_candidates(struct hd_draft *d)
{
	uint8_t *candidate = HD_NEW_N(d->arena, (size_t)d->snap->n_threads + 1, uint8_t);
	if (hd_candidates(d->snap, candidate) == 0)
		return;
	for (uint32_t t = 0; t < d->snap->n_threads; t++) {
		d->threads[t].is_candidate = candidate[t] != 0;
		d->procs[d->snap->threads[t].proc].is_wanted |= candidate[t] != 0;
	}
}

/* What is not a lock of multiprocessing may have had a name that others knew. */
static void refuse_chosen_name(struct hd_draft *d, uint32_t t)
{
	const struct hd_thread *thread = &d->snap->threads[t];
	for (uint32_t i = 0; i < thread->n_words && !thread->lock.is_multiprocessing; i++) {
		uint32_t o = thread->words[i].sharers_object;
		if (o < d->objects.n && d->objects_more.at[o].is_for_semlocks)
			hd_draft_outside(d, o, "the memory %s may have been opened by a name that it had", d->objects.at[o].label);
	}
}

static void lock_facts(struct hd_draft *d)
{
	uint32_t others = 0;
	for (uint32_t t = 0; t < d->snap->n_threads; t++) {
		const struct hd_thread *thread = &d->snap->threads[t];
		if (!thread->is_still || thread->n_words == 0)
			continue;
		hd_draft_mapping(d, t);
		if (d->threads[t].is_candidate || others++ < LOCKS_OF_OTHERS_MAX)
			hd_draft_lock(d, t);
		refuse_chosen_name(d, t);
	}
}

/* multiprocessing's locks, whose holder no word names: each process counts how often it holds one. */
static void find_living_holder(struct hd_draft *d, uint32_t t)
{
	struct hd_thread *thread = &d->snap->threads[t];
	uint32_t o = thread->n_words == 1 ? thread->words[0].sharers_object : HD_NONE;
	int64_t sum = 0;
	int32_t count;
	if (thread->lock.semlock == 0 || o >= d->objects.n || (d->objects.at[o].outside != NULL && !d->objects.at[o].is_unseen))
		return;
	const struct hd_object *object = &d->objects.at[o];
	for (uint32_t i = 0; i < object->n_holders; i++) {
		if (object->holders[i].fd >= 0)
			continue; /* a descriptor of the same memory: its mappings are what counts */
		struct hd_mem *mem = hd_draft_mem(d, object->holders[i].proc);
		if (mem == NULL || hd_semlock_count(mem, thread->lock.semlock, thread->words[0].addr, &count) < 0)
			return;
		sum += count;
	}
	thread->lock.held_by_living = sum > 0 ? HD_YES : HD_NO;
}

static void object_facts(struct hd_draft *d)
{
	for (uint32_t t = 0; t < d->snap->n_threads; t++) {
		if (d->snap->threads[t].is_still && d->snap->threads[t].call_known)
			hd_draft_objects(d, t);
	}
	hd_draft_census(d);
	for (uint32_t t = 0; t < d->snap->n_threads; t++)
		find_living_holder(d, t);
}

/* Who else lives on this system matters only to somebody who waits. */
static bool is_any_still(const struct hd_snapshot *snap)
{
	for (uint32_t t = 0; t < snap->n_threads; t++) {
		if (snap->threads[t].is_still)
			return true;
	}
	return false;
}

static int gather_facts(struct hd_draft *d)
{
	for (uint32_t t = 0; t < d->snap->n_threads; t++)
		thread_facts(d, t);
	choose_candidates(d);
	d->is_any_still = is_any_still(d->snap);
	int r = d->is_any_still ? hd_roster_read(&d->roster, d->snap) : 0;
	if (r < 0)
		return r;
	for (uint32_t p = 0; p < d->snap->n_procs; p++)
		hd_proc_names(d->model, &d->snap->procs[p], d->procs[p].via, d->arena);
	hd_draft_agents(d);
	hd_watcher_command(d->snap);
	hd_draft_memories(d);
	lock_facts(d);
	object_facts(d);
	return 0;
}

/* ---- the last passes: lines, letters, words, counters, lists, model --------------------------------------------------- */

static void letter(struct hd_draft *d, uint32_t t)
{
	struct hd_thread *thread = &d->snap->threads[t];
	struct hd_stat stat;
	if (hd_procfile_stat(d->snap->procs[thread->proc].pid, thread->tid, &stat) < 0 || stat.start != thread->start) {
		thread->is_still = false;
		return;
	}
	/* It ended since the first pass: its end may be what somebody waits for and has not noticed yet (who waits for a
	 * traced child hears of it only after its tracer).  It counts as one that runs, not as one that is gone. */
	if ((stat.state == 'Z' || stat.state == 'X') && thread->state != 'Z' && thread->state != 'X') {
		thread->is_still = false;
		return;
	}
	thread->state = stat.state;
	thread->is_still &= stat.state == 'S' || stat.state == 'D';
}

static void last_counters(struct hd_draft *d, uint32_t t)
{
	struct hd_thread *thread = &d->snap->threads[t];
	struct hd_task_status last;
	if (!thread->is_still)
		return;
	if (hd_procfile_status(d->snap->procs[thread->proc].pid, thread->tid, &last) < 0) {
		thread->is_still = false;
		return;
	}
	const struct hd_task_status *first = &d->threads[t].first;
	/* Woken by somebody whose end was seen just now, it may not have come to run yet: then only its letter shows it. */
	thread->is_still = (last.state == 'S' || last.state == 'D') && last.voluntary == first->voluntary &&
			   last.involuntary == first->involuntary && last.sig_blocked == first->sig_blocked && last.tracer == first->tracer;
	thread->sig_pending |= last.sig_pending;
	d->snap->procs[thread->proc].sig_pending |= last.shd_pending;
}

struct count {
	const struct hd_snapshot *snap;
	const struct hd_proc *proc;
	uint32_t n;
	bool stranger;
};

static int count_task(void *ctx, int32_t tid)
{
	struct count *count = ctx;
	uint32_t low = count->proc->first_thread, high = low + count->proc->n_threads;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (count->snap->threads[mid].tid < tid)
			low = mid + 1;
		else
			high = mid;
	}
	bool known = low < count->proc->first_thread + count->proc->n_threads && count->snap->threads[low].tid == tid;
	count->stranger |= !known;
	count->n++;
	return 0;
}

static void last_list(struct hd_draft *d, uint32_t p)
{
	struct hd_proc *proc = &d->snap->procs[p];
	struct count count = {.snap = d->snap, .proc = proc};
	int r = hd_procfile_numbers(count_task, &count, "/proc/%d/task", proc->pid);
	proc->threads_complete &= r == 0 && !count.stranger && count.n == proc->n_threads;
}

static int last_passes(struct hd_draft *d)
{
	struct hd_snapshot *snap = d->snap;
	struct hd_roster later = {0};
	int r = d->is_any_still ? hd_roster_read(&later, snap) : 0;
	if (r == 0)
		hd_draft_children(d, &later);
	hd_roster_release(&later);
	if (r < 0)
		return r;
	for (uint32_t t = 0; t < snap->n_threads; t++) {
		struct hd_thread *thread = &snap->threads[t];
		if (thread->is_still)
			thread->is_still = line_agrees(d, t) && hd_draft_words_agree(d, t);
	}
	for (uint32_t t = 0; t < snap->n_threads && d->is_any_still; t++)
		letter(d, t);
	for (uint32_t p = 0; p < snap->n_procs; p++)
		last_list(d, p);
	for (uint32_t t = 0; t < snap->n_threads; t++)
		last_counters(d, t);
	/* Somebody came or went meanwhile: what was seen does not belong to one tree. */
	for (uint32_t t = 0; t < snap->n_threads && hd_model_sequence(d->model) != d->sequence; t++)
		snap->threads[t].is_still = false;
	return 0;
}

/* ---- all of it -------------------------------------------------------------------------------------------------------- */

int64_t hd_oom_kills(void)
{
	char text[16384];
	return hd_procfile_read(text, sizeof(text), "/proc/vmstat") > 0 ? hd_vmstat_oom_kills(text) : -1;
}

static const char *core_pattern(struct hd_arena *arena)
{
	char text[512];
	if (hd_procfile_read(text, sizeof(text), "/proc/sys/kernel/core_pattern") <= 0)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	return hd_arena_str(arena, text);
}

/* Both are facts of the machine: read once, and only if somebody's end asks for them. */
static void lost_facts(const struct hd_watcher *w, struct hd_snapshot *snap)
{
	bool any_core = false, any_killed = false;
	for (uint32_t i = 0; i < snap->n_lost; i++) {
		any_core |= snap->lost[i].has_core;
		any_killed |= snap->lost[i].signal == SIGKILL;
	}
	const char *pattern = any_core ? core_pattern(snap->arena) : NULL;
	int64_t oom_kills = any_killed && w->oom_kills >= 0 ? hd_oom_kills() : -1;
	for (uint32_t i = 0; i < snap->n_lost; i++) {
		struct hd_lost *lost = &snap->lost[i];
		if (lost->has_core && pattern != NULL)
			lost->core_pattern = pattern;
		lost->oom_kills = lost->signal == SIGKILL && oom_kills > w->oom_kills ? oom_kills - w->oom_kills : 0;
	}
}

void hd_watcher_header(const struct hd_watcher *w, const struct hd_model *model, struct hd_snapshot *snap)
{
	char host[256] = "";
	gethostname(host, sizeof(host) - 1);
	snap->version = HD_VERSION;
	snap->host = hd_arena_str(snap->arena, host);
	snap->time_ns = hd_now_real_ns();
	snap->root = w->config.root;
	snap->supervisor = getpid();
	size_t n = 0;
	while (w->config.command[n] != NULL)
		n++;
	const char **command = HD_NEW_N(snap->arena, n + 1, const char *);
	for (size_t i = 0; i < n; i++)
		command[i] = hd_arena_str(snap->arena, w->config.command[i]);
	snap->command = command;
	snap->n_lost = (uint32_t)hd_model_lost_count(model);
	snap->lost = HD_NEW_N(snap->arena, (size_t)snap->n_lost + 1, struct hd_lost);
	for (uint32_t i = 0; i < snap->n_lost; i++) {
		snap->lost[i] = *hd_model_lost(model, i);
		snap->lost[i].comm = hd_arena_str(snap->arena, snap->lost[i].comm);
	}
	lost_facts(w, snap);
}

static void draft_init(struct hd_draft *d, struct hd_watcher *w, const struct hd_model *model)
{
	struct hd_snapshot *snap = hd_snapshot_new();
	*d = (struct hd_draft){.w = w, .model = model, .snap = snap, .arena = snap->arena,
			       .sequence = hd_model_sequence(model), .own_pid_ns = hd_pid_namespace(getpid())};
	hd_watcher_header(w, model, snap);
	hd_watcher_sketch(w, model, snap);
	d->procs = HD_NEW_N(d->arena, (size_t)snap->n_procs + 1, struct hd_draft_proc);
	d->threads = HD_NEW_N(d->arena, (size_t)snap->n_threads + 1, struct hd_draft_thread);
	for (uint32_t t = 0; t < snap->n_threads; t++)
		d->threads[t].seen = hd_sightings_find(&w->seen, snap->threads[t].tid);
	for (uint32_t p = 0; p < snap->n_procs; p++)
		d->procs[p].model_shares_mm = hd_model_find(model, snap->procs[p].pid)->shares_mm;
}

static void draft_release(struct hd_draft *d)
{
	for (uint32_t p = 0; p < d->snap->n_procs; p++) {
		if (d->procs[p].has_mem)
			hd_mem_live_close(&d->procs[p].mem);
	}
	hd_roster_release(&d->roster);
	hd_unix_table_free(d->unix_table);
	hd_table_release(&d->object_index);
	hd_table_release(&d->wait_index);
	HD_VEC_RELEASE(&d->objects);
	HD_VEC_RELEASE(&d->objects_more);
}

static int gather(struct hd_watcher *w, const struct hd_model *model, uint64_t units, struct hd_snapshot **ret, struct hd_err *err)
{
	struct hd_draft d;
	int64_t began_ns = hd_now_ns();
	int r = refresh(w, model, began_ns);
	if (r < 0)
		return hd_err_set(err, -r, "the processes of the tree cannot be read: %s", strerror(-r));
	draft_init(&d, w, model);
	first_passes(&d);
	if (w->config.unwinder != NULL)
		hd_unwinder_limit(w->config.unwinder, units);
	r = gather_facts(&d);
	if (r == 0 && w->config.unwinder != NULL && hd_unwinder_is_starved(w->config.unwinder))
		r = -EAGAIN;
	if (w->config.unwinder != NULL)
		hd_unwinder_limit(w->config.unwinder, HD_UNWIND_AT_ONCE);
	if (r == 0)
		r = last_passes(&d);
	if (r == 0)
		hd_draft_repeats(&d);
	struct hd_snapshot *snap = d.snap;
	snap->objects = hd_arena_dup(d.arena, d.objects.at, d.objects.n * sizeof(*d.objects.at));
	snap->n_objects = (uint32_t)d.objects.n;
	snap->span_ns = hd_now_ns() - began_ns;
	draft_release(&d);
	if (r != -EAGAIN)
		hd_watcher_gathered(w, began_ns);
	if (r < 0) {
		hd_snapshot_free(snap);
		return r == -EAGAIN ? r : hd_err_set(err, -r, "/proc cannot be read: %s", strerror(-r));
	}
	*ret = snap;
	return 0;
}

int hd_watcher_gather(struct hd_watcher *w, const struct hd_model *model, struct hd_snapshot **ret, struct hd_err *err)
{
	return gather(w, model, HD_UNWIND_AT_ONCE, ret, err);
}

int hd_watcher_gather_slice(struct hd_watcher *w, const struct hd_model *model, struct hd_snapshot **ret, struct hd_err *err)
{
	return gather(w, model, hd_watcher_slice(w), ret, err);
}

int hd_watcher_peek(struct hd_watcher *w, const struct hd_model *model, struct hd_snapshot **ret, struct hd_err *err)
{
	uint64_t waits = w->waits_gathered;
	int64_t gathered_ns = w->gathered_ns, cost_ns = w->gather_cost_ns, patience_ns = w->patience_ns;
	int r = hd_watcher_gather_slice(w, model, ret, err);
	w->waits_gathered = waits;
	w->gathered_ns = gathered_ns;
	w->gather_cost_ns = cost_ns;
	w->patience_ns = patience_ns;
	return r;
}
