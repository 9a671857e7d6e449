/* The text report (contract section 6): an answer, read from the top.  What hung; why; who held the lock and where it
 * stood at the fork; who waits for whom; what to do; how sure this is.  Whole stacks only below a rule, if asked for. */
#include <inttypes.h>
#include <string.h>

#include "hangdog/itimers.h"
#include "hangdog/timetext.h"
#include "core/left.h"
#include "core/owner.h"
#include "report_stack.h"
#include "report_text.h"
#include "report_words.h"

#define BRIEF_FRAMES 10u
#define BRIEF_FRAMES_FORK 5u
/* Rows of a list before "and N more": a report of one stuck worker must stay below 60 lines. */
#define ROWS_MAX 8u
#define HEALTHY_ROWS_MAX 40u
#define STALL_STACKS_MAX 6u
#define BUSY_SHARE 20 /* more than one part in so many of a CPU is told */

/* ---- the answer -------------------------------------------------------------------------------------------------- */

static void put_headline(struct hd_text *t)
{
	const struct hd_verdict *v = t->v;
	struct hd_buf command HD_CLEAN_BUF = {0};
	const char *certainty = hd_certainty_name(v->certainty);
	hd_words_command(hd_snapshot_command(t->snap), HD_COMMAND_COLUMNS, &command);
	if (v->kind == HD_VERDICT_NONE && v->unseen != NULL)
		hd_page_para(&t->page, 0, 2, HD_INK_YELLOW, "No proof, but it looks like a deadlock: %s", hd_buf_text(&command));
	else if (v->kind == HD_VERDICT_NONE)
		hd_page_para(&t->page, 0, 2, HD_INK_GREEN, "Nothing is wrong: %s", hd_buf_text(&command));
	else if (v->kind == HD_VERDICT_STALL)
		hd_page_para(&t->page, 0, 2, HD_INK_YELLOW, "STALLED (suspected, no proof): %s", hd_buf_text(&command));
	else
		hd_page_para(&t->page, 0, 2, HD_INK_RED, "%s (%s): %s",
			     v->scope == HD_SCOPE_PARTIAL ? "DEADLOCK of some threads" : "DEADLOCK",
			     certainty != NULL ? certainty : "?", hd_buf_text(&command));
	hd_page_para(&t->page, 2, 2, HD_INK_DIM, "pid %" PRId32 " on %s, %s", t->snap->root,
		     t->snap->host != NULL ? t->snap->host : "this machine", hd_time_rfc3339(t->snap->time_ns).text);
	if (t->report->id != NULL)
		hd_page_para(&t->page, 2, 4, HD_INK_DIM, "incident %s", t->report->id);
}

static void put_why(struct hd_text *t)
{
	const char *why = hd_verdict_why(t->v);
	if (t->v->summary != NULL) {
		hd_page_gap(&t->page);
		hd_page_para(&t->page, 0, 0, HD_INK_BOLD, "%s", t->v->summary);
	}
	if (why != NULL) {
		hd_page_gap(&t->page);
		hd_page_para(&t->page, 0, 0, HD_INK_PLAIN, "%s", why);
	}
}

/* ---- what hangs ---------------------------------------------------------------------------------------------------- */

/* "Process 4251 (python3), its only thread, for 1.3 s" */
static void put_stuck_title(struct hd_text *t, uint32_t i)
{
	const struct hd_thread *thread = hd_text_thread(t, i);
	const struct hd_proc *proc = &t->snap->procs[thread->proc];
	struct hd_buf who HD_CLEAN_BUF = {0};
	hd_words_thread(t->snap, i, &who);
	const char *note = proc->n_threads == 1 ? ", its only thread" : hd_thread_is_leader(t->snap, i) ? ", main thread" : "";
	hd_page_para(&t->page, 2, 4, HD_INK_PLAIN, "%s%s%s%s", hd_buf_text(&who), note, thread->blocked_ns > 0 ? ", for " : "",
		     thread->blocked_ns > 0 ? hd_duration_words(thread->blocked_ns).text : "");
}

static void put_stuck_thread(struct hd_text *t, uint32_t i, uint32_t max)
{
	struct hd_buf wait HD_CLEAN_BUF = {0};
	put_stuck_title(t, i);
	hd_words_wait(t->snap, t->v, i, &wait);
	hd_page_para(&t->page, 4, 6, HD_INK_YELLOW, "%s", hd_buf_text(&wait));
	hd_page_stack_brief(&t->page, 4, &hd_text_thread(t, i)->stack, max);
}

static bool is_same_place(const struct hd_stack *a, const struct hd_stack *b)
{
	const struct hd_frame *f = hd_stack_own(a), *g = hd_stack_own(b);
	if (f == NULL || g == NULL)
		return f == g && a->n == b->n;
	return f->line == g->line && hd_text_equal(f->function, g->function) && hd_text_equal(f->module, g->module);
}

/* The same place and the same kind of wait: thirty workers that hang alike are one story. */
static bool is_alike(const struct hd_text *t, uint32_t a, uint32_t b)
{
	const struct hd_thread *x = hd_text_thread(t, a), *y = hd_text_thread(t, b);
	return t->v->threads[a].wait.kind == t->v->threads[b].wait.kind && x->lock.kind == y->lock.kind &&
	       hd_text_equal(x->lock.name, y->lock.name) && is_same_place(&x->stack, &y->stack);
}

/* Culprits that hang like the lead, by process, in one line. */
static void put_alike(struct hd_text *t)
{
	struct hd_buf list HD_CLEAN_BUF = {0};
	uint32_t n = 0;
	for (uint32_t i = 0; i < t->snap->n_threads; i++) {
		if (i == t->v->lead || !t->v->threads[i].is_culprit || !is_alike(t, i, t->v->lead))
			continue;
		if (n++ < ROWS_MAX)
			hd_buf_printf(&list, "%s%" PRId32, list.len != 0 ? ", " : "", hd_text_thread(t, i)->tid);
	}
	if (n > ROWS_MAX)
		hd_buf_printf(&list, " and %" PRIu32 " more", n - ROWS_MAX);
	if (n != 0)
		hd_page_para(&t->page, 2, 4, HD_INK_PLAIN, "%" PRIu32 " more hang%s at the same place: %s", n, n == 1 ? "s" : "",
			     hd_buf_text(&list));
}

/* Culprits of another kind: the rest of a lock cycle, the other side of a pipe. */
static void put_unlike(struct hd_text *t)
{
	uint32_t shown[3], n = 0, more = 0;
	for (uint32_t i = 0; i < t->snap->n_threads; i++) {
		if (i == t->v->lead || !t->v->threads[i].is_culprit || is_alike(t, i, t->v->lead))
			continue;
		bool seen = false;
		for (uint32_t k = 0; k < n; k++)
			seen = seen || is_alike(t, i, shown[k]);
		if (seen || n == HD_COUNTOF(shown)) {
			more++;
			continue;
		}
		shown[n++] = i;
		put_stuck_thread(t, i, BRIEF_FRAMES_FORK);
	}
	if (more != 0)
		hd_page_para(&t->page, 2, 4, HD_INK_PLAIN, "and %" PRIu32 " more thread%s", more, more == 1 ? "" : "s");
}

/* fork() itself does not come back: worth a word, for the cause is not at the place that called it. */
static void put_fork_phase(struct hd_text *t)
{
	const char *phase = hd_fork_phase(t->snap, t->v->lead);
	if (phase == NULL)
		return;
	hd_page_para(&t->page, 4, 4, HD_INK_PLAIN, "%s",
		     strcmp(phase, "before") == 0 ? "This is inside fork() itself: what prepares for the copy (a handler of pthread_atfork or "
						    "os.register_at_fork, or the C library) waits, so no copy was made."
						  : "This is inside fork() itself, right after the copy was made: a handler that puts things in "
						    "order there waits, so the program's own code was not reached.");
}

static void put_what_hangs(struct hd_text *t)
{
	if (t->v->lead == HD_NONE)
		return;
	hd_page_heading(&t->page, "What hangs");
	put_stuck_thread(t, t->v->lead, BRIEF_FRAMES);
	put_fork_phase(t);
	put_alike(t);
	put_unlike(t);
}

/* ---- at the fork ------------------------------------------------------------------------------------------------- */

/* tid: its number, 0 = not known (its stack was found in the copy's memory, without). */
static void put_other_thread(struct hd_text *t, const struct hd_fork *fork, uint32_t k, int32_t tid, const char *what)
{
	const struct hd_fork_other *other = &fork->others[k];
	struct hd_buf who HD_CLEAN_BUF = {0};
	if (tid == 0)
		hd_buf_str(&who, "A thread");
	else
		hd_buf_printf(&who, "Thread %" PRId32, tid);
	/* A thread that was never named has its program's name. */
	bool is_named = other->name != NULL && !hd_text_equal(other->name, t->snap->procs[hd_text_thread(t, t->v->lead)->proc].comm);
	hd_page_para(&t->page, 2, 4, HD_INK_PLAIN, "%s%s%s%s of %" PRId32 " %s %s:", hd_buf_text(&who), is_named ? " \"" : "",
		     is_named ? other->name : "", is_named ? "\"" : "", hd_fork_other_pid(fork, k), what, other->is_approximate ? "ran about here" : "stood here");
	hd_page_stack_brief(&t->page, 4, &other->stack, BRIEF_FRAMES_FORK);
}

static bool is_other_alike(const struct hd_fork *fork, uint32_t a, uint32_t b)
{
	return fork->others[a].pid == fork->others[b].pid && is_same_place(&fork->others[a].stack, &fork->others[b].stack);
}

/* Threads of the parent that stood at the same place are told once.  Returns how many they are. */
static uint32_t put_alike_others(struct hd_text *t, const struct hd_fork *fork, uint32_t k)
{
	struct hd_buf list HD_CLEAN_BUF = {0};
	uint32_t n = 0;
	for (uint32_t i = k; i < fork->n_others; i++) {
		if (!is_other_alike(fork, i, k))
			continue;
		if (n++ < ROWS_MAX && fork->others[i].tid != 0)
			hd_buf_printf(&list, "%s%" PRId32, list.len != 0 ? ", " : " (", fork->others[i].tid);
	}
	if (n == 1) {
		put_other_thread(t, fork, k, fork->others[k].tid, "was not copied. It");
		return n;
	}
	if (list.len != 0)
		hd_buf_str(&list, n > ROWS_MAX ? " …)" : ")");
	hd_page_para(&t->page, 2, 4, HD_INK_PLAIN, "%" PRIu32 " threads of %" PRId32 " were not copied%s. They stood here:", n,
		     hd_fork_other_pid(fork, k), hd_buf_text(&list));
	hd_page_stack_brief(&t->page, 4, &fork->others[k].stack, BRIEF_FRAMES_FORK);
	return n;
}

static void put_holder(struct hd_text *t, const struct hd_fork *fork, const struct hd_fork_holder *holder)
{
	const char *what = holder->confidence == HD_CONF_HIGH ? "held the lock, and" : "probably held the lock, and";
	/* The lock itself names it; which stack is its is a guess. */
	if (t->v->threads[t->v->lead].owner.state == HD_OWNER_INHERITED && fork->others[holder->other].tid == 0)
		what = "held the lock, and probably";
	put_other_thread(t, fork, holder->other, holder->tid, what);
}

/* Nobody is known to have held it: where the parent's threads stood is the next best thing. */
static void put_all_others(struct hd_text *t, const struct hd_fork *fork, int32_t holder)
{
	uint32_t told = 0, places[3], n_places = 0;
	if (t->v->cause == HD_CAUSE_INHERITED_LOCK && fork->n_others != 0 && holder != 0)
		hd_page_para(&t->page, 2, 4, HD_INK_PLAIN, "Thread %" PRId32 " held it: the lock names it. Where it stood is not recorded.", holder);
	else if (t->v->cause == HD_CAUSE_INHERITED_LOCK && fork->n_others != 0)
		hd_page_para(&t->page, 2, 4, HD_INK_PLAIN, hd_fork_older_pid(fork) != 0 ? "One of the threads that were not copied held it; which one is not recorded."
							      : "One of the parent's threads held it; which one is not recorded.");
	for (uint32_t k = 0; k < fork->n_others && n_places < HD_COUNTOF(places); k++) {
		bool is_new = hd_stack_own(&fork->others[k].stack) != NULL;
		for (uint32_t i = 0; i < n_places; i++)
			is_new = is_new && !is_other_alike(fork, k, places[i]);
		if (!is_new)
			continue;
		places[n_places++] = k;
		told += put_alike_others(t, fork, k);
	}
	uint32_t rest = fork->n_others - told;
	if (rest != 0)
		hd_page_para(&t->page, 2, 4, HD_INK_PLAIN, "%s%" PRIu32 " %sthread%s %s not copied.", told != 0 ? "And " : "",
			     rest, told != 0 ? "more " : "", rest == 1 ? "" : "s", rest == 1 ? "was" : "were");
}

static bool is_about_a_fork(enum hd_cause cause)
{
	return cause == HD_CAUSE_INHERITED_LOCK || cause == HD_CAUSE_MISSING_THREAD;
}

static void put_fork_time(struct hd_text *t, const struct hd_proc *proc)
{
	const struct hd_fork *fork = proc->fork;
	struct hd_buf line HD_CLEAN_BUF = {0};
	hd_buf_printf(&line, "%" PRId32 " was forked by ", proc->pid);
	if (fork->parent_tid != 0 && fork->parent_tid != fork->parent_pid)
		hd_buf_printf(&line, "thread %" PRId32 " of ", fork->parent_tid);
	hd_buf_printf(&line, "%" PRId32, fork->parent_pid);
	if (fork->time_ns > 0)
		hd_buf_printf(&line, " at %s", hd_time_rfc3339(fork->time_ns).text);
	if (fork->time_ns > 0 && t->snap->time_ns > fork->time_ns)
		hd_buf_printf(&line, ", %s before this report", hd_duration_words(t->snap->time_ns - fork->time_ns).text);
	if (fork->parent_threads > 1)
		hd_buf_printf(&line, ". The parent had %" PRIu32 " threads then; the copy got one", fork->parent_threads);
	if (hd_fork_older_pid(fork) != 0)
		hd_buf_printf(&line, ". %" PRId32 " was itself a copy of %" PRId32 ", without that one's other threads", fork->parent_pid,
			      hd_fork_older_pid(fork));
	hd_page_para(&t->page, 2, 2, HD_INK_PLAIN, "%s.", hd_buf_text(&line));
	if (!fork->is_seen)
		hd_page_para(&t->page, 2, 2, HD_INK_DIM, "Nothing was noted when it happened: this is what the memory of %" PRId32 " still tells.",
			     proc->pid);
}

static void put_fork(struct hd_text *t)
{
	if (t->v->lead == HD_NONE || !is_about_a_fork(t->v->cause))
		return;
	const struct hd_proc *proc = &t->snap->procs[hd_text_thread(t, t->v->lead)->proc];
	hd_page_heading(&t->page, t->v->cause == HD_CAUSE_INHERITED_LOCK ? "Who held the lock when the process was forked"
									: "What was left behind by the fork");
	if (proc->fork == NULL) {
		hd_page_para(&t->page, 2, 2, HD_INK_PLAIN,
			     "Not recorded: the fork happened before hangdog looked. 'hangdog run COMMAND' sees every fork as it "
			     "happens and can tell.");
		return;
	}
	put_fork_time(t, proc);
	const struct hd_fork_holder *holder = &t->v->threads[t->v->lead].holder;
	if (t->v->threads[t->v->lead].owner.state == HD_OWNER_FORKER)
		hd_page_para(&t->page, 2, 4, HD_INK_PLAIN, "The thread that forked held the lock itself.");
	else if (t->v->cause == HD_CAUSE_INHERITED_LOCK && holder->other < proc->fork->n_others)
		put_holder(t, proc->fork, holder);
	else
		put_all_others(t, proc->fork, holder->tid);
	if (proc->fork->stack.n != 0) {
		hd_page_para(&t->page, 2, 4, HD_INK_PLAIN, "The fork was made here:");
		hd_page_stack_brief(&t->page, 4, &proc->fork->stack, BRIEF_FRAMES_FORK);
	}
}

/* ---- who waits for them ------------------------------------------------------------------------------------------- */

/* Stuck because of the culprits, which are told already. */
static bool is_told(const struct hd_text *t, uint32_t i)
{
	const struct hd_thread_verdict *tv = &t->v->threads[i];
	return t->snap->procs[hd_text_thread(t, i)->proc].in_tree && !tv->is_culprit && (tv->certainty != HD_CERT_NONE || tv->is_starved);
}

/* Threads of one process that wait alike are one row. */
struct waiters {
	uint32_t first[ROWS_MAX], count[ROWS_MAX];
	uint32_t n, told;
};

static void collect_waiters(const struct hd_text *t, struct waiters *ret)
{
	*ret = (struct waiters){.n = 0};
	for (uint32_t i = 0; i < t->snap->n_threads; i++) {
		uint32_t row = 0;
		if (!is_told(t, i))
			continue;
		ret->told++;
		while (row < ret->n && (hd_text_thread(t, i)->proc != hd_text_thread(t, ret->first[row])->proc || !is_alike(t, i, ret->first[row])))
			row++;
		if (row == ROWS_MAX)
			continue;
		if (row == ret->n)
			ret->first[ret->n++] = i;
		ret->count[row]++;
	}
}

static void put_waiter(struct hd_text *t, uint32_t i, uint32_t count)
{
	struct hd_buf who HD_CLEAN_BUF = {0}, wait HD_CLEAN_BUF = {0};
	hd_words_thread(t->snap, i, &who);
	hd_words_wait(t->snap, t->v, i, &wait);
	hd_page_para(&t->page, 2, 6, HD_INK_PLAIN, "%s %s%s", hd_buf_text(&who), hd_buf_text(&wait),
		     t->v->threads[i].is_starved ? ". It looks up now and then, but all that it waits for is stuck" : "");
	if (count > 1)
		hd_page_para(&t->page, 6, 6, HD_INK_PLAIN, "(and so do %" PRIu32 " more of its threads)", count - 1);
}

static void put_who_waits(struct hd_text *t)
{
	struct waiters w;
	collect_waiters(t, &w);
	if (w.n == 0)
		return;
	hd_page_heading(&t->page, "Who waits for that, and so hangs too");
	for (uint32_t row = 0; row < w.n; row++) {
		put_waiter(t, w.first[row], w.count[row]);
		w.told -= w.count[row];
	}
	if (w.told != 0)
		hd_page_para(&t->page, 2, 4, HD_INK_DIM, "… and %" PRIu32 " more threads", w.told);
}

/* ---- children lost, advice, certainty --------------------------------------------------------------------------------- */

static void put_lost_row(struct hd_text *t, uint32_t i)
{
	const struct hd_lost *lost = &t->snap->lost[i];
	int32_t waiter = t->v->lost_waiters != NULL ? (int32_t)t->v->lost_waiters[i] : 0;
	struct hd_buf line HD_CLEAN_BUF = {0};
	hd_buf_printf(&line, "%" PRId32 "%s%s%s ", lost->pid, lost->comm != NULL ? " (" : "", lost->comm != NULL ? lost->comm : "",
		      lost->comm != NULL ? ")" : "");
	if (lost->signal > 0)
		hd_buf_printf(&line, "was killed by signal %" PRId32 " (%s)", lost->signal, hd_signal_name(lost->signal));
	if (lost->has_core)
		hd_buf_printf(&line, " and dumped core (%s)", lost->core_pattern != NULL ? lost->core_pattern : "where the system keeps them");
	if (lost->signal <= 0)
		hd_buf_printf(&line, "ended with status %" PRId32, lost->status);
	if (waiter != 0)
		hd_buf_printf(&line, "; thread %" PRId32 " still waits for it", waiter);
	hd_page_para(&t->page, 2, 4, HD_INK_PLAIN, "%s.", hd_buf_text(&line));
	if (lost->oom_kills > 0)
		hd_page_para(&t->page, 4, 4, HD_INK_PLAIN,
			     "The kernel ended %" PRId64 " process%s for want of memory since hangdog began to watch: most likely this one.",
			     lost->oom_kills, lost->oom_kills == 1 ? "" : "es");
}

static void put_left(struct hd_text *t, bool is_one)
{
	const char *clauses[HD_LEFT_MAX];
	uint32_t n = hd_left_behind(t->snap, t->v, t->snap->arena, clauses);
	for (uint32_t i = 0; i < n; i++)
		hd_page_para(&t->page, 2, 4, HD_INK_PLAIN, "%s left something behind: %s.", is_one ? "It" : "One of them", clauses[i]);
}

static void put_lost(struct hd_text *t)
{
	uint32_t n = 0, skip;
	for (uint32_t i = 0; i < t->snap->n_lost; i++)
		n += hd_lost_is_told(t->snap, t->v, i);
	if (n == 0)
		return;
	hd_page_heading(&t->page, "Children that ended badly");
	skip = n > ROWS_MAX ? n - ROWS_MAX : 0; /* the newest are last, and told */
	for (uint32_t i = 0; i < t->snap->n_lost; i++) {
		if (!hd_lost_is_told(t->snap, t->v, i))
			continue;
		if (skip == 0)
			put_lost_row(t, i);
		skip -= skip != 0;
	}
	put_left(t, n == 1);
	if (t->v->kind != HD_VERDICT_DEADLOCK)
		hd_page_para(&t->page, 2, 2, HD_INK_PLAIN,
			     "A program that waits for an answer of a child that died can look hung. Look for the crash of the child first.");
}

static void put_advice(struct hd_text *t)
{
	if (t->report->n_advice == 0)
		return;
	hd_page_heading(&t->page, "What to do");
	for (uint32_t i = 0; i < t->report->n_advice; i++) {
		const struct hd_advice *a = &t->report->advice[i];
		hd_page_para(&t->page, 2, 5, HD_INK_BOLD, "%" PRIu32 ". %s", i + 1, a->title);
		hd_page_para(&t->page, 5, 5, HD_INK_PLAIN, "%s", a->text);
		if (a->cure != NULL)
			hd_page_para(&t->page, 5, 7, HD_INK_PLAIN, "Without changing the program: hangdog run --cure %s", a->cure);
		if (a->source != NULL)
			hd_page_para(&t->page, 5, 7, HD_INK_DIM, "See %s", a->source);
	}
}

static const char *certainty_words(const struct hd_verdict *v)
{
	if (v->certainty == HD_CERT_PROVEN)
		return "Proven: hangdog knows everyone who could end these waits, from what the kernel tells alone, and all of them "
		       "are stuck themselves or gone. No time limit is set.";
	if (v->certainty == HD_CERT_OWNED)
		return "Almost certain: this is so if a lock is released only by the thread that took it, as is the rule. The kernel "
		       "alone does not guarantee it.";
	return "Suspected: hangdog cannot prove it.";
}

/* A safety net of the program's own: it ends what hangs, late. */
static void put_alarms(struct hd_text *t)
{
	for (uint32_t p = 0; p < t->snap->n_procs; p++) {
		if (hd_alarm_ends(t->snap, p))
			hd_page_para(&t->page, 2, 4, HD_INK_PLAIN, "An alarm of its own will end process %" PRId32 " in %" PRId64 " s.",
				     t->snap->procs[p].pid, (t->snap->procs[p].alarm_ns + HD_NS_PER_S / 2) / HD_NS_PER_S);
	}
}

static void put_certainty(struct hd_text *t)
{
	if (t->v->kind != HD_VERDICT_DEADLOCK)
		return;
	hd_page_heading(&t->page, "How sure is this");
	hd_page_para(&t->page, 2, 2, HD_INK_PLAIN, "%s%s", certainty_words(t->v),
		     t->v->assumes_no_signal ? " It assumes that nobody outside sends the program a signal." : "");
	put_alarms(t);
}

static void put_action(struct hd_text *t)
{
	static const struct {
		const char *taken, *words;
	} table[] = {
		{"kill", "hangdog ended the program"},
		{"restart", "hangdog restarted the program"},
		{"heal", "hangdog healed the program"},
		{"kill-child", "hangdog ended only what was stuck"},
		{"stop", "hangdog stopped the program, for a debugger"},
		{"exec", "hangdog ran your command"},
	};
	const struct hd_action_note *note = &t->report->action;
	if (note->taken == NULL)
		return;
	const char *words = note->taken;
	for (size_t i = 0; i < HD_COUNTOF(table); i++) {
		if (strcmp(table[i].taken, note->taken) == 0)
			words = table[i].words;
	}
	hd_page_heading(&t->page, "What hangdog did");
	if (note->has_failed)
		words = "nothing that worked";
	hd_page_para(&t->page, 2, 4, HD_INK_PLAIN, "%s%s%s.", words, note->result != NULL ? ": " : "",
		     note->result != NULL ? note->result : "");
}

/* ---- nothing wrong, or only a stall -------------------------------------------------------------------------------------- */

/* Why this thread can go on, or why it cannot be told that it cannot. */
static void put_way_out(const struct hd_text *t, uint32_t i, struct hd_buf *out)
{
	const struct hd_wait *wait = &t->v->threads[i].wait;
	const struct hd_thread *thread = hd_text_thread(t, i);
	if (thread->busy_of_ns > 0 && thread->busy_ns * BUSY_SHARE > thread->busy_of_ns)
		hd_buf_printf(out, ", using %lld%% of a CPU all the time, for %s", (long long)(thread->busy_ns * 100 / thread->busy_of_ns),
			      hd_duration_words(thread->busy_of_ns).text);
	if (thread->spin_ns > 0)
		hd_buf_printf(out, ", always in the same loop that waits: in %" PRIu32 " samples over %s the memory it looks at never changed (0x%" PRIx64
			      " holds %" PRIu32 ")",
			      thread->spin_samples, hd_duration_words(thread->spin_ns).text, thread->spin_addr, thread->spin_value);
	if (wait->kind == HD_WAIT_NONE || (!thread->is_still && !thread->call_known))
		return;
	if (wait->has_deadline && wait->timeout_ns >= 0)
		hd_buf_printf(out, " (for %s at most)", hd_duration_words(wait->timeout_ns).text);
	else if (wait->has_deadline && wait->kind != HD_WAIT_TIMER)
		hd_buf_str(out, " (with a time limit)");
	else if (wait->outside != NULL && wait->kind != HD_WAIT_TIMER)
		hd_buf_printf(out, " (%s)", wait->outside);
	if (thread->repeat_ns > 0)
		hd_buf_printf(out, ", and goes back to that each time: it woke up %" PRIu64 " times in %s", thread->repeats,
			      hd_duration_words(thread->repeat_ns).text);
	else if (thread->is_still && thread->blocked_ns > 0 && t->v->kind == HD_VERDICT_STALL)
		hd_buf_printf(out, ", for %s by now", hd_duration_words(thread->blocked_ns).text);
}

/* One line for the leader, and one for each other thread of the process as long as there are few. */
static uint32_t put_process_waits(struct hd_text *t, uint32_t p, uint32_t room)
{
	const struct hd_proc *proc = &t->snap->procs[p];
	uint32_t rows = proc->n_threads <= 4 ? proc->n_threads : 1;
	for (uint32_t k = 0; k < rows && k < room; k++) {
		struct hd_buf who HD_CLEAN_BUF = {0}, wait HD_CLEAN_BUF = {0};
		hd_words_thread(t->snap, proc->first_thread + k, &who);
		hd_words_wait(t->snap, t->v, proc->first_thread + k, &wait);
		put_way_out(t, proc->first_thread + k, &wait);
		hd_page_para(&t->page, 2, 6, HD_INK_PLAIN, "%s %s", hd_buf_text(&who), hd_buf_text(&wait));
	}
	if (rows < proc->n_threads)
		hd_page_para(&t->page, 4, 6, HD_INK_DIM, "and %" PRIu32 " more threads (--verbose shows them)", proc->n_threads - rows);
	return rows;
}

static void put_all_waits(struct hd_text *t)
{
	uint32_t shown = 0, procs = 0, told = 0;
	for (uint32_t p = 0; p < t->snap->n_procs; p++)
		procs += t->snap->procs[p].in_tree;
	for (uint32_t p = 0; p < t->snap->n_procs && shown < HEALTHY_ROWS_MAX; p++) {
		if (!t->snap->procs[p].in_tree)
			continue;
		told++;
		shown += put_process_waits(t, p, HEALTHY_ROWS_MAX - shown);
	}
	if (told < procs)
		hd_page_para(&t->page, 2, 4, HD_INK_DIM, "… and %" PRIu32 " more processes", procs - told);
}

/* What a look with more sight would make of it. */
static void put_unseen(struct hd_text *t)
{
	hd_page_para(&t->page, 0, 0, HD_INK_PLAIN,
		     "Everyone that hangdog can see waits for each other, but it cannot rule out that somebody else has a part in it: %s. If "
		     "not, this is a deadlock. 'hangdog run' can tell, because it sees from the start who gets what; so can a look by "
		     "root, outside of containers, where every process can be looked into.", t->v->unseen);
}

static void put_none(struct hd_text *t)
{
	hd_page_gap(&t->page);
	if (t->v->unseen != NULL)
		put_unseen(t);
	else
		hd_page_para(&t->page, 0, 0, HD_INK_PLAIN, "%s",
		     t->v->summary != NULL ? t->v->summary : "Everyone who waits can still be woken, as far as hangdog can see.");
	if (t->snap->truncated)
		hd_page_para(&t->page, 0, 0, HD_INK_YELLOW, "Not everything could be looked at: %s.",
			     t->snap->truncated_why != NULL ? t->snap->truncated_why : "a bound was reached");
	hd_page_heading(&t->page, "What each process does");
	put_all_waits(t);
}

static void put_stall(struct hd_text *t)
{
	hd_page_gap(&t->page);
	if (t->v->summary != NULL)
		hd_page_para(&t->page, 0, 0, HD_INK_BOLD, "%s", t->v->summary);
	hd_page_gap(&t->page);
	hd_page_para(&t->page, 0, 0, HD_INK_PLAIN,
		     "It may be stuck, or it waits for something slow that hangdog cannot see, such as a server or a device. In brackets: "
		     "what could still wake it.");
	hd_page_heading(&t->page, "What each process waits for");
	put_all_waits(t);
	hd_page_heading(&t->page, "Where they stand");
	uint32_t shown = 0;
	for (uint32_t i = 0; i < t->snap->n_threads && shown < STALL_STACKS_MAX; i++) {
		const struct hd_proc *proc = &t->snap->procs[hd_text_thread(t, i)->proc];
		bool is_told = i == proc->first_thread || proc->n_threads <= 4 || hd_text_thread(t, i)->repeat_ns > 0 ||
			       hd_text_thread(t, i)->busy_ns * BUSY_SHARE > hd_text_thread(t, i)->busy_of_ns;
		if (!proc->in_tree || !is_told || hd_text_thread(t, i)->stack.n == 0)
			continue;
		shown++;
		put_stuck_title(t, i);
		hd_page_stack_brief(&t->page, 4, &hd_text_thread(t, i)->stack, BRIEF_FRAMES_FORK);
	}
	if (shown == 0)
		hd_page_para(&t->page, 2, 2, HD_INK_DIM, "No stacks were taken. 'hangdog dump %" PRId32 "' shows them.", t->snap->root);
}

static void put_answer(struct hd_text *t)
{
	put_headline(t);
	if (t->v->kind == HD_VERDICT_NONE)
		put_none(t);
	else if (t->v->kind == HD_VERDICT_STALL)
		put_stall(t);
	else
		put_why(t);
	if (t->v->kind == HD_VERDICT_DEADLOCK) {
		put_what_hangs(t);
		put_fork(t);
		put_who_waits(t);
	}
	put_lost(t);
	put_advice(t);
	put_action(t);
	put_certainty(t);
	if (t->page.style->verbose || t->page.style->threads) {
		hd_page_rule(&t->page, "all stacks");
		hd_text_put_full(t);
	}
}

void hd_report_text(const struct hd_report *report, const struct hd_text_style *style, struct hd_buf *out)
{
	struct hd_text t = {.report = report, .snap = report->snap, .v = report->verdict};
	hd_page_init(&t.page, style, out);
	if (report->is_dump || report->verdict == NULL)
		hd_text_put_dump(&t);
	else
		put_answer(&t);
}
