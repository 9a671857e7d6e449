/* hangdog why: explain a tree that nobody guards, once, from outside, stopping nobody. */
#include "cmd/cmd.h"
#include "cmd/once.h"
#include "cmd/say.h"

int hd_cmd_why(const struct hd_options *options)
{
	struct hd_case c;
	struct hd_err err = {0};
	if (hd_look_once(options, &c, &err) < 0) {
		hd_say("%s", err.text);
		return HD_EXIT_ERROR;
	}
	int status = hd_once_print(&c, options);
	hd_case_release(&c);
	return status;
}
