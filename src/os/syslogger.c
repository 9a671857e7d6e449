#include "hangdog/syslogger.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

/* In the C locale whatever the user's is. */
static void write_time(char *ret, size_t cap)
{
	static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t now = time(NULL);
	struct tm tm = {0};
	localtime_r(&now, &tm);
	snprintf(ret, cap, "%s %2d %02d:%02d:%02d", months[tm.tm_mon], tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* Some syslog daemons listen for streams; a record ends with a zero byte there, as syslog(3) sends it. */
static int send_to(const char *path, const struct hd_buf *text)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	strncpy(to.sun_path, path, sizeof(to.sun_path) - 1);
	for (int i = 0; i < 2; i++) {
		bool is_stream = i == 1;
		HD_CLEAN_FD int fd = socket(AF_UNIX, (is_stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (fd < 0)
			return -errno;
		if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
			if (errno == EPROTOTYPE && !is_stream)
				continue;
			return -errno;
		}
		size_t len = text->len + is_stream;
		ssize_t n = send(fd, hd_buf_text(text), len, MSG_NOSIGNAL);
		return n == (ssize_t)len ? 0 : n < 0 ? -errno : -EMSGSIZE;
	}
	return -EPROTOTYPE;
}

int hd_log_send(enum hd_log where, struct hd_log_event event, struct hd_err *err)
{
	HD_CLEAN_BUF struct hd_buf text = {0};
	char when[64];
	const char *path = where == HD_LOG_SYSLOG ? HD_LOG_SYSLOG_SOCKET : HD_LOG_JOURNALD_SOCKET;
	write_time(when, sizeof(when));
	event.when = when;
	event.pid = getpid();
	(where == HD_LOG_SYSLOG ? hd_log_syslog : hd_log_journal)(&event, &text);
	int r = send_to(path, &text);
	return r == 0 ? 0 : hd_err_set(err, -r, "nothing is logged to %s: %s", path, strerror(-r));
}
