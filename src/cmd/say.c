#include "cmd/say.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>

#define PREFIX "hangdog: "

static void write_all(const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDERR_FILENO, text, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* stderr is gone or full: there is nobody left to tell */
		text += n;
		len -= (size_t)n;
	}
}

void hd_say_text(const char *text)
{
	HD_CLEAN_BUF struct hd_buf out = {0};
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		/* No blank at the end of an empty line. */
		hd_buf_add(&out, PREFIX, len != 0 ? sizeof(PREFIX) - 1 : sizeof(PREFIX) - 2);
		hd_buf_add(&out, text, len);
		hd_buf_char(&out, '\n');
		text += len + (text[len] == '\n');
	}
	write_all(hd_buf_text(&out), out.len);
}

/* Names of the target's processes, files and threads are in it. */
static void say_formatted(const char *fmt, va_list ap)
{
	HD_CLEAN_BUF struct hd_buf text = {0}, safe = {0};
	hd_buf_vprintf(&text, fmt, ap);
	char *rest = text.text;
	for (const char *line; (line = strsep(&rest, "\n")) != NULL;) {
		hd_buf_safe(&safe, line);
		if (rest != NULL)
			hd_buf_char(&safe, '\n');
	}
	hd_say_text(hd_buf_text(&safe));
}

void hd_say(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	say_formatted(fmt, ap);
	va_end(ap);
}

void hd_tell(const struct hd_options *options, const char *fmt, ...)
{
	va_list ap;
	if (options->quiet)
		return;
	va_start(ap, fmt);
	say_formatted(fmt, ap);
	va_end(ap);
}

static bool wants_color(FILE *stream, const struct hd_options *options)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	if (options->color != HD_COLOR_AUTO)
		return options->color == HD_COLOR_ALWAYS;
	return isatty(fileno(stream)) && (no_color == NULL || *no_color == '\0') && term != NULL && strcmp(term, "dumb") != 0;
}

struct hd_text_style hd_say_style(FILE *stream, const struct hd_options *options)
{
	struct winsize size = {0};
	struct hd_text_style style = {.color = wants_color(stream, options), .verbose = options->verbose, .threads = options->threads, .width = 80};
	/* Notebook terminals may report 0 columns. */
	if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col >= 40)
		style.width = size.ws_col < 200 ? size.ws_col : 200;
	return style;
}
