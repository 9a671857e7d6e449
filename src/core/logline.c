#include "hangdog/logline.h"

#include <string.h>

#define FACILITY_DAEMON (3 << 3) /* RFC 3164 */

/* ---- syslog ------------------------------------------------------------------------------------------------------------ */

static void put_value(struct hd_buf *out, const char *value)
{
	HD_CLEAN_BUF struct hd_buf safe = {0};
	hd_buf_safe(&safe, value);
	const char *text = hd_buf_text(&safe);
	if (*text != '\0' && strpbrk(text, " \"=\\") == NULL) {
		hd_buf_str(out, text);
		return;
	}
	hd_buf_char(out, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			hd_buf_char(out, '\\');
		hd_buf_char(out, *text);
	}
	hd_buf_char(out, '"');
}

void hd_log_syslog(const struct hd_log_event *event, struct hd_buf *out)
{
	size_t start = out->len;
	hd_buf_printf(out, "<%d>%s hangdog[%d]: ", FACILITY_DAEMON | event->priority, event->when, event->pid);
	hd_buf_safe(out, event->message);
	hd_buf_str(out, " |");
	for (size_t i = 0; i < event->n_fields; i++) {
		if (event->fields[i].value == NULL)
			continue;
		hd_buf_printf(out, " %s=", event->fields[i].name);
		put_value(out, event->fields[i].value);
	}
	if (out->len - start > HD_LOG_LINE_MAX) {
		out->len = start + HD_LOG_LINE_MAX;
		out->text[out->len] = '\0';
	}
}

/* ---- journald ------------------------------------------------------------------------------------------------------------ */

/* "NAME=value\n", or for a value with line breaks "NAME\n", its length as 64 bits little endian, the value, "\n". */
static void put_field(struct hd_buf *out, const char *prefix, const char *name, const char *value)
{
	size_t len = strlen(value);
	hd_buf_str(out, prefix);
	for (const char *p = name; *p != '\0'; p++)
		hd_buf_char(out, *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p);
	if (memchr(value, '\n', len) == NULL) {
		hd_buf_char(out, '=');
	} else {
		hd_buf_char(out, '\n');
		for (int i = 0; i < 8; i++)
			hd_buf_char(out, (char)((uint64_t)len >> (8 * i) & 0xff));
	}
	hd_buf_add(out, value, len);
	hd_buf_char(out, '\n');
}

void hd_log_journal(const struct hd_log_event *event, struct hd_buf *out)
{
	put_field(out, "", "message", event->message);
	hd_buf_printf(out, "PRIORITY=%d\nSYSLOG_IDENTIFIER=hangdog\nSYSLOG_PID=%d\n", event->priority, event->pid);
	for (size_t i = 0; i < event->n_fields; i++) {
		if (event->fields[i].value != NULL)
			put_field(out, "HANGDOG_", event->fields[i].name, event->fields[i].value);
	}
}
