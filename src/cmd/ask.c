#include "cmd/ask.h"

#include "cmd/say.h"
#include "cmd/spinner.h"
#include "hangdog/door.h"

bool hd_ask(int32_t supervisor, const char *request, int timeout_ms, const struct hd_options *options, struct hd_buf *ret_body)
{
	struct hd_err err = {0};
	struct hd_spinner *spinner = hd_spinner_start(options, "still waiting for the hangdog that guards it");
	int r = hd_door_ask(supervisor, request, timeout_ms, ret_body, &err);
	hd_spinner_stop(spinner);
	if (r < 0)
		hd_say("%s", err.text);
	return r >= 0;
}
