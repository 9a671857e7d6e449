#include "hangdog/policy.h"

static const char *const action_names[] = {
	[HD_ACTION_REPORT] = "report",	 [HD_ACTION_HEAL] = "heal", [HD_ACTION_KILL] = "kill",
	[HD_ACTION_RESTART] = "restart", [HD_ACTION_STOP] = "stop", [HD_ACTION_KILL_CHILD] = "kill-child",
	[HD_ACTION_EXEC] = "exec",
};

const char *hd_action_name(enum hd_action_kind kind)
{
	return action_names[kind];
}

void hd_policy_start(struct hd_policy *p, int64_t now_ms)
{
	p->started_ms = now_ms;
	p->is_fresh = true;
	if (p->delay_ms == 0)
		p->delay_ms = p->restart_delay_ms;
}

/* Counts restarts that led to the same hang again and got no further.  A later hang of one run says nothing about the
 * restart before it. */
static void judge_restart(struct hd_policy *p, uint64_t signature, const struct hd_run *run)
{
	bool is_same = p->restarts > 0 && signature != 0 && signature == p->signature;
	bool is_further = run->has_progressed || run->cpu_ns > p->cpu_ns * HD_CPU_FURTHER + HD_CPU_FURTHER_NS;
	p->in_vain = is_same && !is_further ? p->in_vain + 1 : 0;
	p->cpu_ns = is_same && p->cpu_ns > run->cpu_ns ? p->cpu_ns : run->cpu_ns;
	p->signature = signature;
	p->is_fresh = false;
}

void hd_policy_hang(struct hd_policy *p, enum hd_certainty certainty, uint64_t signature, const struct hd_run *run, int64_t now_ms)
{
	p->next = 0;
	p->is_given_up = false;
	p->hang_certainty = certainty;
	if (now_ms - p->started_ms >= HD_RESTART_HEALTHY_MS)
		p->delay_ms = p->restart_delay_ms;
	if (p->is_fresh)
		judge_restart(p, signature, run);
}

static const char *restart_used_up(const struct hd_policy *p)
{
	if (p->restarts >= p->restarts_max)
		return "--max-restarts is used up";
	if (p->in_vain >= HD_RESTARTS_IN_VAIN)
		return "it hung in the same place after three restarts without any progress";
	return NULL;
}

/* Why this action cannot fire now; NULL = it can. */
static const char *why_not(const struct hd_policy *p, enum hd_action_kind kind)
{
	if (kind != HD_ACTION_EXEC && p->hang_certainty < p->certainty)
		return "the verdict is less certain than --certainty asks for";
	if (kind != HD_ACTION_RESTART)
		return NULL;
	if (!p->can_restart)
		return "hangdog did not start this program, so it cannot start it again";
	return restart_used_up(p);
}

struct hd_step hd_policy_next(struct hd_policy *p)
{
	struct hd_step step = {.kind = HD_ACTION_REPORT};
	while (p->next < p->actions->n) {
		const struct hd_action *action = &p->actions->at[p->next++];
		if (action->kind == HD_ACTION_REPORT)
			continue; /* the report was made before any step */
		const char *why = why_not(p, action->kind);
		if (why != NULL) {
			step.skipped = why;
			p->is_given_up |= action->kind == HD_ACTION_RESTART && why == restart_used_up(p);
			continue;
		}
		step.kind = action->kind;
		step.command = action->command;
		if (action->kind == HD_ACTION_RESTART) {
			step.delay_ms = p->delay_ms;
			p->restarts++;
			p->delay_ms = p->delay_ms * 2 < HD_RESTART_DELAY_MAX_MS ? p->delay_ms * 2 : HD_RESTART_DELAY_MAX_MS;
		}
		return step;
	}
	/* Who asked for restarts wants no hung program left behind. */
	if (p->is_given_up) {
		p->is_given_up = false;
		step.kind = HD_ACTION_KILL;
		step.gives_up = true;
	}
	return step;
}
