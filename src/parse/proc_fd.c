#include "parse/proc_fd.h"

#include <errno.h>
#include <string.h>

#include "hangdog/num.h"

static const struct {
	const char *prefix;
	enum hd_obj_kind kind;
} link_kinds[] = {
	{"pipe:[", HD_OBJ_PIPE},
	{"socket:[", HD_OBJ_SOCKET},
	{"anon_inode:[eventfd]", HD_OBJ_EVENTFD},
	{"anon_inode:[eventpoll]", HD_OBJ_EPOLL},
	{"anon_inode:[timerfd]", HD_OBJ_TIMERFD},
	{"anon_inode:[signalfd]", HD_OBJ_SIGNALFD},
	{"anon_inode:[pidfd]", HD_OBJ_PIDFD},
	{"pidfd:[", HD_OBJ_PIDFD},
	{"anon_inode:inotify", HD_OBJ_INOTIFY},
	{"/", HD_OBJ_FILE},
};

struct hd_fd_link hd_fd_link_parse(const char *link)
{
	static const char deleted[] = " (deleted)";
	struct hd_fd_link ret = {.kind = HD_OBJ_OTHER};
	size_t len = strlen(link), mark = sizeof(deleted) - 1;
	for (size_t i = 0; i < HD_COUNTOF(link_kinds); i++) {
		size_t prefix = strlen(link_kinds[i].prefix);
		if (strncmp(link, link_kinds[i].prefix, prefix) != 0)
			continue;
		ret.kind = link_kinds[i].kind;
		const char *p = link + prefix;
		if ((ret.kind == HD_OBJ_PIPE || ret.kind == HD_OBJ_SOCKET) && !hd_take_u64(&p, 10, &ret.ino))
			ret.kind = HD_OBJ_OTHER;
		break;
	}
	ret.is_io_uring = strncmp(link, "anon_inode:[io_uring]", 21) == 0;
	ret.is_deleted = ret.kind == HD_OBJ_FILE && len > mark && strcmp(link + len - mark, deleted) == 0;
	return ret;
}

/* Moves behind `key` and the blanks after it if the line starts with it. */
static bool take_key(const char **p, const char *key)
{
	size_t len = strlen(key);
	if (strncmp(*p, key, len) != 0)
		return false;
	*p += len;
	*p += strspn(*p, " \t");
	return true;
}

/* "it_value: (12, 345)" */
static bool take_timespec(const char **p, int64_t *ret_ns)
{
	uint64_t s, ns;
	if (*(*p)++ != '(' || !hd_take_u64(p, 10, &s) || strncmp(*p, ", ", 2) != 0)
		return false;
	*p += 2;
	if (!hd_take_u64(p, 10, &ns) || ns >= (uint64_t)HD_NS_PER_S)
		return false;
	*ret_ns = s > INT64_MAX / HD_NS_PER_S - 1 ? INT64_MAX : (int64_t)s * HD_NS_PER_S + (int64_t)ns;
	return true;
}

static bool parse_line(const char *p, struct hd_fdinfo *info)
{
	uint64_t value = 0;
	if (take_key(&p, "flags:")) {
		if (!hd_take_u64(&p, 8, &value))
			return false;
		info->flags = (uint32_t)value;
		return true;
	}
	if (take_key(&p, "mnt_id:"))
		return hd_take_u64(&p, 10, &info->mount);
	if (take_key(&p, "eventfd-count:"))
		return hd_take_u64(&p, 16, &info->eventfd_count);
	if (take_key(&p, "eventfd-id:"))
		return info->has_eventfd_id = hd_take_u64(&p, 10, &info->eventfd_id);
	if (take_key(&p, "ticks:"))
		return hd_take_u64(&p, 10, &info->timer_ticks);
	if (take_key(&p, "it_value:"))
		return take_timespec(&p, &info->timer_ns);
	if (take_key(&p, "Pid:"))
		return hd_take_i64(&p, &info->pidfd_pid);
	if (take_key(&p, "scm_fds:"))
		return hd_take_u64(&p, 10, &info->scm_fds);
	info->has_lock |= take_key(&p, "lock:");
	info->n_watched += take_key(&p, "tfd:");
	return true;
}

int hd_fdinfo_parse(const char *text, struct hd_fdinfo *ret)
{
	struct hd_fdinfo info = {.timer_ns = -1, .pidfd_pid = -1};
	if (strstr(text, "flags:") == NULL)
		return -EINVAL;
	for (const char *p = text; *p != '\0';) {
		if (!parse_line(p, &info))
			return -EINVAL;
		p = strchrnul(p, '\n');
		p += *p == '\n';
	}
	*ret = info;
	return 0;
}

/* "tfd:        5 events:       1d data: ffffffffffffffff  pos:0 ino:61af sdev:7" */
static bool parse_watch(const char *p, struct hd_fd_watch *ret)
{
	uint64_t fd, events, ino;
	const char *end = strchrnul(p, '\n'), *at = memmem(p, (size_t)(end - p), " ino:", 5);
	if (!take_key(&p, "tfd:") || !hd_take_u64(&p, 10, &fd) || fd > INT32_MAX || *p++ != ' ')
		return false;
	if (!take_key(&p, "events:") || !hd_take_u64(&p, 16, &events) || events > UINT32_MAX || at == NULL)
		return false;
	at += 5;
	if (!hd_take_u64(&at, 16, &ino))
		return false;
	*ret = (struct hd_fd_watch){.fd = (int32_t)fd, .events = (uint32_t)events, .ino = ino};
	return true;
}

bool hd_fdinfo_next_watch(const char **text, struct hd_fd_watch *ret)
{
	for (const char *p = *text; *p != '\0';) {
		const char *line = p;
		p = strchrnul(p, '\n');
		p += *p == '\n';
		*text = p;
		if (parse_watch(line, ret))
			return true;
	}
	return false;
}

/* "drm-engine-render:\t9288864723 ns", "drm-cycles-rcs:\t28257900"; how many of an engine there are is no work. */
bool hd_fdinfo_gpu_work(const char *text, uint64_t *ret_work)
{
	bool found = false;
	uint64_t sum = 0, value;
	for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		bool is_engine = strncmp(line, "drm-engine-", 11) == 0 && strncmp(line, "drm-engine-capacity-", 20) != 0;
		if (!is_engine && strncmp(line, "drm-cycles-", 11) != 0)
			continue;
		const char *p = line + strcspn(line, ":\n");
		if (*p++ != ':')
			continue;
		p += strspn(p, " \t");
		if (!hd_take_u64(&p, 10, &value))
			continue;
		sum += value;
		found = true;
	}
	if (found)
		*ret_work = sum;
	return found;
}
