#include "parse/proc_misc.h"

#include <string.h>

#include "hangdog/num.h"

/* Copies the next line, without its end, and moves on; false at the end of the text. */
static bool next_line(const char **text, char *line, size_t cap)
{
	if (**text == '\0')
		return false;
	const char *end = strchrnul(*text, '\n');
	size_t len = (size_t)(end - *text);
	if (len >= cap)
		len = cap - 1;
	memcpy(line, *text, len);
	line[len] = '\0';
	*text = *end == '\n' ? end + 1 : end;
	return true;
}

/* ID: 0 / signal: 14/0000000000000000 / notify: signal/pid.123 / ClockID: 0 */
bool hd_timers_next(const char **text, struct hd_posix_timer *ret, bool *ret_bad)
{
	char line[128];
	struct hd_posix_timer timer = {0};
	bool has_signal = false;
	while (next_line(text, line, sizeof(line))) {
		const char *p = line;
		uint64_t signal;
		if (strncmp(p, "signal: ", 8) == 0) {
			p += 8;
			has_signal = hd_take_u64(&p, 10, &signal) && signal <= 64;
			timer.signal = has_signal ? (uint32_t)signal : 0;
		} else if (strncmp(p, "notify: ", 8) == 0) {
			timer.is_silent = strncmp(p + 8, "none/", 5) == 0;
			timer.wakes_thread = strstr(p, "/tid.") != NULL || strncmp(p + 8, "thread/", 7) == 0;
			*ret_bad |= !has_signal && !timer.is_silent;
			*ret = timer;
			return true;
		}
	}
	return false;
}

static const char *skip_word(const char *p)
{
	p += strcspn(p, " ");
	return p + strspn(p, " ");
}

/* "fd:00:1311" */
static bool take_inode(const char *p, struct hd_file_lock *ret)
{
	uint64_t major, minor;
	if (!hd_take_u64(&p, 16, &major) || *p++ != ':' || !hd_take_u64(&p, 16, &minor) || *p++ != ':' ||
	    !hd_take_u64(&p, 10, &ret->ino) || major > UINT32_MAX || minor > UINT32_MAX)
		return false;
	ret->dev_major = (uint32_t)major;
	ret->dev_minor = (uint32_t)minor;
	return true;
}

/* "1: POSIX  ADVISORY  WRITE 1234 fd:00:1311 0 EOF"; a waiter has "-> " before the kind. */
static bool parse_lock(const char *p, struct hd_file_lock *ret)
{
	int64_t pid;
	*ret = (struct hd_file_lock){0};
	if (!hd_take_u64(&p, 10, &ret->id) || *p++ != ':')
		return false;
	p += strspn(p, " ");
	ret->is_waiter = strncmp(p, "->", 2) == 0;
	if (ret->is_waiter)
		p = skip_word(p);
	ret->is_ofd = strncmp(p, "OFDLCK ", 7) == 0;
	p = skip_word(skip_word(p)); /* kind, ADVISORY */
	ret->is_write = strncmp(p, "WRITE", 5) == 0;
	p = skip_word(p);
	if (!hd_take_i64(&p, &pid) || *p++ != ' ' || pid < -1 || pid > INT32_MAX)
		return false;
	ret->pid = (int32_t)pid;
	ret->range = 0xcbf29ce484222325; /* FNV-1a */
	for (const char *c = skip_word(p); *c != '\0'; c++)
		ret->range = (ret->range ^ (uint8_t)*c) * 0x100000001b3;
	return take_inode(p, ret);
}

bool hd_locks_next(const char **text, struct hd_file_lock *ret, bool *ret_bad)
{
	char line[256];
	while (next_line(text, line, sizeof(line))) {
		/* A lock whose file is gone already prints <none>: nobody waits through it. */
		if (strstr(line, "<none>") != NULL)
			continue;
		if (parse_lock(line, ret))
			return true;
		*ret_bad = true;
	}
	return false;
}

static const char *copy_word(const char *p, char *ret, size_t cap)
{
	size_t len = strcspn(p, " ");
	if (len == 0 || len >= cap)
		return NULL;
	memcpy(ret, p, len);
	ret[len] = '\0';
	return p + len + strspn(p + len, " ");
}

/* "  0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 12345 1 ..." */
static bool parse_tcp(const char *p, struct hd_tcp_row *ret)
{
	uint64_t state;
	p = strchr(p, ':');
	if (p == NULL)
		return false;
	p += 1 + strspn(p + 1, " ");
	if ((p = copy_word(p, ret->local, sizeof(ret->local))) == NULL ||
	    (p = copy_word(p, ret->remote, sizeof(ret->remote))) == NULL)
		return false;
	if (!hd_take_u64(&p, 16, &state) || *p++ != ' ' || !hd_take_u64(&p, 16, &ret->tx_queue) || *p++ != ':' ||
	    !hd_take_u64(&p, 16, &ret->rx_queue) || *p++ != ' ')
		return false;
	ret->state = (uint32_t)state;
	p = skip_word(skip_word(p)); /* timer, retransmits */
	p = skip_word(skip_word(p)); /* uid, timeout */
	return hd_take_u64(&p, 10, &ret->ino);
}

bool hd_tcp_next(const char **text, struct hd_tcp_row *ret, bool *ret_bad)
{
	char line[320];
	while (next_line(text, line, sizeof(line))) {
		if (strstr(line, "local_address") != NULL)
			continue;
		if (parse_tcp(line, ret))
			return true;
		*ret_bad = true;
	}
	return false;
}

enum hd_tri hd_cgroup_frozen(const char *text)
{
	const char *p = strstr(text, "frozen ");
	if (p == NULL || (p != text && p[-1] != '\n'))
		return HD_UNKNOWN;
	return p[7] == '0' ? HD_NO : HD_YES;
}

int64_t hd_vmstat_oom_kills(const char *text)
{
	uint64_t n;
	const char *row = strstr(text, "\noom_kill ");
	if (row == NULL)
		return -1;
	row += strlen("\noom_kill ");
	return hd_take_u64(&row, 10, &n) && n <= INT64_MAX ? (int64_t)n : -1;
}
