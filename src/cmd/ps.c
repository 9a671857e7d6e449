/* hangdog ps: the supervisors of this user that run now. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "cmd/cmd.h"
#include "cmd/say.h"
#include "hangdog/door.h"

#define ASK_MS 2000

struct heard {
	const int32_t *pids;
	json_t **rows;
};

/* One that is stopped, or busy for long, is shown as such; one that has just ended is not. */
static bool note_status(void *ctx, size_t i, int result, const struct hd_buf *body)
{
	struct heard *heard = ctx;
	if (result == 0)
		heard->rows[i] = json_loadb(hd_buf_text(body), body->len, 0, NULL);
	else if (result == -ETIMEDOUT)
		heard->rows[i] = json_pack("{s:i, s:n, s:s, s:n, s:n, s:n, s:n, s:n, s:[]}", "supervisor", (int)heard->pids[i], "root",
					   "state", "silent", "age_ms", "processes", "looks", "threads", "verdict", "command");
	return false;
}

static json_t *all_rows(const int32_t *pids, size_t n, struct hd_arena *arena)
{
	json_t *all = json_array();
	struct heard heard = {pids, HD_NEW_N(arena, n + 1, json_t *)};
	hd_door_ask_all(pids, n, "status", ASK_MS, note_status, &heard);
	for (size_t i = 0; i < n; i++) {
		if (heard.rows[i] != NULL)
			json_array_append_new(all, heard.rows[i]);
	}
	return all;
}

static void age_text(json_int_t ms, char *ret, size_t cap)
{
	json_int_t s = ms / 1000;
	if (s < 60)
		snprintf(ret, cap, "%llds", (long long)s);
	else if (s < 3600)
		snprintf(ret, cap, "%lldm%02llds", (long long)(s / 60), (long long)(s % 60));
	else
		snprintf(ret, cap, "%lldh%02lldm", (long long)(s / 3600), (long long)(s / 60 % 60));
}

static void print_row(const json_t *status)
{
	HD_CLEAN_BUF struct hd_buf command = {0};
	char age[32];
	size_t i;
	json_t *word;
	const char *verdict = json_string_value(json_object_get(status, "verdict"));
	if (verdict == NULL) {
		printf("%-10lld does not answer: it is busy, or stopped\n", json_integer_value(json_object_get(status, "supervisor")));
		return;
	}
	age_text(json_integer_value(json_object_get(status, "age_ms")), age, sizeof(age));
	json_array_foreach(json_object_get(status, "command"), i, word)
	{
		if (i > 0)
			hd_buf_char(&command, ' ');
		hd_buf_safe(&command, json_string_value(word) != NULL ? json_string_value(word) : "?");
	}
	printf("%-10lld %-8lld %-8s %-8s %-6lld %-8lld %-10s %s\n", json_integer_value(json_object_get(status, "supervisor")),
	       json_integer_value(json_object_get(status, "root")),
	       json_string_value(json_object_get(status, "state")) != NULL ? json_string_value(json_object_get(status, "state")) : "?", age,
	       json_integer_value(json_object_get(status, "processes")), json_integer_value(json_object_get(status, "threads")),
	       verdict, hd_buf_text(&command));
}

int hd_cmd_ps(const struct hd_options *options)
{
	struct hd_arena *arena = hd_arena_new();
	int32_t *pids = NULL;
	size_t n = 0, i;
	json_t *row;
	int r = hd_door_list(arena, &pids, &n);
	json_t *all = all_rows(pids, r == 0 ? n : 0, arena);
	if (r < 0) {
		hd_say("the folder of the supervisors' sockets cannot be read: %s", strerror(-r));
	} else if (options->json) {
		json_dumpf(all, stdout, JSON_INDENT(2));
		putchar('\n');
	} else if (json_array_size(all) == 0) {
		puts("No hangdog of yours guards anything now. Start one: hangdog run -- COMMAND");
	} else {
		printf("%-10s %-8s %-8s %-8s %-6s %-8s %-10s %s\n", "SUPERVISOR", "ROOT", "STATE", "AGE", "PROCS", "THREADS", "VERDICT", "COMMAND");
		json_array_foreach(all, i, row)
			print_row(row);
	}
	json_decref(all);
	hd_arena_free(arena);
	return r < 0 ? HD_EXIT_ERROR : 0;
}
