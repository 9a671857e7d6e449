#include "cmd/timers.h"

#include "cmd/supervisor.h"
#include "hangdog/clock.h"
#include "hangdog/itimers.h"

enum {
	SOON_MS = 5000,        /* an alarm that ends the process so soon is waited for */
	AGAIN_MS = 1000,       /* a process is asked again no sooner than this, then after twice that, and so on */
	AGAIN_MAX_MS = 60000,
	DOUBLINGS_MAX = 6,
	ASK_MAX = 32,          /* processes asked for one verdict */
	ASKED_MAX = 4096,
};

/* ---- what was answered before --------------------------------------------------------------------------------------------- */

static struct hd_asked *find_asked(struct hd_supervisor *s, const struct hd_proc *pr)
{
	for (size_t i = 0; i < s->asked.n; i++) {
		struct hd_asked *a = &s->asked.at[i];
		if (a->pid == pr->pid && a->start == pr->start)
			return a;
	}
	if (s->asked.n >= ASKED_MAX)
		HD_VEC_CLEAR(&s->asked);
	HD_VEC_PUSH(&s->asked, (struct hd_asked){.pid = pr->pid, .start = pr->start});
	return &s->asked.at[s->asked.n - 1];
}

static void note_asked(struct hd_asked *a, int64_t now_ms)
{
	int64_t pause_ms = (int64_t)AGAIN_MS << (a->times < DOUBLINGS_MAX ? a->times : DOUBLINGS_MAX);
	a->times++;
	a->due_ms = now_ms + (pause_ms < AGAIN_MAX_MS ? pause_ms : AGAIN_MAX_MS);
	a->armed_ms = a->alarm_ms = 0;
}

/* ---- asking ----------------------------------------------------------------------------------------------------------------- */

static bool is_concerned(const struct hd_case *c, uint32_t p)
{
	const struct hd_proc *pr = &c->snap->procs[p];
	for (uint32_t t = pr->first_thread; pr->in_tree && t < pr->first_thread + pr->n_threads; t++) {
		if (c->verdict->threads[t].certainty >= HD_CERT_OWNED)
			return true;
	}
	return false;
}

/* The stop has left its mark on the thread's counters: with those of now the later looks know the hang again. */
static void note_counters(const struct hd_case *c, int32_t tid, uint64_t voluntary, uint64_t involuntary)
{
	uint32_t t = hd_snapshot_thread(c->snap, tid);
	c->snap->threads[t].voluntary = voluntary;
	c->snap->threads[t].involuntary = involuntary;
}

static bool ask(struct hd_supervisor *s, const struct hd_case *c, uint32_t p, struct hd_asked *a)
{
	struct hd_itimer_ask plan;
	int64_t left_ns[HD_ITIMERS], now_ms = hd_now_ms(), last_ms = 0;
	uint64_t voluntary, involuntary;
	note_asked(a, now_ms);
	if (!hd_itimers_plan(c->snap, c->verdict, p, &plan) ||
	    hd_tracer_ask_itimers(s->tracer, &plan, left_ns, &voluntary, &involuntary) < 0)
		return false;
	note_counters(c, plan.tid, voluntary, involuntary);
	for (unsigned i = 0; i < HD_ITIMERS; i++) {
		int64_t left_ms = (left_ns[i] + HD_NS_PER_MS - 1) / HD_NS_PER_MS;
		last_ms = left_ms > last_ms ? left_ms : last_ms;
		if (i == 0 && left_ms > 0)
			a->alarm_ms = now_ms + left_ms;
	}
	if (last_ms > 0)
		a->armed_ms = now_ms + last_ms;
	if (a->armed_ms > a->due_ms)
		a->due_ms = a->armed_ms;
	return true;
}

/* What is known of the timers of process p, asked now if need be, becomes part of the facts. */
static void settle_process(struct hd_supervisor *s, struct hd_case *c, uint32_t p, bool may_ask)
{
	struct hd_proc *pr = &c->snap->procs[p];
	struct hd_asked *a = find_asked(s, pr);
	int64_t now_ms = hd_now_ms();
	bool is_known = a->armed_ms > now_ms;
	if (!is_known && may_ask && now_ms >= a->due_ms)
		is_known = ask(s, c, p, a);
	pr->alarm_ns = is_known && a->alarm_ms > now_ms ? (a->alarm_ms - now_ms) * HD_NS_PER_MS : 0;
	if (pr->itimers_unasked)
		pr->timer_armed = !is_known ? HD_UNKNOWN : a->armed_ms != 0 ? HD_YES : HD_NO;
	pr->itimers_unasked &= !is_known;
}

static bool ends_soon(const struct hd_case *c)
{
	for (uint32_t p = 0; p < c->snap->n_procs; p++) {
		if (is_concerned(c, p) && hd_alarm_ends(c->snap, p) && c->snap->procs[p].alarm_ns <= SOON_MS * HD_NS_PER_MS)
			return true;
	}
	return false;
}

bool hd_timers_settle(struct hd_supervisor *s, struct hd_case *c)
{
	uint32_t n_asked = 0;
	bool can_ask = !hd_tracer_is_observing(s->tracer);
	for (uint32_t p = 0; p < c->snap->n_procs; p++) {
		if (is_concerned(c, p))
			settle_process(s, c, p, can_ask && n_asked++ < ASK_MAX);
	}
	/* Those that nobody accuses were only supposed to have none. */
	for (uint32_t p = 0; p < c->snap->n_procs; p++) {
		if (c->snap->procs[p].itimers_unasked)
			c->snap->procs[p].timer_armed = HD_UNKNOWN;
	}
	hd_case_decide(c);
	return c->verdict->kind == HD_VERDICT_DEADLOCK && !ends_soon(c);
}
