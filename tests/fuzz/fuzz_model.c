/* The table of who exists, under events in any order and with any numbers: no crash, no leak, and what it counts agrees
 * with what it lists.  Eight bytes are one event. */
#include <string.h>

#include "hangdog/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hd_event event_of(const uint8_t *b, int64_t time_ns)
{
	struct hd_event ev = {.kind = b[0] % (HD_EV_SIGNAL + 1), .tid = b[1] % 32, .other = b[2] % 32, .pid = b[3] % 32,
			      .start = b[4] % 4, .birth = b[5] % (HD_BIRTH_UNKNOWN + 1), .status = b[6] | b[7] << 8,
			      .signal = b[6] % 65, .time_ns = time_ns};
	memcpy(ev.comm, b, 8);
	if (ev.kind == HD_EV_NEW_PROCESS && (b[5] & 0x80) != 0) {
		ev.fork_arena = hd_arena_new();
		ev.fork = HD_NEW(ev.fork_arena, struct hd_fork);
		ev.fork->parent_threads = b[7];
	}
	return ev;
}

static void check(const struct hd_model *model)
{
	uint64_t total;
	size_t n = hd_model_count(model), hazards = hd_model_hazard_count(model, &total);
	for (size_t i = 0; i < n; i++) {
		const struct hd_model_proc *proc = hd_model_at(model, i);
		HD_ASSERT(hd_model_find(model, proc->pid) == proc && proc->n_threads >= 1 && memchr(proc->comm, '\0', 16) != NULL);
	}
	HD_ASSERT(hazards <= total && hd_model_lost_count(model) <= 64);
	for (size_t i = 0; i < hazards; i++)
		HD_ASSERT(hd_model_hazard(model, i)->parent_threads > 1);
	for (size_t i = 0; i < hd_model_lost_count(model); i++)
		HD_ASSERT(hd_model_lost(model, i)->comm != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hd_model *model = hd_model_new();
	hd_model_want_hazards(model);
	hd_model_add(model, 1, 0, 1, 0);
	for (size_t at = 0; at + 8 <= size; at += 8) {
		struct hd_event ev = event_of(data + at, (int64_t)at);
		hd_model_apply(model, &ev);
	}
	check(model);
	hd_model_lost_clear(model);
	hd_model_free(model);
	return 0;
}
