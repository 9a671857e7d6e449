#include "cmd/optdoc.h"

#include <errno.h>
#include <string.h>

#include "core/view_priv.h"

#define WIDTH 80
#define INDENT 24

static const char *const group_titles[HD_GROUP_COUNT] = {
	[HD_GROUP_DECIDE] = "Looking and deciding",
	[HD_GROUP_ACT] = "Acting",
	[HD_GROUP_REPORT] = "Reporting",
	[HD_GROUP_STACKS] = "Stacks",
	[HD_GROUP_OUTPUT] = "Output",
};

/* ---- help ---- */

/* Words of `text` from column `column`, wrapped to WIDTH with lines indented by `indent`. */
static void wrap(struct hd_buf *out, const char *text, size_t column, size_t indent)
{
	bool at_start = true;
	while (*text != '\0') {
		size_t len = strcspn(text, " ");
		if (!at_start && column + 1 + len > WIDTH) {
			hd_buf_printf(out, "\n%*s", (int)indent, "");
			column = indent;
			at_start = true;
		}
		if (!at_start) {
			hd_buf_char(out, ' ');
			column++;
		}
		hd_buf_add(out, text, len);
		column += len;
		at_start = false;
		text += len;
		text += strspn(text, " ");
	}
	hd_buf_char(out, '\n');
}

/* The left column, then the text beside it, or below if the left side is too wide. */
static void two_columns(struct hd_buf *out, const char *left, const char *right, size_t indent)
{
	hd_buf_str(out, left);
	size_t column = strlen(left);
	if (column + 1 > indent) {
		hd_buf_char(out, '\n');
		column = 0;
	}
	hd_buf_printf(out, "%*s", (int)(indent - column), "");
	wrap(out, right, indent, indent);
}

void hd_optdoc_help(struct hd_buf *out)
{
	hd_buf_str(out, "usage: hangdog COMMAND [OPTIONS] ...\n\n");
	wrap(out,
	     "hangdog guards programs against deadlocks: it proves that a program can never go on, says why, and can "
	     "end or restart it.",
	     0, 0);
	hd_buf_str(out, "\nCommands:\n");
	for (size_t i = 0; i < hd_commands_n; i++) {
		char left[32] = "  ";
		two_columns(out, strncat(left, hd_commands[i].name, sizeof(left) - 3), hd_commands[i].summary,
				    14);
	}
	hd_buf_str(out, "\nOptions:\n");
	two_columns(out, "  -h, --help", "print this and exit; hangdog COMMAND --help lists a command's options",
		    INDENT - 6);
	two_columns(out, "  -V, --version", "print the version and exit", INDENT - 6);
	hd_buf_str(out, "\nExample: hangdog run --on-hang kill -- python3 train.py\n");
}

static bool has_group(const struct hd_command *command, int group)
{
	for (size_t i = 0; i < hd_option_table_n; i++) {
		if ((hd_option_table[i].commands & command->bit) && (int)hd_option_table[i].group == group)
			return true;
	}
	return false;
}

static void option_help(const struct hd_option *o, struct hd_buf *out)
{
	HD_CLEAN_BUF struct hd_buf left = {0};
	if (o->letter != '\0')
		hd_buf_printf(&left, "  -%c, --%s", o->letter, o->name);
	else
		hd_buf_printf(&left, "      --%s", o->name);
	if (o->arg != NULL)
		hd_buf_printf(&left, " %s", o->arg);
	two_columns(out, hd_buf_text(&left), o->help, INDENT + 2);
}

void hd_optdoc_command_help(const struct hd_command *command, struct hd_buf *out)
{
	hd_buf_printf(out, "usage: hangdog %s [OPTIONS]%s%s\n\n", command->name, *command->synopsis ? " " : "",
		      command->synopsis);
	wrap(out, command->text, 0, 0);
	for (int g = 0; g < HD_GROUP_COUNT; g++) {
		if (!has_group(command, g))
			continue;
		hd_buf_printf(out, "\n%s:\n", group_titles[g]);
		for (size_t i = 0; i < hd_option_table_n; i++) {
			if ((int)hd_option_table[i].group == g && (hd_option_table[i].commands & command->bit))
				option_help(&hd_option_table[i], out);
		}
	}
}

/* ---- man page ---- */

static void man_text(struct hd_buf *out, const char *text)
{
	if (*text == '.' || *text == '\'')
		hd_buf_str(out, "\\&");
	for (; *text != '\0'; text++) {
		if (*text == '-')
			hd_buf_str(out, "\\-");
		else if (*text == '\\')
			hd_buf_str(out, "\\e");
		else
			hd_buf_char(out, *text);
	}
}

static void man_commands(struct hd_buf *out)
{
	hd_buf_str(out, ".SH COMMANDS\n");
	for (size_t i = 0; i < hd_commands_n; i++) {
		const struct hd_command *c = &hd_commands[i];
		hd_buf_printf(out, ".TP\n.B hangdog %s\n[OPTIONS] ", c->name);
		man_text(out, c->synopsis);
		hd_buf_str(out, "\n.br\n");
		man_text(out, c->text);
		hd_buf_char(out, '\n');
	}
}

static void names_of_commands(const struct hd_option *o, struct hd_buf *out)
{
	const char *comma = "";
	for (size_t i = 0; i < hd_commands_n; i++) {
		if (!(o->commands & hd_commands[i].bit))
			continue;
		hd_buf_printf(out, "%s%s", comma, hd_commands[i].name);
		comma = ", ";
	}
}

static void man_options(struct hd_buf *out)
{
	hd_buf_str(out, ".SH OPTIONS\n");
	for (int g = 0; g < HD_GROUP_COUNT; g++) {
		hd_buf_printf(out, ".SS %s\n", group_titles[g]);
		for (size_t i = 0; i < hd_option_table_n; i++) {
			const struct hd_option *o = &hd_option_table[i];
			if ((int)o->group != g)
				continue;
			hd_buf_str(out, ".TP\n.B ");
			if (o->letter != '\0')
				hd_buf_printf(out, "\\-%c, ", o->letter);
			hd_buf_str(out, "\\-\\-");
			man_text(out, o->name);
			hd_buf_printf(out, "%s%s\n", o->arg != NULL ? " " : "", o->arg != NULL ? o->arg : "");
			man_text(out, o->help);
			hd_buf_str(out, ".\nFor: ");
			names_of_commands(o, out);
			hd_buf_str(out, ".\n");
		}
	}
}

static void man_keys(struct hd_buf *out)
{
	hd_buf_str(out, ".SH KEYS OF THE LIVE VIEW\nOf top and of \\-\\-top. The mouse works as well: a click selects, on the last line it presses the "
			"key, the wheel scrolls.\n");
	for (size_t i = 0; i < hd_view_keys_n; i++) {
		hd_buf_str(out, ".TP\n.B ");
		man_text(out, hd_view_keys[i].shown);
		hd_buf_char(out, '\n');
		man_text(out, hd_view_keys[i].help);
		hd_buf_str(out, ".\n");
	}
}

static void generate_man(struct hd_buf *out)
{
	hd_buf_str(
		out,
		".\\\" Made by 'hangdog --generate man'; do not edit.\n"
		".TH HANGDOG 1 2026-11-24 \"hangdog " HD_VERSION "\" \"User Commands\"\n"
		".SH NAME\nhangdog \\- prove, explain and end deadlocks of running programs\n"
		".SH SYNOPSIS\n.B hangdog\nCOMMAND [OPTIONS] ...\n"
		".SH DESCRIPTION\nhangdog watches a tree of processes from outside. It does not time out: it finds out "
		"what "
		"each thread waits for and who could wake it, and speaks when nobody is left who could. A verdict is\n"
		".B proven\nwhen it follows from kernel facts alone,\n.B owned\nwhen it also needs that a lock is "
		"released "
		"by its owner only, and\n.B suspected\nwhen nothing moved for the time of \\-\\-stall.\n");
	man_commands(out);
	man_options(out);
	man_keys(out);
	hd_buf_str(out,
		   ".SH EXIT STATUS\n"
		   ".TP\n.B run\nthat of the command; 124 if hangdog ended it because it hung; 125 if hangdog failed "
		   "or was "
		   "misused; 126 if the command cannot be run; 127 if it was not found.\n"
		   ".TP\n.B why, ctl PID why, attach \\-\\-once, replay\n0 if nothing is wrong, 1 if there is a hang, 125 on an "
		   "error.\n"
		   ".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nno colours, whatever the terminal can do.\n"
		   ".TP\n.B XDG_STATE_HOME\nwhere incidents are kept, in hangdog/ below it (default ~/.local/state).\n"
		   ".TP\n.B XDG_RUNTIME_DIR\nwhere the sockets of supervisors are (default /tmp/hangdog\\-UID).\n"
		   ".TP\n.B HANGDOG_RESTART, HANGDOG_INCIDENT\nset for a command that was restarted: how often, and the folder of the hang.\n"
		   ".TP\n.B HANGDOG_REPORT, HANGDOG_PID, HANGDOG_VERDICT, HANGDOG_CAUSE\nset for the command of exec: the report as JSON, and what "
		   "it is about. An action behind exec may have ended PID before the command looks at it; the report is complete and stays.\n"
		   ".SH FILES\n.TP\n.I ~/.local/state/hangdog/ID/\nan incident: report.txt to read, report.json for programs, snapshot.hds for hangdog "
		   "replay.\n"
		   ".SH EXAMPLES\n.nf\nhangdog run \\-\\-on\\-hang kill \\-\\- python3 train.py\n"
		   "hangdog why 4711\n.fi\n.SH SEE ALSO\n.BR gdb (1),\n.BR strace (1),\n.BR timeout (1),\n.BR fork "
		   "(2),\n.BR ptrace (2)\n");
}

/* ---- README ---- */

static void generate_readme(struct hd_buf *out)
{
	hd_buf_str(out, "| option | for | meaning |\n|---|---|---|\n");
	for (size_t i = 0; i < hd_option_table_n; i++) {
		const struct hd_option *o = &hd_option_table[i];
		if (o->type == HD_OPTION_HELP)
			continue;
		hd_buf_str(out, "| `");
		if (o->letter != '\0')
			hd_buf_printf(out, "-%c`, `", o->letter);
		hd_buf_printf(out, "--%s%s%s` | ", o->name, o->arg != NULL ? " " : "", o->arg != NULL ? o->arg : "");
		names_of_commands(o, out);
		hd_buf_printf(out, " | %s |\n", o->help);
	}
}

int hd_optdoc_generate(const char *kind, struct hd_buf *out, struct hd_err *err)
{
	static const struct {
		const char *kind;
		void (*make)(struct hd_buf *out);
	} kinds[] = {
		{"man", generate_man},
		{"readme", generate_readme},
	};
	for (size_t i = 0; i < HD_COUNTOF(kinds); i++) {
		if (strcmp(kinds[i].kind, kind) == 0) {
			kinds[i].make(out);
			return 0;
		}
	}
	return hd_err_set(err, EINVAL, "--generate: no such text '%s' (one of: man, readme)", kind);
}
