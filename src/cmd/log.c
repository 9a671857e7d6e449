#include "cmd/log.h"

#include "cmd/say.h"
#include "hangdog/syslogger.h"

enum { WARNING = 4, NOTICE = 5 }; /* syslog(3) */

static const char *words(const char *const *command, struct hd_arena *arena)
{
	HD_CLEAN_BUF struct hd_buf out = {0};
	for (size_t i = 0; command != NULL && command[i] != NULL; i++)
		hd_buf_printf(&out, "%s%s", i > 0 ? " " : "", command[i]);
	return hd_arena_str(arena, hd_buf_text(&out));
}

static const char *culprits(const struct hd_case *c)
{
	HD_CLEAN_BUF struct hd_buf out = {0};
	for (uint32_t i = 0; i < c->verdict->n_culprits; i++)
		hd_buf_printf(&out, "%s%d", i > 0 ? "," : "", c->snap->procs[c->verdict->culprits[i]].pid);
	return out.len != 0 ? hd_arena_str(c->arena, hd_buf_text(&out)) : NULL;
}

/* A log that is not there is said once. */
static void tell(struct hd_supervisor *s, int priority, const char *message, const struct hd_log_field *fields, size_t n)
{
	struct hd_log_event event = {.priority = priority, .message = message, .fields = fields, .n_fields = n};
	struct hd_err err = {0};
	bool was_said = s->is_log_said;
	s->is_log_said = hd_log_send((enum hd_log)s->options->log, event, &err) < 0;
	if (s->is_log_said && !was_said)
		hd_say("--log: %s", err.text);
}

void hd_log_hang(struct hd_supervisor *s)
{
	const struct hd_case *c = &s->hang;
	if (s->options->log == HD_LOG_NONE)
		return;
	struct hd_log_field fields[] = {
		{"event", "hang"},
		{"id", c->id},
		{"verdict", hd_verdict_name(c->verdict->kind)},
		{"certainty", hd_certainty_name(c->verdict->certainty)},
		{"cause", hd_cause_name(c->verdict->cause)},
		{"root", hd_arena_printf(c->arena, "%d", c->snap->root)},
		{"culprits", culprits(c)},
		{"command", words(s->command, c->arena)},
		{"incident", c->path},
	};
	tell(s, WARNING, c->verdict->summary, fields, HD_COUNTOF(fields));
}

void hd_log_action(struct hd_supervisor *s)
{
	const struct hd_case *c = &s->hang;
	const struct hd_action_note *did = &c->action;
	if (s->options->log == HD_LOG_NONE || did->taken == NULL)
		return;
	struct hd_log_field fields[] = {
		{"event", "action"},
		{"id", c->id},
		{"action", did->taken},
		{"done", did->has_failed ? "no" : "yes"},
		{"result", did->result},
		{"root", hd_arena_printf(c->arena, "%d", c->snap->root)},
		{"incident", c->path},
	};
	const char *message = hd_arena_printf(c->arena, "%s: %s", did->taken, did->result != NULL ? did->result : "done");
	tell(s, did->has_failed ? WARNING : NOTICE, message, fields, HD_COUNTOF(fields));
}
