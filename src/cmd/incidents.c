/* hangdog incidents: the hangs that were recorded, to list, to read, to remove. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/say.h"
#include "hangdog/incident.h"

#define COMMAND_WIDTH 40

struct incidents {
	const struct hd_options *options;
	const char *dir;
	struct hd_arena *arena;
};

static int fail(const struct hd_err *err)
{
	hd_say("%s", err->text);
	return HD_EXIT_ERROR;
}

static int put(const char *text)
{
	if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
		return 0;
	hd_say("standard output cannot be written to: %m");
	return HD_EXIT_ERROR;
}

/* The report of an incident, parsed; NULL if there is none that can be read. */
static json_t *report_of(const struct incidents *in, const char *id)
{
	const char *text;
	if (hd_incident_read(in->dir, id, "report.json", in->arena, &text, NULL) != 0)
		return NULL;
	return json_loads(text, 0, NULL);
}

static const char *text_at(const json_t *report, const char *key, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(report, key));
	return text != NULL ? text : otherwise;
}

static void put_command(const json_t *report, struct hd_buf *out)
{
	struct hd_buf line HD_CLEAN_BUF = {0};
	size_t i;
	json_t *word;
	json_array_foreach(json_object_get(report, "command"), i, word)
	{
		const char *text = json_string_value(word) != NULL ? json_string_value(word) : "?";
		const char *slash = i == 0 && text[0] == '/' ? strrchr(text, '/') : NULL;
		hd_buf_printf(&line, "%s%s", i != 0 ? " " : "", slash != NULL ? slash + 1 : text);
	}
	if (line.len > COMMAND_WIDTH) {
		line.len = COMMAND_WIDTH;
		line.text[line.len] = '\0';
	}
	hd_buf_safe(out, hd_buf_text(&line));
}

static void put_row(const char *id, const json_t *report, struct hd_buf *out)
{
	const json_t *action = json_object_get(report, "action");
	hd_buf_printf(out, "%-34s ", id);
	if (report == NULL) {
		hd_buf_str(out, "(its report cannot be read)\n");
		return;
	}
	struct hd_buf words HD_CLEAN_BUF = {0};
	hd_buf_printf(&words, "%-9s %-15s %-8s ", text_at(report, "certainty", "-"), text_at(report, "cause", "-"), text_at(action, "taken", "-"));
	hd_buf_safe(out, hd_buf_text(&words));
	put_command(report, out);
	hd_buf_char(out, '\n');
}

/* One object an incident: what a script needs to choose one, and where the rest lies. */
static json_t *json_row(const struct incidents *in, const char *id, json_t *report)
{
	static const char *const keys[] = {"time", "host", "root", "command", "verdict", "scope", "certainty", "cause", "summary", "action"};
	json_t *row = json_pack("{s:s, s:o}", "id", id, "path", json_string(hd_arena_printf(in->arena, "%s/%s", in->dir, id)));
	for (size_t i = 0; i < HD_COUNTOF(keys); i++) {
		json_t *value = json_object_get(report, keys[i]);
		json_object_set_new(row, keys[i], value != NULL ? json_incref(value) : json_null());
	}
	return row;
}

static int list(const struct incidents *in)
{
	const char *const *ids;
	size_t n;
	struct hd_err err = {0};
	struct hd_buf out HD_CLEAN_BUF = {0};
	if (in->options->n_operands > 1) {
		hd_say("incidents list: takes no more words");
		return HD_EXIT_ERROR;
	}
	if (hd_incident_list(in->dir, in->arena, &ids, &n, &err) != 0)
		return fail(&err);
	json_t *rows = json_array();
	if (n == 0)
		hd_buf_printf(&out, "No incidents in %s.\n", in->dir);
	else
		hd_buf_printf(&out, "%-34s %-9s %-15s %-8s %s\n", "ID", "CERTAINTY", "CAUSE", "ACTION", "COMMAND");
	for (size_t i = n; i-- > 0;) { /* newest first */
		json_t *report = report_of(in, ids[i]);
		put_row(ids[i], report, &out);
		json_array_append_new(rows, json_row(in, ids[i], report));
		json_decref(report);
	}
	char *text = json_dumps(rows, JSON_INDENT(1));
	int status = in->options->json ? put(hd_arena_printf(in->arena, "%s\n", text)) : put(hd_buf_text(&out));
	free(text);
	json_decref(rows);
	return status;
}

static int show(const struct incidents *in)
{
	const char *id, *text;
	struct hd_err err = {0};
	if (in->options->n_operands != 2) {
		hd_say("incidents show: one ID is needed ('hangdog incidents' lists them; 'last' is the newest)");
		return HD_EXIT_ERROR;
	}
	if (hd_incident_find(in->dir, in->options->operands[1], in->arena, &id, &err) != 0 ||
	    hd_incident_read(in->dir, id, in->options->json ? "report.json" : "report.txt", in->arena, &text, &err) != 0)
		return fail(&err);
	return put(text);
}

static int prune(const struct incidents *in)
{
	size_t removed;
	struct hd_err err = {0};
	if (hd_incident_prune(in->dir, (size_t)in->options->keep, &removed, &err) != 0)
		return fail(&err);
	return put(hd_arena_printf(in->arena, "%zu removed\n", removed));
}

/* All are found before the first is removed. */
static int rm(const struct incidents *in)
{
	int n = in->options->n_operands - 1;
	const char **ids = HD_NEW_N(in->arena, (size_t)n + 1, const char *);
	struct hd_err err = {0};
	if (n == 0 && in->options->keep >= 0)
		return prune(in);
	if (n == 0 || in->options->keep >= 0) {
		hd_say("incidents rm: name the incidents to remove, or give --keep N to keep the newest N");
		return HD_EXIT_ERROR;
	}
	for (int i = 0; i < n; i++) {
		if (hd_incident_find(in->dir, in->options->operands[i + 1], in->arena, &ids[i], &err) != 0)
			return fail(&err);
	}
	for (int i = 0; i < n; i++) {
		if (hd_incident_remove(in->dir, ids[i], &err) != 0)
			return fail(&err);
	}
	return 0;
}

static int dispatch(const struct incidents *in)
{
	static const struct {
		const char *name;
		int (*run)(const struct incidents *in);
	} verbs[] = {{"list", list}, {"show", show}, {"rm", rm}};
	if (in->options->n_operands == 0)
		return list(in);
	for (size_t i = 0; i < HD_COUNTOF(verbs); i++) {
		if (strcmp(verbs[i].name, in->options->operands[0]) == 0)
			return verbs[i].run(in);
	}
	hd_say("incidents: '%.60s' is none of list, show ID, rm ID", in->options->operands[0]);
	return HD_EXIT_ERROR;
}

int hd_cmd_incidents(const struct hd_options *options)
{
	struct incidents in = {.options = options, .arena = hd_arena_new()};
	in.dir = hd_incident_dir(options->incident_dir, in.arena);
	int status = HD_EXIT_ERROR;
	if (in.dir != NULL)
		status = dispatch(&in);
	else
		hd_say("incidents: neither HOME nor XDG_STATE_HOME is set: give --incident-dir DIR");
	hd_arena_free(in.arena);
	return status;
}
