/* Threads that wake up and go back to the very same wait, again and again: evidence for a stall, never for a proof. */
#include <string.h>

#include "os/draft.h"
#include "hangdog/clock.h"
#include "os/procfile.h"

#define SAMPLES_LEAST 3u
#define NR_RESTART_X86_64 219

/* Arguments behind the first three may be times that differ with each call. */
static bool is_same_wait(const struct hd_syscall *a, const struct hd_syscall *b)
{
	return a->form == b->form && a->nr == b->nr && a->sp == b->sp && a->pc == b->pc && memcmp(a->args, b->args, 3 * sizeof(a->args[0])) == 0;
}

static void sample(struct hd_sighting *t, uint64_t phase, int64_t now_ns)
{
	char text[512];
	struct hd_syscall line;
	struct hd_repeat *r = &t->repeat;
	if (r->phase != phase)
		*r = (struct hd_repeat){.busy_since_ns = now_ns, .busy_run_ns = t->run_ns, .phase = phase};
	if (hd_procfile_read(text, sizeof(text), "/proc/%d/task/%d/syscall", t->pid, t->tid) <= 0 ||
	    hd_syscall_parse(text, &line) < 0 || line.form != HD_SYSCALL_NUMERIC)
		return; /* it happened to run: neither here nor there */
	if (r->samples > 0 && is_same_wait(&r->line, &line)) {
		r->samples++;
		r->line = line;
	} else {
		r->line = line;
		r->since_ns = now_ns;
		r->runs = t->runs;
		r->samples = 1;
	}
}

void hd_watcher_sample(struct hd_watcher *w, uint64_t phase)
{
	int64_t now_ns = hd_now_ns();
	for (struct hd_sighting *t = hd_table_first(&w->seen.by_tid); t != NULL; t = hd_table_after(t)) {
		if (!t->has_line)
			sample(t, phase, now_ns);
	}
}

static void fill(struct hd_draft *d, uint32_t t, int64_t now_ns)
{
	struct hd_thread *thread = &d->snap->threads[t];
	const struct hd_sighting *seen = d->threads[t].seen;
	const struct hd_syscall *line = &seen->repeat.line;
	int64_t in_code;
	thread->call_known = true;
	thread->nr = line->nr;
	thread->sp = line->sp;
	thread->pc = line->pc;
	thread->abi = hd_watcher_abi(thread->tid, line->pc, &in_code);
	memcpy(thread->args, line->args, sizeof(thread->args));
	thread->repeat_ns = now_ns - seen->repeat.since_ns;
	thread->repeats = seen->runs - seen->repeat.runs;
	struct hd_call *call = &d->threads[t].call;
	*call = hd_call_decode(thread->abi, thread->nr, thread->args, /* was_restart= */ false);
	hd_draft_limit(d, t);
	if (call->need == HD_NEED_FUTEX && call->futex_addr != 0) {
		thread->words = HD_NEW(d->arena, struct hd_word);
		thread->n_words = 1;
		thread->words[0] = (struct hd_word){.addr = call->futex_addr, .expected = call->futex_expected,
						    .op_private = call->futex_private, .sharers_object = HD_NONE};
		hd_draft_words(d, t);
		hd_draft_mapping(d, t);
		hd_draft_lock(d, t);
	}
	hd_draft_objects(d, t);
}

void hd_draft_repeats(struct hd_draft *d)
{
	int64_t now_ns = hd_now_ns();
	for (uint32_t t = 0; t < d->snap->n_threads; t++) {
		struct hd_thread *thread = &d->snap->threads[t];
		const struct hd_sighting *seen = d->threads[t].seen;
		if (seen != NULL && !thread->is_still && seen->repeat.phase != 0) {
			thread->busy_ns = (int64_t)(seen->run_ns - seen->repeat.busy_run_ns);
			thread->busy_of_ns = now_ns - seen->repeat.busy_since_ns;
		}
		if (seen != NULL && !thread->is_still && seen->gets_nowhere) {
			thread->spin_ns = now_ns - seen->spin.since_ns;
			thread->spin_samples = seen->spin.samples;
			thread->spin_addr = seen->spin.words[0].addr;
			thread->spin_value = seen->spin.words[0].value;
		}
		if (seen == NULL || thread->is_still || thread->call_known || seen->repeat.samples < SAMPLES_LEAST ||
		    seen->repeat.line.nr == NR_RESTART_X86_64 || strchr("RSD", thread->state) == NULL)
			continue;
		fill(d, t, now_ns);
	}
}
