/* The supervisor's answers to clients of its door (ps, why, dump, ctl, top). */
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "cmd/supervisor.h"
#include "hangdog/num.h"

typedef bool answer_fn(struct hd_supervisor *s, const char *rest, struct hd_buf *reply);

static bool answer_guards(struct hd_supervisor *s, const char *rest, struct hd_buf *reply)
{
	int64_t pid;
	bool is_ours = hd_parse_i64(rest, &pid) == 0 && pid > 0 && pid <= INT32_MAX &&
		       hd_model_find(s->model, (int32_t)pid) != NULL;
	hd_buf_str(reply, is_ours ? "yes" : "no");
	return true;
}

static bool answer_status(struct hd_supervisor *s, const char *rest, struct hd_buf *reply)
{
	(void)rest;
	json_t *command = json_array();
	for (const char *const *word = s->command; word != NULL && *word != NULL; word++)
		json_array_append_new(command, json_stringn_nocheck(*word, strlen(*word)));
	const char *verdict = s->has_hang ? hd_verdict_name(s->hang.verdict->kind) : "none";
	json_t *status = json_pack("{s:i, s:i, s:I, s:I, s:I, s:I, s:s, s:o}", "supervisor", (int)getpid(), "root",
				   (int)hd_tracer_root(s->tracer), "age_ms", (json_int_t)(hd_now_ms() - s->started_ms),
				   "processes", (json_int_t)hd_model_count(s->model), "looks", (json_int_t)s->count.looks,
				   "threads", (json_int_t)s->threads, "verdict", verdict, "command", command);
	char *text = status != NULL ? json_dumps(status, JSON_COMPACT) : NULL;
	json_decref(status);
	if (text == NULL)
		return false;
	hd_buf_str(reply, text);
	free(text);
	return true;
}

/* By first word of the request. */
static const struct {
	const char *word;
	answer_fn *answer;
} answers[] = {
	{"guards", answer_guards},
	{"status", answer_status},
};

bool hd_supervisor_answer(void *supervisor, const char *request, struct hd_buf *reply)
{
	size_t len = strcspn(request, " ");
	const char *rest = request + len + (request[len] == ' ');
	for (size_t i = 0; i < HD_COUNTOF(answers); i++) {
		if (strlen(answers[i].word) == len && strncmp(answers[i].word, request, len) == 0)
			return answers[i].answer(supervisor, rest, reply);
	}
	hd_buf_str(reply, "this hangdog does not know that request: is it of another version?");
	return false;
}
