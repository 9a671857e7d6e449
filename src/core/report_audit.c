#include <jansson.h>

#include "audit.h"
#include "report_json.h"

static json_t *fork_json(const struct hd_audit_fork *f)
{
	json_t *others = json_array();
	for (uint32_t i = 0; f->fork != NULL && i < f->fork->n_others; i++) {
		struct hd_audit_thread what = hd_audit_thread(&f->fork->others[i]);
		json_array_append_new(others, json_pack("{s:i, s:o, s:o, s:o, s:b}", "tid", (int)f->fork->others[i].tid, "lock",
							hd_json_text(what.lock), "function", hd_json_text(what.function), "library",
							hd_json_text(what.library), "waiting", what.is_waiting));
	}
	return json_pack("{s:i, s:s, s:b, s:I, s:o, s:o}", "pid", (int)f->pid, "risk", hd_risk_name(hd_audit_risk(f)), "exec", f->has_exec,
			 "parent_threads", (json_int_t)f->parent_threads, "fork", hd_json_fork(f->fork), "threads", others);
}

void hd_audit_json(const struct hd_audit *audit, struct hd_buf *out)
{
	json_t *forks = json_array();
	enum hd_risk worst = HD_RISK_EXEC;
	for (size_t i = 0; i < audit->n; i++) {
		enum hd_risk risk = hd_audit_risk(&audit->forks[i]);
		worst = risk < worst ? risk : worst;
		json_array_append_new(forks, fork_json(&audit->forks[i]));
	}
	json_t *root = json_pack("{s:s, s:s, s:o, s:I, s:I, s:o}", "schema", "hangdog.audit/1", "hangdog", HD_VERSION, "worst",
				 audit->n > 0 ? json_string(hd_risk_name(worst)) : json_null(), "forks_with_threads",
				 (json_int_t)audit->total, "forks_in_all", (json_int_t)audit->all_forks, "forks", forks);
	HD_ASSERT(root != NULL); /* out of memory only */
	hd_json_write(root, out);
}
