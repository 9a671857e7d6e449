/* The command line, through the real tables: words of the input, one a line, the first is the command.  No crash; what is
 * refused has a sentence; what is taken keeps its own limits. */
#include <string.h>

#include "cmd/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WORDS_MAX 64

/* The parser names the commands; none is run here. */
#define COMMAND(id, name, ...)                                 \
	int hd_cmd_##name(const struct hd_options *options);   \
	int hd_cmd_##name(const struct hd_options *options)    \
	{                                                      \
		return options->help;                          \
	}
#include "cmd/commands.def"
#undef COMMAND

static int split(char *text, char *words[WORDS_MAX + 1])
{
	int n = 0;
	for (char *next; n < WORDS_MAX && (next = strsep(&text, "\n")) != NULL;)
		words[n++] = next;
	words[n] = NULL;
	return n;
}

static void check(const struct hd_options *o, int argc)
{
	HD_ASSERT(o->n_operands >= 0 && o->n_operands < argc + 1 && o->operands[o->n_operands] == NULL);
	HD_ASSERT(o->help || (o->n_operands >= o->command->least && o->n_operands <= o->command->most));
	HD_ASSERT(o->n_pids <= HD_PIDS_MAX && o->actions.n <= HD_ACTIONS_MAX && o->progress.n_globs <= HD_GLOBS_MAX);
	for (unsigned i = 0; i < o->n_pids; i++)
		HD_ASSERT(o->pids[i] > 0);
	for (size_t i = 0; i < hd_option_table_n; i++) {
		const struct hd_option *row = &hd_option_table[i];
		int64_t scale = row->type == HD_OPTION_SECONDS ? 1000 : 1, value;
		if (row->type != HD_OPTION_NUMBER && row->type != HD_OPTION_SECONDS)
			continue;
		memcpy(&value, (const char *)o + row->at, sizeof(value));
		HD_ASSERT(value == -1 || (value >= row->low * scale && value <= row->high * scale));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *words[WORDS_MAX + 1], *text = strndup((const char *)data, size);
	HD_ASSERT(text != NULL);
	int argc = split(text, words);
	const struct hd_command *command;
	struct hd_options options;
	struct hd_err err = {0};
	int r = hd_command_find(words[0], &command, &err);
	if (r == 0)
		r = hd_options_parse(command, argc, words, &options, &err);
	if (r == 0)
		check(&options, argc);
	else
		HD_ASSERT(err.text[0] != '\0');
	free(text);
	return 0;
}
