#include "os/watcher.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "hangdog/clock.h"
#include "hangdog/procfs.h"
#include "hangdog/vec.h"
#include "hangdog/verdict.h"
#include "os/procfile.h"

enum {
	NR_RESTART_X86_64 = 219,
	NR_RESTART_I386 = 0,
	NR_POLL = 7,
	NR_FUTEX = 202,
};
/* Between two gathers for the very same waits; doubles from the first to the second. */
#define PATIENCE_LEAST (1 * HD_NS_PER_S)
#define PATIENCE_MOST (8 * HD_NS_PER_S)
#define ASK_AGAIN HD_NS_PER_S
/* While the waits keep changing, a gather may cost one part in so many of the time; but who changed last may be the one
 * that hangs, so nobody has to wait longer than CHANGED_MOST.  (A first gather in a process with libraries of hundreds of
 * megabytes reads their symbol tables and takes far longer than any later one.) */
#define COST_SHARE 20
#define CHANGED_MOST (HD_NS_PER_S / 2)

/* ---- what the root inherited from us ------------------------------------------------------------------------------ */

struct inherited {
	HD_VEC(const char *) links;
	struct hd_arena *arena;
};

static int add_inherited(void *ctx, int32_t fd)
{
	struct inherited *in = ctx;
	char path[64], link[512];
	int flags = fcntl(fd, F_GETFD);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ssize_t n = flags >= 0 && (flags & FD_CLOEXEC) == 0 ? readlink(path, link, sizeof(link) - 1) : 0;
	if (n > 0)
		HD_VEC_PUSH(&in->links, hd_arena_strn(in->arena, link, (size_t)n));
	return 0;
}

static const char **read_inherited(struct hd_arena *arena, bool *ret_known)
{
	struct inherited in = {.arena = arena};
	*ret_known = hd_procfile_numbers(add_inherited, &in, "/proc/self/fd") == 0;
	HD_VEC_PUSH(&in.links, NULL);
	const char **links = hd_arena_dup(arena, in.links.at, in.links.n * sizeof(*in.links.at));
	HD_VEC_RELEASE(&in.links);
	return links;
}

bool hd_watcher_inherited(const struct hd_watcher *w, const char *link)
{
	size_t len = strlen(link);
	for (size_t i = 0; w->inherited[i] != NULL; i++) {
		/* Mappings carry the name without the kernel's mark, links with it (every memfd). */
		const char *rest = strncmp(w->inherited[i], link, len) == 0 ? w->inherited[i] + len : "?";
		if (rest[0] == '\0' || strcmp(rest, " (deleted)") == 0)
			return true;
	}
	return false;
}

/* What was there before the program: nobody whose facts are gathered is judged without. */
static void read_surroundings(struct hd_watcher *w)
{
	bool known;
	w->inherited = read_inherited(w->arena, &known);
	w->config.is_launched &= known;
	w->oom_kills = hd_oom_kills();
}

struct hd_watcher *hd_watcher_new(const struct hd_watch_config *config)
{
	struct hd_watcher *w = calloc(1, sizeof(*w));
	if (w == NULL)
		abort();
	w->config = *config;
	w->arena = hd_arena_new();
	size_t n = 0;
	while (config->command != NULL && config->command[n] != NULL)
		n++;
	const char **command = HD_NEW_N(w->arena, n + 1, const char *);
	for (size_t i = 0; i < n; i++)
		command[i] = hd_arena_str(w->arena, config->command[i]);
	w->config.command = command;
	w->oom_kills = -1;
	hd_sightings_init(&w->seen);
	if (!config->only_lists)
		read_surroundings(w);
	return w;
}

void hd_watcher_free(struct hd_watcher *w)
{
	if (w == NULL)
		return;
	hd_sightings_release(&w->seen);
	hd_interps_release(&w->interps);
	hd_rolls_release(&w->rolls);
	hd_arena_free(w->arena);
	free(w);
}

/* ---- one quiet thread ------------------------------------------------------------------------------------------- */

/* The instruction in front of pc tells which table of numbers the call used, also for int 0x80 in a 64-bit process
 * (reference, ptrace.md section 2.4).  *ret_nr: the number if the code holds it as an immediate, else -1. */
enum hd_abi hd_watcher_abi(int32_t tid, uint64_t pc, int64_t *ret_nr)
{
	struct hd_mem_live live;
	uint8_t code[7];
	*ret_nr = -1;
	if (pc < sizeof(code) || hd_mem_live_open(&live, tid) < 0)
		return HD_ABI_UNKNOWN;
	int r = hd_mem_read(&live.mem, pc - sizeof(code), code, sizeof(code));
	hd_mem_live_close(&live);
	if (r < 0)
		return HD_ABI_UNKNOWN;
	if (code[0] == 0xb8)
		*ret_nr = (int64_t)(code[1] | (uint32_t)code[2] << 8 | (uint32_t)code[3] << 16 | (uint32_t)code[4] << 24);
	if (code[5] == 0x0f && code[6] == 0x05)
		return HD_ABI_X86_64;
	return code[5] == 0xcd && code[6] == 0x80 ? HD_ABI_I386 : HD_ABI_UNKNOWN;
}

static bool same_place(const struct hd_syscall *a, const struct hd_syscall *b)
{
	return a->sp == b->sp && a->pc == b->pc && memcmp(a->args, b->args, sizeof(a->args)) == 0;
}

/* What restart_syscall continues: the line before it, else the code, else where the kernel sleeps.  Only poll, relative
 * sleeps and timed futex waits become it. */
static int64_t restarted_call(const struct hd_sighting *t, const struct hd_syscall *line, int64_t in_code)
{
	char wchan[64];
	if (t->origin.form == HD_SYSCALL_NUMERIC && same_place(&t->origin, line))
		return t->origin.nr;
	if (in_code >= 0)
		return in_code;
	/* The numbers below are those of 64-bit programs; for others it stays a call with a limit. */
	if (t->abi != HD_ABI_X86_64)
		return line->nr;
	if (hd_procfile_read(wchan, sizeof(wchan), "/proc/%d/task/%d/wchan", t->pid, t->tid) <= 0)
		return line->nr;
	if (strncmp(wchan, "poll_", 5) == 0)
		return NR_POLL;
	return strncmp(wchan, "futex_", 6) == 0 ? NR_FUTEX : line->nr;
}

static bool has_limit(const struct hd_call *call, const uint64_t args[HD_ARGS])
{
	return !call->is_unbounded || (call->timeout_arg >= 0 && args[call->timeout_arg] != 0);
}

void hd_watcher_settle(struct hd_sighting *t, const struct hd_syscall *line)
{
	int64_t in_code = -1;
	t->line = *line;
	t->has_line = true;
	t->was_restart = t->is_suspect = false;
	t->nr = line->nr;
	t->abi = HD_ABI_UNKNOWN;
	if (line->form != HD_SYSCALL_NUMERIC)
		return;
	t->abi = hd_watcher_abi(t->tid, line->pc, &in_code);
	t->was_restart = (t->abi == HD_ABI_X86_64 && line->nr == NR_RESTART_X86_64) ||
			 (t->abi == HD_ABI_I386 && line->nr == NR_RESTART_I386);
	if (t->was_restart)
		t->nr = restarted_call(t, line, in_code);
	else
		t->origin = *line;
	struct hd_call call = hd_call_decode(t->abi, t->nr, line->args, t->was_restart);
	t->is_suspect = call.need != HD_NEED_NOTHING && call.need != HD_NEED_TIME && !has_limit(&call, line->args);
}

static void read_line(struct hd_sighting *t)
{
	char text[512];
	struct hd_syscall line;
	if (hd_procfile_read(text, sizeof(text), "/proc/%d/task/%d/syscall", t->pid, t->tid) <= 0 ||
	    hd_syscall_parse(text, &line) < 0 || line.form == HD_SYSCALL_RUNNING)
		return;
	hd_watcher_settle(t, &line);
}

/* ---- a look ------------------------------------------------------------------------------------------------------ */

struct look_pass {
	struct hd_watcher *w;
	struct hd_look *look;
	int32_t pid;
	int64_t now_ns;
};

/* True if it may have run, or is gone. */
static bool look_at(struct look_pass *pass, int32_t tid)
{
	struct hd_sighting *t;
	bool same;
	uint64_t ran_ns;
	/* Gone between the listing and here, or not to be read: no thread to suspect either way. */
	if (hd_sightings_meet(&pass->w->seen, pass->pid, tid, &t, &same, &ran_ns) < 0)
		return true;
	t->look = pass->w->look;
	pass->w->cpu_ns += ran_ns;
	pass->look->threads++;
	if (!same) {
		hd_sighting_forget_wait(t, pass->now_ns);
		return true;
	}
	t->quiet++;
	/* Nothing that it does shows without a run, so the line of a quiet thread is read once a wait. */
	if (!t->has_line)
		read_line(t);
	pass->look->still += t->has_line;
	return !t->has_line;
}

static int look_at_proc(struct look_pass *pass)
{
	struct hd_roll *roll;
	int r = hd_rolls_call(&pass->w->rolls, pass->pid, pass->w->look, &roll);
	if (r < 0)
		return r == -ESRCH ? 0 : r;
	for (size_t i = 0; i < roll->n && pass->look->threads < HD_THREADS_MAX; i++)
		roll->has_stirred |= look_at(pass, roll->at[i]);
	pass->look->anything_moved |= roll->has_stirred;
	return 0;
}

/* splitmix64: the terms are added up, so that the order of the table does not matter. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

uint64_t hd_watcher_waits(const struct hd_watcher *w)
{
	uint64_t sum = 0;
	bool any = false;
	for (const struct hd_sighting *t = hd_table_first(&w->seen.by_tid); t != NULL; t = hd_table_after(t)) {
		/* Who is still counts, and for the suspicious the very wait; not how often others slept. */
		uint64_t wait = !t->has_line ? 0 : t->is_suspect ? t->runs + 2 : 1;
		sum += mix(mix((uint64_t)t->tid << 40 ^ t->start) + wait);
		any |= t->is_suspect;
	}
	return any ? sum | 1 : 0;
}

/* A Python lock with an owner looks like an idle pool from outside; hd_candidates takes a closer look at what waits for
 * long in an interpreter, so that must be known.  Once a process. */
static void find_pythons(struct hd_watcher *w, int64_t now_ns)
{
	for (const struct hd_sighting *t = hd_table_first(&w->seen.by_tid); t != NULL; t = hd_table_after(t)) {
		bool known;
		if (!t->is_suspect || t->nr != NR_FUTEX || now_ns - t->since_ns < ASK_AGAIN ||
		    (hd_interps_known(&w->interps, t->pid, 0, &known), known))
			continue;
		struct hd_mem_live live;
		struct hd_maps maps;
		struct hd_arena *arena = hd_arena_new();
		if (hd_mem_live_open(&live, t->tid) == 0) {
			if (hd_procfs_maps(t->tid, arena, &maps) == 0)
				hd_interps_get(&w->interps, t->pid, t->tid, &live.mem, &maps);
			hd_mem_live_close(&live);
		}
		hd_arena_free(arena);
	}
}

static void forget_gone_pythons(struct hd_watcher *w, const struct hd_model *model)
{
	struct hd_interp *interp, *next;
	HD_TABLE_EACH(&w->interps.by_pid, interp, next) {
		if (hd_model_find(model, interp->pid) == NULL)
			hd_interps_drop(&w->interps, interp);
	}
}

static void ask(struct hd_watcher *w, const struct hd_model *model, uint64_t waits, int64_t now_ns)
{
	struct hd_snapshot *sketch = hd_snapshot_new();
	forget_gone_pythons(w, model);
	find_pythons(w, now_ns);
	hd_watcher_sketch(w, model, sketch);
	uint8_t *candidate = HD_NEW_N(sketch->arena, (size_t)sketch->n_threads + 1, uint8_t);
	w->suspects = hd_candidates(sketch, candidate);
	w->waits_asked = waits;
	w->asked_ns = now_ns;
	hd_snapshot_free(sketch);
}

/* Is a gather worth while?  Not while all that is blocked is obviously alive (hd_candidates on what the looks know,
 * asked again when the waits or the set of still threads changed, and once a second), not again for the very waits that the last
 * gather was for until patience ends (1 s, doubling to 8 s: what can still change is only the world outside), and never
 * so often that gathering takes more than its share of the time.  So a healthy idle server costs one read a thread and look. */
static uint32_t count_suspects(struct hd_watcher *w, const struct hd_model *model, int64_t now_ns)
{
	uint64_t waits = hd_watcher_waits(w);
	if (waits == 0)
		return 0;
	if (waits != w->waits_asked || now_ns - w->asked_ns >= ASK_AGAIN)
		ask(w, model, waits, now_ns);
	int64_t since_ns = now_ns - w->gathered_ns;
	if (waits == w->waits_gathered && since_ns < w->patience_ns)
		return 0;
	if (w->waits_gathered != 0 && since_ns < COST_SHARE * w->gather_cost_ns && since_ns < CHANGED_MOST)
		return 0;
	return w->suspects;
}

int hd_watcher_look(struct hd_watcher *w, const struct hd_model *model, struct hd_look *ret)
{
	struct hd_look look = {0};
	struct look_pass pass = {.w = w, .look = &look, .now_ns = hd_now_ns()};
	w->look++;
	for (size_t i = 0; i < hd_model_count(model); i++) {
		pass.pid = hd_model_at(model, i)->pid;
		int r = look_at_proc(&pass);
		if (r < 0)
			return r;
	}
	hd_rolls_sweep(&w->rolls, w->look);
	look.anything_moved |= hd_sightings_sweep(&w->seen, w->look) > 0 || look.threads != w->threads_before;
	w->threads_before = look.threads;
	look.cpu_ns = w->cpu_ns;
	look.suspects = count_suspects(w, model, pass.now_ns);
	*ret = look;
	return 0;
}

void hd_watcher_gathered(struct hd_watcher *w, int64_t began_ns)
{
	uint64_t waits = hd_watcher_waits(w);
	int64_t now_ns = hd_now_ns();
	bool again = waits == w->waits_gathered && waits != 0;
	w->patience_ns = again ? 2 * w->patience_ns : PATIENCE_LEAST;
	if (w->patience_ns > PATIENCE_MOST)
		w->patience_ns = PATIENCE_MOST;
	w->waits_gathered = waits;
	w->gathered_ns = now_ns;
	w->gather_cost_ns = now_ns - began_ns;
}

bool hd_watcher_renew(const struct hd_watcher *w, struct hd_snapshot *snap)
{
	int64_t now_ns = hd_now_ns();
	uint32_t met = 0;
	bool holds = true;
	for (uint32_t t = 0; t < snap->n_threads; t++) {
		struct hd_thread *thread = &snap->threads[t];
		const struct hd_sighting *seen = hd_sightings_find(&w->seen, thread->tid);
		if (!snap->procs[thread->proc].in_tree)
			continue;
		if (seen == NULL || seen->start != thread->start) {
			holds = false;
			continue;
		}
		met++;
		thread->cpu_ns = seen->run_ns;
		if (seen->has_line && thread->is_still)
			thread->blocked_ns = now_ns - seen->since_ns;
		/* What ran at the gather and runs on has no line either time. */
		holds &= seen->has_line == (thread->is_still || thread->state == 'Z');
	}
	snap->time_ns = hd_now_real_ns();
	return holds && met == w->seen.by_tid.n;
}
