#include "cmd/heal.h"

#include "hangdog/heal.h"
#include "hangdog/procfs.h"

#define HEALED_MAX 256u /* in the life of one supervisor: a program that hangs so often is not cured by this */

static void pump(void *supervisor)
{
	struct hd_supervisor *s = supervisor;
	if (hd_tracer_drain(s->tracer) < 0)
		s->has_failed = true;
}

/* A lock that hangs again in the same process after it was freed: whoever holds it now is not the one that was gone. */
static bool was_healed(const struct hd_supervisor *s, const struct hd_heal *heal)
{
	for (size_t i = 0; i < s->healed.n; i++) {
		const struct hd_healed *h = &s->healed.at[i];
		if (h->pid == heal->pid && h->start == heal->start && h->lock == heal->lock)
			return true;
	}
	return false;
}

static const char *plan_one(struct hd_supervisor *s, const struct hd_case *c, uint32_t t, struct hd_heal *ret)
{
	const struct hd_proc *proc = &c->snap->procs[c->snap->threads[t].proc];
	struct hd_mem_live live;
	if (s->healed.n >= HEALED_MAX)
		return "so many locks were freed already that it does not help";
	if (hd_mem_live_open(&live, proc->pid) < 0)
		return "its memory cannot be read";
	const char *why = hd_heal_plan(c->snap, c->verdict, t, &live.mem, c->arena, ret);
	hd_mem_live_close(&live);
	if (why == NULL && was_healed(s, ret))
		return "it was freed before and hangs again";
	return why;
}

static void put_done(struct hd_buf *out, const struct hd_heal *heal, int64_t took_us)
{
	hd_buf_printf(out, "%sfreed %s: thread %d went on after %.1f ms. CAREFUL: %s", out->len != 0 ? "; " : "", heal->what, heal->tid,
		      (double)took_us / 1000, heal->danger);
}

static bool perform(struct hd_supervisor *s, const struct hd_heal *heal, struct hd_buf *out)
{
	struct hd_err err = {0};
	int64_t took_us = 0;
	if (hd_heal_perform(s->tracer, heal, pump, s, &took_us, &err) < 0) {
		hd_buf_printf(out, "%scannot free %s: %s", out->len != 0 ? "; " : "", heal->what, err.text);
		return false;
	}
	HD_VEC_PUSH(&s->healed, (struct hd_healed){heal->pid, heal->start, heal->lock});
	put_done(out, heal, took_us);
	return true;
}

bool hd_supervisor_heal(struct hd_supervisor *s, const struct hd_case *c, struct hd_buf *ret_text)
{
	uint32_t *targets;
	const char *refusal;
	uint32_t n = hd_heal_targets(c->snap, c->verdict, c->arena, &targets, &refusal);
	struct hd_heal *plans = HD_NEW_N(c->arena, (size_t)n + 1, struct hd_heal);
	if (refusal != NULL) {
		hd_buf_str(ret_text, refusal);
		return false;
	}
	for (uint32_t i = 0; i < n; i++) {
		const struct hd_thread *th = &c->snap->threads[targets[i]];
		const char *why = plan_one(s, c, targets[i], &plans[i]);
		if (why != NULL) {
			hd_buf_printf(ret_text, "%s of process %d cannot be freed: %s",
				      th->lock.name != NULL ? th->lock.name : hd_lock_what(&th->lock), c->snap->procs[th->proc].pid, why);
			return false;
		}
	}
	for (uint32_t i = 0; i < n; i++) {
		if (!perform(s, &plans[i], ret_text))
			return false;
	}
	return n > 0;
}
