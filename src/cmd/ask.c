#include "cmd/ask.h"

#include "cmd/say.h"
#include "cmd/spinner.h"
#include "hangdog/door.h"

bool hd_ask(int32_t supervisor, const char *request, int timeout_ms, const struct hd_options *options, struct hd_buf *ret_body)
{
	struct hd_err err = {0};
	struct hd_spinner *spinner = hd_spinner_start(options, "still waiting for the hangdog that guards it");
	int r = hd_door_ask(supervisor, request, timeout_ms, ret_body, &err);
	hd_spinner_stop(spinner);
	if (r < 0)
		hd_say("%s", err.text);
	return r >= 0;
}

int hd_ask_each(const struct hd_options *options, hd_find_fn *find, hd_ask_fn *ask, hd_look_fn *look)
{
	int32_t supervisors[HD_PIDS_MAX];
	int worst = 0;
	struct hd_arena *arena = hd_arena_new();
	for (unsigned i = 0; i < options->n_pids; i++)
		supervisors[i] = find(options->pids[i], arena);
	hd_arena_free(arena);
	for (unsigned i = 0; i < options->n_pids; i++) {
		struct hd_options part = *options;
		bool is_done = false;
		part.n_pids = 0;
		for (unsigned k = 0; k < options->n_pids; k++) {
			is_done |= k < i && supervisors[k] == supervisors[i];
			if (supervisors[k] == supervisors[i])
				part.pids[part.n_pids++] = options->pids[k];
		}
		if (is_done)
			continue;
		int status = supervisors[i] > 0 ? ask(supervisors[i], &part) : look(&part);
		worst = status > worst ? status : worst;
	}
	return worst;
}
