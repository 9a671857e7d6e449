/* Runs lock zoo programs, also in the root folder of another system (--root DIR), and says which situations are
 * classified wrong.  Exit status 1 when any is.  Usage: run [--root DIR] PROGRAM... */
#include "../lib/zoo_run.h"

int main(int argc, char **argv)
{
	const char *root = NULL;
	unsigned wrong = 0;
	int first = 1;
	if (argc > 2 && strcmp(argv[1], "--root") == 0) {
		root = argv[2];
		first = 3;
	}
	for (int i = first; i < argc; i++) {
		HD_CLEAN_BUF struct hd_buf text = {0};
		struct zoo_result result = zoo_program(root, argv[i], &text);
		printf("%s%s%s: %u right, %u wrong, %u skipped\n", hd_buf_text(&text), root != NULL ? root : "",
		       argv[i], result.right, result.wrong, result.skipped);
		wrong += result.wrong + (result.right == 0);
	}
	return wrong != 0;
}
