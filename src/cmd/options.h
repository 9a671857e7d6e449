/* The command line as plain data.  One table of commands (commands.def) and one of options (options.def) give the parser,
 * the help, the man page, the completions and the README table.  Nothing here prints or exits; texts point into argv. */
#ifndef HD_CMD_OPTIONS_H
#define HD_CMD_OPTIONS_H

#include <limits.h>

#include "hangdog/err.h"
#include "hangdog/forkev.h"
#include "hangdog/judge.h"
#include "hangdog/policy.h"

#define HD_PIDS_MAX 64
#define HD_GLOBS_MAX 16

struct hd_options;

enum hd_operands {
	HD_OPERANDS_NONE = 0,
	HD_OPERANDS_COMMAND, /* a command line; options end at its first word */
	HD_OPERANDS_PIDS,
	HD_OPERANDS_CTL,     /* PID ACTION */
	HD_OPERANDS_INCIDENTS, /* list, show ID, rm ID... */
	HD_OPERANDS_FILE,
};

struct hd_command {
	unsigned bit; /* 1 << its row */
	const char *name, *synopsis;
	enum hd_operands operands;
	int least, most;
	const char *summary, *text;
	int (*run)(const struct hd_options *options); /* gives the exit status */
};

enum hd_option_type {
	HD_OPTION_FLAG = 0,
	HD_OPTION_NUMBER,
	HD_OPTION_SECONDS, /* "2" or "0.25", kept as milliseconds */
	HD_OPTION_WORD,    /* one of a list, kept as its index */
	HD_OPTION_TEXT,
	HD_OPTION_CURES,   /* text: names that 'doctor --cures' lists, comma-separated */
	HD_OPTION_PROGRESS,
	HD_OPTION_ACTIONS,
	HD_OPTION_HELP,
};

enum hd_option_group { HD_GROUP_DECIDE = 0, HD_GROUP_ACT, HD_GROUP_REPORT, HD_GROUP_STACKS, HD_GROUP_OUTPUT, HD_GROUP_COUNT };

struct hd_option {
	enum hd_option_group group;
	unsigned commands; /* bits */
	const char *name;
	char letter;         /* 0 = none */
	const char *arg;     /* NULL = takes none */
	enum hd_option_type type;
	size_t at;           /* offset of its field in struct hd_options */
	int64_t low, high;   /* NUMBER, SECONDS: limits as written; FLAG: low is the value */
	const char *const *words; /* WORD, PROGRESS, ACTIONS: NULL-terminated; "file:GLOB" begins with "file:" */
	const char *help;
};

enum hd_follow { HD_FOLLOW_PTRACE = 0, HD_FOLLOW_OBSERVE };
enum hd_color { HD_COLOR_AUTO = 0, HD_COLOR_ALWAYS, HD_COLOR_NEVER };
enum hd_ctl { HD_CTL_DUMP = 0, HD_CTL_WHY, HD_CTL_KILL, HD_CTL_RESTART, HD_CTL_HEAL, HD_CTL_DETACH };

struct hd_progress {
	bool output, cpu, gpu;
	const char *globs[HD_GLOBS_MAX];
	unsigned n_globs;
};

struct hd_options {
	const struct hd_command *command;
	bool help;            /* only print the help of `command` */
	char *const *operands; /* NULL-terminated */
	int n_operands;
	int32_t pids[HD_PIDS_MAX];
	unsigned n_pids;
	int ctl; /* enum hd_ctl */

	int64_t interval_ms, stall_ms, term_timeout_ms, restart_delay_ms, max_restarts;
	int64_t keep; /* -1 = not given */
	struct hd_progress progress;
	struct hd_actions actions;
	int follow, evidence, certainty, log, color; /* enum hd_follow, hd_evidence, hd_certainty, hd_log, hd_color */
	const char *resume_args, *cure, *report_path, *incident_dir, *metrics_path, *replay; /* NULL = not given; cure: "auto" */
	bool once, die_with_me, audit, top, json, native, python, locals, lines, consistent, merge, folded, async;
	bool tree, threads, cures, verbose, quiet;
};

extern const struct hd_command hd_commands[];
extern const size_t hd_commands_n;
extern const struct hd_option hd_option_table[];
extern const size_t hd_option_table_n;
extern const char *const hd_ctl_words[]; /* by enum hd_ctl, NULL-terminated; the supervisor's door knows the same */

/* argv[0] is the command's name.  -EINVAL with a sentence in `err`; `ret` is untouched then. */
HD_MUST_CHECK int hd_options_parse(const struct hd_command *command, int argc, char *argv[], struct hd_options *ret,
				   struct hd_err *err);
/* -EINVAL with a sentence that names the nearest command. */
HD_MUST_CHECK int hd_command_find(const char *name, const struct hd_command **ret, struct hd_err *err);
/* An option in front of any command that is none of hangdog's own: -EINVAL with a sentence that says what was meant. */
int hd_option_unknown(const char *word, struct hd_err *err);

#endif
