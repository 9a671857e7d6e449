#include "cmd/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/nearest.h"
#include "hangdog/buf.h"
#include "hangdog/num.h"

enum {
#define COMMAND(id, ...) ROW_##id,
#include "cmd/commands.def"
#undef COMMAND
};
enum {
#define COMMAND(id, ...) id = 1 << ROW_##id,
#include "cmd/commands.def"
#undef COMMAND
	ALL = ~0
};

const struct hd_command hd_commands[] = {
#define COMMAND(id, name, synopsis, operands, least, most, summary, text)                                              \
	{id, #name, synopsis, operands, least, most, summary, text, hd_cmd_##name},
#include "cmd/commands.def"
#undef COMMAND
};
const size_t hd_commands_n = HD_COUNTOF(hd_commands);

/* Each list follows its enum. */
static const char *const follow_words[] = {"ptrace", "observe", NULL};
static const char *const evidence_words[] = {"off", "light", "full", NULL};
static const char *const log_words[] = {"none", "syslog", "journald", NULL};
static const char *const color_words[] = {"auto", "always", "never", NULL};
static const char *const certainty_words[] = {"", "suspected", "owned", "proven", NULL};
const char *const hd_ctl_words[] = {"dump", "why", "kill", "restart", "heal", "detach", NULL};
static const char *const progress_words[] = {"output", "cpu", "gpu", "file:GLOB", NULL};
static const char *const action_words[] = {"report", "heal", "kill", "restart", "stop", "kill-child", "exec:COMMAND", NULL};

#define AT(field) offsetof(struct hd_options, field)
#define FLAG(field, value) HD_OPTION_FLAG, AT(field), value, 0, NULL
#define NUMBER(field, low, high) HD_OPTION_NUMBER, AT(field), low, high, NULL
#define SECONDS(field, low, high) HD_OPTION_SECONDS, AT(field), low, high, NULL
#define ONE_OF(field, words) HD_OPTION_WORD, AT(field), 0, 0, words
#define TEXT(field) HD_OPTION_TEXT, AT(field), 0, 0, NULL
#define CURES(field) HD_OPTION_CURES, AT(field), 0, 0, NULL
#define PROGRESS(field) HD_OPTION_PROGRESS, AT(field), 0, 0, progress_words
#define ACTIONS(field) HD_OPTION_ACTIONS, AT(field), 0, 0, action_words
#define HELP HD_OPTION_HELP, 0, 0, 0, NULL

const struct hd_option hd_option_table[] = {
#define OPTION(group, commands, name, letter, arg, type, help)                                                         \
	{HD_GROUP_##group, (unsigned)(commands), name, letter, arg, type, help},
#include "cmd/options.def"
#undef OPTION
};
const size_t hd_option_table_n = HD_COUNTOF(hd_option_table);

/* ---- one value ---- */

static int find_word(const char *const *words, const char *text)
{
	for (int i = 0; words[i] != NULL; i++) {
		if (*words[i] != '\0' && strcmp(words[i], text) == 0)
			return i;
	}
	return -1;
}

static int bad_word(struct hd_err *err, const char *what, const char *text, const char *const *words)
{
	struct hd_nearest near = {text, NULL, 0};
	HD_CLEAN_BUF struct hd_buf list = {0};
	for (int i = 0; words[i] != NULL; i++) {
		if (*words[i] == '\0')
			continue;
		if (list.len != 0)
			hd_buf_str(&list, ", ");
		hd_buf_str(&list, words[i]);
		hd_nearest_offer(&near, words[i]);
	}
	if (near.best != NULL)
		return hd_err_set(err, EINVAL, "%s: no such value '%s', did you mean '%s'? (one of: %s)", what, text,
				  near.best, hd_buf_text(&list));
	return hd_err_set(err, EINVAL, "%s: no such value '%s' (one of: %s)", what, text, hd_buf_text(&list));
}

static int set_number(const struct hd_option *o, const char *text, int64_t *field, struct hd_err *err)
{
	int64_t value;
	if (hd_parse_i64(text, &value) != 0 || value < o->low || value > o->high)
		return hd_err_set(err, EINVAL, "--%s: '%s' is not a whole number from %lld to %lld", o->name, text,
				  (long long)o->low, (long long)o->high);
	*field = value;
	return 0;
}

/* Digits, and up to three of them after a point. */
static bool take_seconds(const char *text, uint64_t high, int64_t *ret_ms)
{
	uint64_t whole, part = 0;
	if (!hd_take_u64(&text, 10, &whole) || whole > high)
		return false;
	if (*text == '.') {
		const char *from = ++text;
		if (!hd_take_u64(&text, 10, &part) || text - from > 3)
			return false;
		for (ptrdiff_t digits = text - from; digits < 3; digits++)
			part *= 10;
	}
	*ret_ms = (int64_t)(whole * 1000 + part);
	return *text == '\0';
}

static int set_seconds(const struct hd_option *o, const char *text, int64_t *field, struct hd_err *err)
{
	int64_t ms;
	if (!take_seconds(text, (uint64_t)o->high, &ms))
		return hd_err_set(err, EINVAL,
				  "--%s: '%s' is not a number of seconds from %lld to %lld (like 2 or 0.25)", o->name,
				  text, (long long)o->low, (long long)o->high);
	*field = ms;
	return 0;
}

static int add_progress(const char *text, struct hd_progress *p, struct hd_err *err)
{
	if (strncmp(text, "file:", 5) == 0 && text[5] != '\0') {
		if (p->n_globs == HD_GLOBS_MAX)
			return hd_err_set(err, EINVAL, "--progress: more than %d file patterns", HD_GLOBS_MAX);
		p->globs[p->n_globs++] = text + 5;
		return 0;
	}
	bool *flags[] = {&p->output, &p->cpu, &p->gpu};
	int i = find_word(progress_words, text);
	if (i < 0 || i >= (int)HD_COUNTOF(flags))
		return bad_word(err, "--progress", text, progress_words);
	*flags[i] = true;
	return 0;
}

/* The end of an exec: command: a comma that another action follows, or the end of the text.  Other commas are the
 * command's own. */
static char *exec_end(char *command)
{
	for (char *p = command; (p = strchr(p, ',')) != NULL; p++) {
		char word[16] = "";
		size_t len = strcspn(p + 1, ",");
		if (strncmp(p + 1, "exec:", 5) == 0)
			return p;
		if (len >= sizeof(word))
			continue;
		memcpy(word, p + 1, len);
		int i = find_word(action_words, word);
		if (i >= 0 && i < HD_ACTION_EXEC)
			return p;
	}
	return command + strlen(command);
}

/* Cuts `text` (of argv, ours to write to) at the commas. */
static int add_actions(char *text, struct hd_actions *actions, struct hd_err *err)
{
	for (bool is_last = false; !is_last;) {
		bool is_exec = strncmp(text, "exec:", 5) == 0 && text[5] != '\0';
		char *end = is_exec ? exec_end(text + 5) : text + strcspn(text, ",");
		is_last = *end == '\0';
		*end = '\0';
		int i = is_exec ? HD_ACTION_EXEC : find_word(action_words, text);
		if (i < 0 || (i == HD_ACTION_EXEC && !is_exec))
			return bad_word(err, "--on-hang", text, action_words);
		if (actions->n == HD_ACTIONS_MAX)
			return hd_err_set(err, EINVAL, "--on-hang: more than %d actions", HD_ACTIONS_MAX);
		actions->at[actions->n++] = (struct hd_action){(enum hd_action_kind)i, is_exec ? text + 5 : NULL};
		text = end + 1;
	}
	return 0;
}

static int set_value(const struct hd_option *o, char *text, struct hd_options *to, struct hd_err *err)
{
	HD_ASSERT(o != NULL);
	void *field = (char *)to + o->at;
	int word;
	switch (o->type) {
	case HD_OPTION_FLAG:
		*(bool *)field = o->low != 0;
		return 0;
	case HD_OPTION_NUMBER:
		return set_number(o, text, field, err);
	case HD_OPTION_SECONDS:
		return set_seconds(o, text, field, err);
	case HD_OPTION_WORD:
		word = find_word(o->words, text);
		if (word < 0) {
			char what[64] = "--";
			return bad_word(err, strncat(what, o->name, sizeof(what) - 3), text, o->words);
		}
		*(int *)field = word;
		return 0;
	case HD_OPTION_TEXT:
	case HD_OPTION_CURES:
		if (*text == '\0')
			return hd_err_set(err, EINVAL, "--%s: %s is empty: give a value, or leave the option out", o->name, o->arg);
		*(const char **)field = text;
		return 0;
	case HD_OPTION_PROGRESS:
		return add_progress(text, field, err);
	case HD_OPTION_ACTIONS:
		return add_actions(text, field, err);
	case HD_OPTION_HELP:
		to->help = true;
		return 0;
	}
	return 0;
}

/* ---- the whole line ---- */

#define SHORT_MAX 32
#define LONG_FIRST 256 /* getopt values of rows: LONG_FIRST + row */

struct getopt_tables {
	char letters[2 * SHORT_MAX];
	struct option names[HD_COUNTOF(hd_option_table) + 1];
};

static void fill_getopt(const struct hd_command *command, struct getopt_tables *t)
{
	size_t letters = 0, names = 0;
	memset(t, 0, sizeof(*t));
	if (command->operands == HD_OPERANDS_COMMAND)
		t->letters[letters++] = '+'; /* what follows COMMAND is COMMAND's */
	t->letters[letters++] = ':';
	for (size_t i = 0; i < hd_option_table_n; i++) {
		const struct hd_option *o = &hd_option_table[i];
		if (!(o->commands & command->bit))
			continue;
		t->names[names++] = (struct option){o->name, o->arg != NULL ? required_argument : no_argument, NULL,
						    LONG_FIRST + (int)i};
		if (o->letter != '\0')
			t->letters[letters++] = o->letter;
		if (o->letter != '\0' && o->arg != NULL)
			t->letters[letters++] = ':';
	}
}

static const struct hd_option *option_of(const struct hd_command *command, int got)
{
	if (got >= LONG_FIRST)
		return &hd_option_table[got - LONG_FIRST];
	for (size_t i = 0; i < hd_option_table_n; i++) {
		if ((hd_option_table[i].commands & command->bit) && hd_option_table[i].letter == got)
			return &hd_option_table[i];
	}
	return NULL;
}

static bool exists_elsewhere(const char *name)
{
	for (size_t i = 0; i < hd_option_table_n; i++) {
		if (strcmp(hd_option_table[i].name, name) == 0)
			return true;
	}
	return false;
}

/* getopt said '?' or ':'; `word` is the argument that it was looking at. */
static int bad_option(const struct hd_command *command, int got, const char *word, struct hd_err *err)
{
	const struct hd_option *o = option_of(command, optopt);
	if (got == ':' && o != NULL)
		return hd_err_set(err, EINVAL, "%s: --%s needs %s behind it (see hangdog %s --help)", command->name, o->name,
				  o->arg, command->name);
	if (optopt >= LONG_FIRST && o != NULL)
		return hd_err_set(err, EINVAL, "%s: --%s takes no value: write it alone", command->name, o->name);
	if (optopt != 0)
		return hd_err_set(err, EINVAL, "%s: no such option -%c (see hangdog %s --help)", command->name, optopt,
				  command->name);
	char name[64];
	snprintf(name, sizeof(name), "%s", word + strspn(word, "-"));
	name[strcspn(name, "=")] = '\0';
	if (exists_elsewhere(name))
		return hd_err_set(err, EINVAL, "%s has no option --%s, other commands do (see hangdog --help)",
				  command->name, name);
	struct hd_nearest near = {name, NULL, 0};
	unsigned same_start = 0;
	for (size_t i = 0; i < hd_option_table_n; i++) {
		if (!(hd_option_table[i].commands & command->bit))
			continue;
		hd_nearest_offer(&near, hd_option_table[i].name);
		same_start += strncmp(hd_option_table[i].name, name, strlen(name)) == 0;
	}
	if (same_start > 1)
		return hd_err_set(err, EINVAL, "%s: --%s could be several options: write it out (see hangdog %s --help)",
				  command->name, name, command->name);
	if (near.best != NULL)
		return hd_err_set(err, EINVAL, "%s: no such option --%s, did you mean --%s?", command->name, name,
				  near.best);
	return hd_err_set(err, EINVAL, "%s: no such option --%s (see hangdog %s --help)", command->name, name,
			  command->name);
}

static int add_pid(const char *text, struct hd_options *to, struct hd_err *err)
{
	int64_t pid;
	if (hd_parse_i64(text, &pid) != 0 || pid <= 0 || pid > INT32_MAX)
		return hd_err_set(err, EINVAL, "%s: '%s' is not a process id: give a number, as ps or pgrep print it",
				  to->command->name, text);
	to->pids[to->n_pids++] = (int32_t)pid;
	return 0;
}

static int take_operands(struct hd_options *to, struct hd_err *err)
{
	const struct hd_command *c = to->command;
	if (to->n_operands < c->least)
		return hd_err_set(err, EINVAL, "%s: %s is missing (usage: hangdog %s [OPTIONS] %s)", c->name,
				  c->operands == HD_OPERANDS_COMMAND ? "COMMAND"
				  : c->operands == HD_OPERANDS_FILE  ? c->synopsis
				  : to->n_operands == 0              ? "a process id"
								     : "ACTION",
				  c->name, c->synopsis);
	if (to->n_operands > c->most)
		return hd_err_set(err, EINVAL, "%s: one operand too many: '%s' (usage: hangdog %s [OPTIONS]%s%s)", c->name,
				  to->operands[c->most], c->name, *c->synopsis != '\0' ? " " : "", c->synopsis);
	int n_pids = c->operands == HD_OPERANDS_PIDS ? to->n_operands : c->operands == HD_OPERANDS_CTL ? 1 : 0;
	for (int i = 0; i < n_pids; i++) {
		int r = add_pid(to->operands[i], to, err);
		if (r != 0)
			return r;
	}
	if (c->operands == HD_OPERANDS_CTL) {
		to->ctl = find_word(hd_ctl_words, to->operands[1]);
		if (to->ctl < 0)
			return bad_word(err, "ctl", to->operands[1], hd_ctl_words);
	}
	return 0;
}

static void set_defaults(struct hd_options *o)
{
	if (o->actions.n == 0)
		o->actions.at[o->actions.n++] = (struct hd_action){HD_ACTION_REPORT, NULL};
	struct hd_progress *p = &o->progress;
	if (!p->output && !p->cpu && !p->gpu && p->n_globs == 0)
		p->output = p->cpu = true;
	if (!o->native && !o->python)
		o->native = o->python = true;
	const char *end = o->report_path != NULL ? strrchr(o->report_path, '.') : NULL;
	if (end != NULL && strcmp(end, ".json") == 0)
		o->json = true;
}

int hd_options_parse(const struct hd_command *command, int argc, char *argv[], struct hd_options *ret,
		     struct hd_err *err)
{
	struct hd_options o = {
		.command = command,
		.interval_ms = 100,
		.stall_ms = 300 * INT64_C(1000),
		.term_timeout_ms = 10 * INT64_C(1000),
		.restart_delay_ms = 1000,
		.max_restarts = 3,
		.keep = -1,
		.evidence = HD_EVIDENCE_LIGHT,
		.certainty = HD_CERT_OWNED,
		.cure = "auto",
		.tree = true,
	};
	struct getopt_tables t;
	fill_getopt(command, &t);
	opterr = 0;
	optind = 0;
	for (int got, r; (got = getopt_long(argc, argv, t.letters, t.names, NULL)) != -1;) {
		if (got == '?' || got == ':')
			return bad_option(command, got, argv[optind - 1], err);
		r = set_value(option_of(command, got), optarg, &o, err);
		if (r != 0)
			return r;
	}
	o.operands = argv + optind;
	o.n_operands = argc - optind;
	int r = o.help ? 0 : take_operands(&o, err);
	if (r != 0)
		return r;
	set_defaults(&o);
	*ret = o;
	return 0;
}

int hd_command_find(const char *name, const struct hd_command **ret, struct hd_err *err)
{
	struct hd_nearest near = {name, NULL, 0};
	for (size_t i = 0; i < hd_commands_n; i++) {
		if (strcmp(hd_commands[i].name, name) == 0) {
			*ret = &hd_commands[i];
			return 0;
		}
		hd_nearest_offer(&near, hd_commands[i].name);
	}
	if (near.best != NULL)
		return hd_err_set(err, EINVAL, "no such command '%s', did you mean '%s'?", name, near.best);
	return hd_err_set(err, EINVAL,
			  "no such command '%s' (see hangdog --help; to guard a program: hangdog run -- %s)", name,
			  name);
}

int hd_option_unknown(const char *word, struct hd_err *err)
{
	static const char *const ours[] = {"--help", "--version", "-h", "-V"};
	char name[64];
	snprintf(name, sizeof(name), "%s", word);
	name[strcspn(name, "=")] = '\0';
	const char *bare = name + strspn(name, "-");
	bool is_long = bare - name == 2;
	struct hd_nearest near = {name, NULL, 0};
	if (is_long && exists_elsewhere(bare))
		return hd_err_set(err, EINVAL, "%s belongs behind a command: hangdog COMMAND %s (see hangdog --help)", name, name);
	for (size_t i = 0; i < HD_COUNTOF(ours); i++) {
		if (is_long)
			hd_nearest_offer(&near, ours[i]);
		else if (strcasecmp(name, ours[i]) == 0) /* one letter is near to every other */
			near.best = ours[i];
	}
	if (near.best != NULL)
		return hd_err_set(err, EINVAL, "no such option %s, did you mean %s?", name, near.best);
	return hd_err_set(err, EINVAL, "no such option %s before a command (see hangdog --help)", name);
}
