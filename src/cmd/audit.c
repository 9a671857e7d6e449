#include "cmd/audit.h"

#include <errno.h>
#include <string.h>

#include "cmd/say.h"
#include "hangdog/forkev.h"
#include "hangdog/incident.h"
#include "hangdog/procfs.h"
#include "hangdog/vec.h"

#define RESOLVED_MAX 512u /* unwinding takes milliseconds: of later forks only what was noted anyway is told */

struct hd_audit_log {
	struct hd_arena *arena;
	HD_VEC(struct resolved {
		int32_t pid;
		int64_t time_ns;
		const struct hd_fork *fork;
	}) forks;
};

struct hd_audit_log *hd_audit_log_new(void)
{
	struct hd_audit_log *log = calloc(1, sizeof(*log));
	if (log == NULL)
		abort();
	log->arena = hd_arena_new();
	return log;
}

void hd_audit_log_free(struct hd_audit_log *log)
{
	if (log == NULL)
		return;
	hd_arena_free(log->arena);
	HD_VEC_RELEASE(&log->forks);
	free(log);
}

void hd_audit_log_fork(struct hd_audit_log *log, const struct hd_event *event, struct hd_unwinder *unwinder)
{
	struct hd_mem_live live;
	struct hd_maps maps;
	if (event->fork == NULL || event->fork->n_others == 0 || log->forks.n == RESOLVED_MAX ||
	    hd_mem_live_open(&live, event->other) < 0)
		return;
	struct hd_arena *scratch = hd_arena_new();
	if (hd_procfs_maps(event->other, scratch, &maps) == 0) {
		struct hd_unwind_query query = {.pid = event->other, .start = event->start, .maps = &maps, .mem = &live.mem,
						.generation = maps.n};
		const struct hd_fork *fork = hd_forkev_resolve(event->fork, unwinder, &query, log->arena);
		HD_VEC_PUSH(&log->forks, (struct resolved){event->other, event->fork->time_ns, fork});
		hd_unwinder_drop(unwinder, event->other);
	}
	hd_arena_free(scratch);
	hd_mem_live_close(&live);
}

static const struct hd_fork *resolved(const struct hd_audit_log *log, const struct hd_model_hazard *h)
{
	for (size_t i = 0; h->fork != NULL && i < log->forks.n; i++) {
		if (log->forks.at[i].pid == h->pid && log->forks.at[i].time_ns == h->fork->time_ns)
			return log->forks.at[i].fork;
	}
	return h->fork;
}

static int write_report(const struct hd_audit *audit, const struct hd_options *options, struct hd_err *err)
{
	HD_CLEAN_BUF struct hd_buf out = {0};
	static const struct hd_text_style style = {.verbose = true, .width = 80};
	if (options->json)
		hd_audit_json(audit, &out);
	else
		hd_audit_text(audit, &style, &out);
	if (strcmp(options->report_path, "-") != 0)
		return hd_file_replace(options->report_path, hd_buf_text(&out), out.len, err);
	if (fwrite(out.text, 1, out.len, stdout) != out.len || fflush(stdout) != 0)
		return hd_err_set(err, EIO, "--report -: stdout cannot be written to");
	return 0;
}

void hd_audit_log_tell(const struct hd_audit_log *log, const struct hd_model *model, uint64_t all_forks, bool had_hang,
		       const struct hd_options *options)
{
	struct hd_audit audit = {.all_forks = all_forks, .has_hung = had_hang};
	struct hd_arena *arena = hd_arena_new();
	struct hd_err err = {0};
	audit.n = hd_model_hazard_count(model, &audit.total);
	struct hd_audit_fork *forks = HD_NEW_N(arena, audit.n + 1, struct hd_audit_fork);
	for (size_t i = 0; i < audit.n; i++) {
		const struct hd_model_hazard *h = hd_model_hazard(model, i);
		forks[i] = (struct hd_audit_fork){
			.pid = h->pid, .fork = resolved(log, h), .parent_threads = h->parent_threads, .has_exec = h->has_exec};
	}
	audit.forks = forks;
	HD_CLEAN_BUF struct hd_buf text = {0};
	struct hd_text_style style = hd_say_style(stderr, options);
	style.width = style.width > 9 ? style.width - 9 : style.width;
	hd_audit_text(&audit, &style, &text);
	hd_say_text(hd_buf_text(&text));
	if (options->report_path != NULL && !had_hang && write_report(&audit, options, &err) < 0)
		hd_say("%s", err.text);
	hd_arena_free(arena);
}
