/* The door: global options, the command table, one error line. */
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/complete.h"
#include "cmd/optdoc.h"

static int fail(const struct hd_err *err)
{
	fprintf(stderr, "hangdog: %s\n", err->text);
	return HD_EXIT_ERROR;
}

static int print(const struct hd_buf *out)
{
	if (fputs(hd_buf_text(out), stdout) < 0 || fflush(stdout) != 0) {
		fprintf(stderr, "hangdog: cannot write to standard output: %m\n");
		return HD_EXIT_ERROR;
	}
	return 0;
}

/* hangdog -OPTION ... */
static int run_global(int argc, char *argv[])
{
	HD_CLEAN_BUF struct hd_buf out = {0};
	struct hd_err err = {0};
	const char *word = argv[1];
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
		hd_optdoc_help(&out);
	else if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
		hd_buf_str(&out, "hangdog " HD_VERSION "\n");
	else if (strcmp(word, "--generate") == 0 && argc == 3) {
		if (hd_optdoc_generate(argv[2], &out, &err) != 0)
			return fail(&err);
	} else if (strcmp(word, "--complete") == 0) {
		hd_complete(argc - 2, argv + 2, &out);
	} else {
		(void)hd_option_unknown(word, &err);
		return fail(&err);
	}
	return print(&out);
}

int main(int argc, char *argv[])
{
	struct hd_err err = {0};
	if (argc < 2) {
		fprintf(stderr, "hangdog: a command is missing (see hangdog --help)\n");
		return HD_EXIT_ERROR;
	}
	if (argv[1][0] == '-')
		return run_global(argc, argv);
	const struct hd_command *command;
	struct hd_options options;
	if (hd_command_find(argv[1], &command, &err) != 0 ||
	    hd_options_parse(command, argc - 1, argv + 1, &options, &err) != 0)
		return fail(&err);
	if (options.help) {
		HD_CLEAN_BUF struct hd_buf out = {0};
		hd_optdoc_command_help(command, &out);
		return print(&out);
	}
	return command->run(&options);
}
