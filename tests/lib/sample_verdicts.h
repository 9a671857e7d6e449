/* The verdicts that belong to sample_cases.h, written by hand: what the report is tested with, whatever the judge says. */
#ifndef HANGDOG_TESTS_SAMPLE_VERDICTS_H
#define HANGDOG_TESTS_SAMPLE_VERDICTS_H

#include "hangdog/verdict.h"
#include "sample_cases.h"

HD_UNUSED static struct hd_verdict *sample_verdict(struct hd_snapshot *s, enum hd_cause cause, enum hd_certainty certainty, uint32_t lead)
{
	struct hd_verdict *v = HD_NEW(s->arena, struct hd_verdict);
	*v = (struct hd_verdict){.kind = HD_VERDICT_DEADLOCK, .scope = HD_SCOPE_PROCESS, .certainty = certainty, .cause = cause,
				 .blocked_ns = 1300 * HD_NS_PER_MS, .lead = lead, .certificate_ok = true};
	v->threads = HD_NEW_N(s->arena, s->n_threads, struct hd_thread_verdict);
	v->procs = HD_NEW_N(s->arena, s->n_procs, struct hd_proc_verdict);
	v->lost_waiters = HD_NEW_N(s->arena, s->n_lost + 1, uint32_t);
	v->culprits = HD_NEW_N(s->arena, s->n_procs, uint32_t);
	for (uint32_t i = 0; i < s->n_threads; i++)
		v->threads[i] = (struct hd_thread_verdict){.wait = {.syscall = "?", .timeout_ns = -1},
							   .owner = {.thread = HD_NONE, .fork_other = HD_NONE},
							   .holder = {.other = HD_NONE}, .root = HD_NONE};
	return v;
}

static void sample_wakers(struct hd_snapshot *s, struct hd_thread_verdict *tv, uint32_t a)
{
	uint32_t *at = HD_NEW(s->arena, uint32_t);
	*at = a;
	tv->wakers = (struct hd_edges){.at = at, .n = 1};
}

static void sample_waits(struct hd_verdict *v, uint32_t t, enum hd_wait_kind kind, const char *syscall, enum hd_certainty certainty)
{
	v->threads[t].wait.kind = kind;
	v->threads[t].wait.syscall = syscall;
	v->threads[t].certainty = certainty;
}

static void sample_culprit(struct hd_snapshot *s, struct hd_verdict *v, uint32_t t)
{
	uint32_t p = s->threads[t].proc;
	v->threads[t].is_culprit = true;
	v->procs[p] = (struct hd_proc_verdict){.status = HD_STATUS_DEADLOCKED, .is_culprit = true, .cause = v->cause};
	if (v->n_culprits == 0 || v->culprits[v->n_culprits - 1] != p)
		v->culprits[v->n_culprits++] = p;
}

HD_UNUSED static struct hd_verdict *sample_python_lock_verdict(struct hd_snapshot *s)
{
	struct hd_verdict *v = sample_verdict(s, HD_CAUSE_INHERITED_LOCK, HD_CERT_PROVEN, 2);
	v->summary = "Process 4251 waits for cache_lock (in train.py), which thread \"refill\" of its parent 4242 held when 4251 was forked; "
		     "nobody can ever release it.";
	v->signature = "inherited-lock:cache_lock (in train.py):load_item";
	v->assumes_no_signal = true;
	sample_waits(v, 0, HD_WAIT_CHILD, "wait4", HD_CERT_PROVEN);
	v->threads[0].wait.child_pid = 4251;
	sample_wakers(s, &v->threads[0], 2);
	v->threads[0].root = 2;
	v->procs[0].status = HD_STATUS_WAITING;
	sample_waits(v, 1, HD_WAIT_TIMER, "clock_nanosleep", HD_CERT_NONE);
	v->threads[1].wait.has_deadline = true;
	sample_waits(v, 2, HD_WAIT_FUTEX, "futex", HD_CERT_PROVEN);
	v->threads[2].owner = (struct hd_owner){.state = HD_OWNER_INHERITED, .confidence = HD_CONF_HIGH, .thread = HD_NONE, .tid = 4250,
						.pid = 4242, .name = "refill", .fork_other = 0};
	v->threads[2].holder = (struct hd_fork_holder){.tid = 4250, .other = 0, .confidence = HD_CONF_HIGH};
	sample_culprit(s, v, 2);
	return v;
}

HD_UNUSED static struct hd_verdict *sample_openmp_verdict(struct hd_snapshot *s)
{
	struct hd_verdict *v = sample_verdict(s, HD_CAUSE_MISSING_THREAD, HD_CERT_PROVEN, 1);
	v->summary = "Process 910 waits for the other threads of an OpenMP team, which the fork did not copy.";
	sample_waits(v, 0, HD_WAIT_CHILD, "wait4", HD_CERT_PROVEN);
	v->threads[0].wait.child_pid = 910;
	sample_wakers(s, &v->threads[0], 1);
	v->procs[0].status = HD_STATUS_WAITING;
	sample_waits(v, 1, HD_WAIT_FUTEX, "futex", HD_CERT_PROVEN);
	sample_culprit(s, v, 1);
	return v;
}

HD_UNUSED static struct hd_verdict *sample_lock_cycle_verdict(struct hd_snapshot *s)
{
	struct hd_verdict *v = sample_verdict(s, HD_CAUSE_LOCK_CYCLE, HD_CERT_PROVEN, 1);
	v->summary = "Threads 701 and 702 of 700 hold locks that each other wants.";
	sample_waits(v, 0, HD_WAIT_FUTEX, "futex", HD_CERT_PROVEN);
	sample_wakers(s, &v->threads[0], 1);
	v->threads[0].root = 1;
	for (uint32_t i = 1; i <= 2; i++) {
		sample_waits(v, i, HD_WAIT_FUTEX, "futex", HD_CERT_PROVEN);
		sample_wakers(s, &v->threads[i], 3 - i);
		v->threads[i].owner = (struct hd_owner){.state = HD_OWNER_THREAD, .confidence = HD_CONF_HIGH, .thread = 3 - i,
							.tid = s->threads[3 - i].tid, .pid = 700, .name = s->threads[3 - i].name,
							.fork_other = HD_NONE};
		sample_culprit(s, v, i);
	}
	return v;
}

HD_UNUSED static struct hd_verdict *sample_pipes_verdict(struct hd_snapshot *s)
{
	struct hd_verdict *v = sample_verdict(s, HD_CAUSE_WAIT_CYCLE, HD_CERT_PROVEN, 1);
	v->summary = "Processes 800 and 801 each read from a pipe that only the other one can write to.";
	for (uint32_t i = 0; i < 2; i++) {
		sample_waits(v, i, HD_WAIT_PIPE, "read", HD_CERT_PROVEN);
		sample_wakers(s, &v->threads[i], 1 - i);
		sample_culprit(s, v, i);
	}
	return v;
}

HD_UNUSED static struct hd_verdict *sample_healthy_verdict(struct hd_snapshot *s)
{
	struct hd_verdict *v = sample_verdict(s, HD_CAUSE_NONE, HD_CERT_NONE, HD_NONE);
	v->kind = HD_VERDICT_NONE;
	v->scope = HD_SCOPE_NONE;
	v->blocked_ns = 0;
	v->summary = "Every waiting thread can still be woken by somebody who runs.";
	for (uint32_t i = 0; i < 2; i++) {
		sample_waits(v, i, HD_WAIT_CHILD, "wait4", HD_CERT_NONE);
		v->threads[i].wait.child_pid = -1;
		sample_wakers(s, &v->threads[i], i + 1);
	}
	sample_waits(v, 3, HD_WAIT_TIMER, "clock_nanosleep", HD_CERT_NONE);
	v->threads[3].wait.has_deadline = true;
	v->threads[3].wait.timeout_ns = 60 * HD_NS_PER_S;
	return v;
}

HD_UNUSED static struct hd_verdict *sample_stall_verdict(struct hd_snapshot *s)
{
	struct hd_verdict *v = sample_pipes_verdict(s);
	v->kind = HD_VERDICT_STALL;
	v->certainty = HD_CERT_SUSPECTED;
	v->cause = HD_CAUSE_UNKNOWN;
	v->n_culprits = 0;
	v->lead = HD_NONE;
	v->summary = "Nothing in this tree has moved for 5 minutes.";
	for (uint32_t i = 0; i < s->n_threads; i++) {
		v->threads[i].certainty = HD_CERT_NONE;
		v->threads[i].is_culprit = false;
		v->threads[i].wait.outside = "the other end may be open in a process that hangdog may not look into";
	}
	return v;
}

#endif
