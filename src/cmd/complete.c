#include "cmd/complete.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

#include "cmd/options.h"
#include "core/report_words.h"
#include "hangdog/cure.h"
#include "hangdog/door.h"
#include "hangdog/incident.h"
#include "hangdog/procfs.h"
#include "os/procfile.h"

#define HINT_MAX 60
#define ASK_MS 300 /* a supervisor that is busy for longer is offered without its command */

/* The line so far, read from the left. */
struct line {
	const struct hd_command *command;
	const struct hd_option *pending; /* takes the last word as its value */
	bool is_only_operands;           /* after -- */
	int n_operands;                  /* before the last word */
	const char *operands[HD_PIDS_MAX];
	const char *incident_dir;
	const char *word;                /* the last one */
	struct hd_arena *arena;
	struct hd_buf *out;
};

/* Of the last whole word that a hint has room for. */
static size_t end_of_words(const char *text)
{
	for (size_t i = HINT_MAX - 3; i > HINT_MAX / 2; i--) {
		if (text[i] == ' ')
			return i;
	}
	return HINT_MAX - 3;
}

/* `head` stays in front of what is completed. */
static void offer(const struct line *line, const char *head, const char *candidate, const char *hint)
{
	size_t len = strlen(head);
	HD_CLEAN_BUF struct hd_buf text = {0};
	if (strncmp(line->word, head, len) != 0 || strncmp(candidate, line->word + len, strlen(line->word + len)) != 0)
		return;
	hd_buf_printf(line->out, "%s%s", head, candidate);
	if (hint != NULL) {
		hd_buf_add(&text, hint, strlen(hint) <= HINT_MAX ? strlen(hint) : end_of_words(hint));
		hd_buf_char(line->out, '\t');
		hd_buf_safe(line->out, hd_buf_text(&text));
		hd_buf_str(line->out, text.len < strlen(hint) ? "..." : "");
	}
	hd_buf_char(line->out, '\n');
}

/* ---- what the machine knows ---------------------------------------------------------------------------------------- */

static const char *command_hint(const struct line *line, const char *const *argv)
{
	HD_CLEAN_BUF struct hd_buf text = {0};
	hd_words_command(argv, HINT_MAX - 3, &text);
	return hd_arena_strn(line->arena, hd_buf_text(&text), text.len);
}

static bool is_there(const struct line *line, const char *word)
{
	for (int i = 0; i < line->n_operands; i++) {
		if (strcmp(line->operands[i], word) == 0)
			return true;
	}
	return false;
}

/* Those that the user may look into, and no kernel threads. */
static int offer_process(void *ctx, int32_t pid)
{
	const struct line *line = ctx;
	struct stat st;
	char path[32], word[16];
	snprintf(path, sizeof(path), "/proc/%d", pid);
	snprintf(word, sizeof(word), "%d", pid);
	if (pid == getpid() || is_there(line, word) || (geteuid() != 0 && (stat(path, &st) != 0 || st.st_uid != geteuid())))
		return 0;
	const char *const *argv = hd_procfs_argv(pid, line->arena);
	if (argv != NULL && argv[0] != NULL)
		offer(line, "", word, command_hint(line, argv));
	return 0;
}

static const char *status_command(const struct line *line, const json_t *status)
{
	const json_t *words = json_object_get(status, "command");
	const char **argv = HD_NEW_N(line->arena, json_array_size(words) + 1, const char *);
	size_t i;
	json_t *word;
	json_array_foreach(words, i, word)
		argv[i] = json_string_value(word) != NULL ? json_string_value(word) : "?";
	return command_hint(line, argv);
}

static bool offer_guarded(void *ctx, size_t i, int result, const struct hd_buf *body)
{
	const struct line *line = ctx;
	(void)i;
	json_t *status = result == 0 ? json_loadb(hd_buf_text(body), body->len, 0, NULL) : NULL;
	json_int_t root = json_integer_value(json_object_get(status, "root"));
	if (root > 0)
		offer(line, "", hd_arena_printf(line->arena, "%lld", root), status_command(line, status));
	json_decref(status);
	return false;
}

static void offer_all_guarded(struct line *line)
{
	int32_t *pids;
	size_t n;
	if (hd_door_list(line->arena, &pids, &n) == 0)
		hd_door_ask_all(pids, n, "status", ASK_MS, offer_guarded, line);
}

static void offer_incident(const struct line *line, const char *dir, const char *id)
{
	const char *text;
	struct hd_err unused;
	json_t *report = hd_incident_read(dir, id, "report.json", line->arena, &text, &unused) == 0 ? json_loads(text, 0, NULL) : NULL;
	const char *cause = json_string_value(json_object_get(report, "cause"));
	offer(line, "", id, hd_arena_printf(line->arena, "%s: %s", cause != NULL ? cause : "?", status_command(line, report)));
	json_decref(report);
}

static void offer_incidents(const struct line *line)
{
	const char *dir = hd_incident_dir(line->incident_dir, line->arena);
	const char *const *ids;
	size_t n;
	struct hd_err unused;
	if (dir == NULL || hd_incident_list(dir, line->arena, &ids, &n, &unused) < 0)
		return;
	if (n > 0)
		offer(line, "", "last", "the newest");
	for (size_t i = n; i-- > 0;) {
		if (!is_there(line, ids[i]))
			offer_incident(line, dir, ids[i]);
	}
}

/* ---- what the tables know ------------------------------------------------------------------------------------------ */

/* "file:GLOB" is offered as "file:". */
static void offer_words(const struct line *line, const char *head, const char *const *words)
{
	for (size_t i = 0; words[i] != NULL; i++) {
		const char *colon = strchr(words[i], ':');
		size_t len = colon != NULL ? (size_t)(colon + 1 - words[i]) : strlen(words[i]);
		if (len > 0)
			offer(line, head, hd_arena_strn(line->arena, words[i], len), NULL);
	}
}

static void offer_cures(const struct line *line, const char *head, bool is_first)
{
	if (is_first) {
		offer(line, head, "auto", "what the hang asks for");
		offer(line, head, "none", "change nothing");
	}
	const struct hd_cure *cure;
	for (size_t i = 0; (cure = hd_cure_at(i)) != NULL; i++)
		offer(line, head, cure->name, cure->fixes);
}

/* `head`: what stands before the value in the same word ("--cure=", or nothing). */
static void offer_values(const struct line *line, const struct hd_option *o, const char *head)
{
	const char *comma = strrchr(line->word + strlen(head), ',');
	bool is_list = comma != NULL && (o->type == HD_OPTION_ACTIONS || o->type == HD_OPTION_CURES);
	if (is_list)
		head = hd_arena_strn(line->arena, line->word, (size_t)(comma + 1 - line->word));
	if (o->type == HD_OPTION_CURES)
		offer_cures(line, head, !is_list);
	else if (o->words != NULL)
		offer_words(line, head, o->words);
	else if (strcmp(o->arg, "FILE") == 0)
		hd_buf_str(line->out, ":files\n");
	else if (strcmp(o->arg, "DIR") == 0)
		hd_buf_str(line->out, ":dirs\n");
}

static void offer_options(const struct line *line)
{
	for (size_t i = 0; i < hd_option_table_n; i++) {
		const struct hd_option *o = &hd_option_table[i];
		if (o->commands & line->command->bit)
			offer(line, "--", o->name, o->help);
	}
}

static void offer_operands(struct line *line)
{
	static const char *const verbs[] = {"list", "show", "rm", NULL};
	switch (line->command->operands) {
	case HD_OPERANDS_NONE:
	case HD_OPERANDS_COMMAND:
		return;
	case HD_OPERANDS_PIDS:
		if (line->n_operands < line->command->most && hd_procfile_numbers(offer_process, line, "/proc") < 0)
			return; /* without /proc nothing is offered */
		return;
	case HD_OPERANDS_CTL:
		if (line->n_operands == 0)
			offer_all_guarded(line);
		else if (line->n_operands == 1)
			offer_words(line, "", hd_ctl_words);
		return;
	case HD_OPERANDS_INCIDENTS:
		if (line->n_operands == 0)
			offer_words(line, "", verbs);
		else if (strcmp(line->operands[0], "list") != 0)
			offer_incidents(line);
		return;
	case HD_OPERANDS_FILE:
		hd_buf_str(line->out, ":files\n");
		return;
	}
}

/* ---- the line ------------------------------------------------------------------------------------------------------ */

/* "--name" or "--name=..." or "-x" of this command; NULL = no such option. */
static const struct hd_option *option_named(const struct line *line, const char *word, size_t len)
{
	for (size_t i = 0; i < hd_option_table_n; i++) {
		const struct hd_option *o = &hd_option_table[i];
		bool is_long = strlen(o->name) + 2 == len && strncmp(word, "--", 2) == 0 && strncmp(word + 2, o->name, len - 2) == 0;
		if ((o->commands & line->command->bit) && (is_long || (len == 2 && o->letter != '\0' && word[1] == o->letter)))
			return o;
	}
	return NULL;
}

/* One word before the last. */
static void read_word(struct line *line, const char *word)
{
	if (line->pending != NULL) {
		if (strcmp(line->pending->name, "incident-dir") == 0)
			line->incident_dir = word;
		line->pending = NULL;
	} else if (word[0] == '-' && word[1] != '\0' && !line->is_only_operands) {
		line->is_only_operands = strcmp(word, "--") == 0;
		const struct hd_option *o = option_named(line, word, strlen(word));
		line->pending = o != NULL && o->arg != NULL ? o : NULL;
		if (strncmp(word, "--incident-dir=", 15) == 0)
			line->incident_dir = word + 15;
	} else if (line->n_operands < HD_PIDS_MAX) {
		line->operands[line->n_operands++] = word;
	}
}

static void complete_last(struct line *line)
{
	const char *equals = strchr(line->word, '=');
	const struct hd_option *o = equals != NULL ? option_named(line, line->word, (size_t)(equals - line->word)) : NULL;
	if (line->pending != NULL)
		offer_values(line, line->pending, "");
	else if (o != NULL && o->arg != NULL && !line->is_only_operands)
		offer_values(line, o, hd_arena_strn(line->arena, line->word, (size_t)(equals + 1 - line->word)));
	else if (line->word[0] == '-' && !line->is_only_operands)
		offer_options(line);
	else
		offer_operands(line);
}

static void complete_first(const struct line *line)
{
	for (size_t i = 0; i < hd_commands_n; i++)
		offer(line, "", hd_commands[i].name, hd_commands[i].summary);
	offer(line, "", "--help", NULL);
	offer(line, "", "--version", NULL);
}

/* Where the command line of `run` begins, -1 = not yet.  Reads all words but the last. */
static int read_words(struct line *line, int n, char *const words[])
{
	bool has_command = line->command->operands == HD_OPERANDS_COMMAND;
	for (int i = 1; i < n - 1; i++) {
		read_word(line, words[i]);
		if (has_command && line->n_operands > 0)
			return i;
	}
	bool is_operand = line->is_only_operands || line->word[0] != '-';
	return has_command && is_operand && line->pending == NULL ? n - 1 : -1;
}

void hd_complete(int n, char *const words[], struct hd_buf *out)
{
	struct hd_err unused;
	struct line line = {.word = n > 0 ? words[n - 1] : "", .out = out, .arena = hd_arena_new()};
	if (n <= 1) {
		complete_first(&line);
	} else if (hd_command_find(words[0], &line.command, &unused) == 0) {
		int at = read_words(&line, n, words);
		if (at >= 0)
			hd_buf_printf(out, ":command %d\n", at);
		else
			complete_last(&line);
	}
	hd_arena_free(line.arena);
}
