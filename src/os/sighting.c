#include "os/sighting.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "os/procfile.h"

enum {
	FDS_SPARE = 256, /* left for everything else */
	FDS_MOST = 16384,
};

void hd_sightings_init(struct hd_sightings *s)
{
	struct rlimit limit;
	char text[128];
	struct hd_schedstat own = {0};
	*s = (struct hd_sightings){0};
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 2 > FDS_SPARE)
		s->fds_max = limit.rlim_cur > FDS_MOST ? FDS_MOST : (uint32_t)limit.rlim_cur - FDS_SPARE;
	/* Without CONFIG_SCHED_INFO the file is missing or all zero. */
	if (hd_procfile_read(text, sizeof(text), "/proc/self/schedstat") > 0 && hd_schedstat_parse(text, &own) == 0)
		s->has_schedstat = own.runs > 0;
}

static void drop_stack(struct hd_sighting *t)
{
	hd_arena_free(t->stack_arena);
	t->stack_arena = NULL;
	t->stack = (struct hd_stack){0};
}

static void drop(struct hd_sightings *s, struct hd_sighting *t)
{
	if (t->fd >= 0)
		s->fds--;
	hd_close_fd(&t->fd);
	drop_stack(t);
	hd_table_remove(&s->by_tid, t);
	free(t);
}

void hd_sightings_release(struct hd_sightings *s)
{
	struct hd_sighting *t, *next;
	HD_TABLE_EACH(&s->by_tid, t, next)
		drop(s, t);
}

struct hd_sighting *hd_sightings_find(const struct hd_sightings *s, int32_t tid)
{
	return hd_table_find(&s->by_tid, (uint32_t)tid);
}

static int open_witness(const struct hd_sightings *s, int32_t pid, int32_t tid)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", pid, tid, s->has_schedstat ? "schedstat" : "status");
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? (errno == ENOENT ? -ESRCH : -errno) : fd;
}

static int parse_witness(const struct hd_sightings *s, const char *text, uint64_t *ret_runs, uint64_t *ret_ns)
{
	struct hd_schedstat stat = {0};
	struct hd_task_status status = {0};
	int r = s->has_schedstat ? hd_schedstat_parse(text, &stat) : hd_status_parse(text, &status);
	if (r < 0)
		return r;
	*ret_runs = s->has_schedstat ? stat.runs : status.voluntary + status.involuntary;
	*ret_ns = s->has_schedstat ? stat.run_ns : 0;
	return 0;
}

static int read_witness(const struct hd_sightings *s, const struct hd_sighting *t, uint64_t *ret_runs, uint64_t *ret_ns)
{
	char text[8192];
	HD_CLEAN_FD int opened = -1;
	struct hd_stat stat;
	if (t->fd < 0) {
		/* By name, so it may be another task by now: its start time, read behind the open, tells. */
		opened = open_witness(s, t->pid, t->tid);
		if (opened < 0)
			return opened;
		int r = hd_procfile_stat(t->pid, t->tid, &stat);
		if (r < 0 || stat.start != t->start)
			return r < 0 ? r : -ESRCH;
	}
	ssize_t n = hd_procfile_pread(t->fd >= 0 ? t->fd : opened, text, sizeof(text));
	return n < 0 ? (int)n : parse_witness(s, text, ret_runs, ret_ns);
}

static int add(struct hd_sightings *s, int32_t pid, int32_t tid, struct hd_sighting **ret)
{
	struct hd_stat stat;
	HD_CLEAN_FD int fd = s->fds < s->fds_max ? open_witness(s, pid, tid) : -1;
	int r = hd_procfile_stat(pid, tid, &stat);
	if (r < 0)
		return r;
	struct hd_sighting *t = calloc(1, sizeof(*t));
	if (t == NULL)
		abort();
	*t = (struct hd_sighting){.tid = tid, .pid = pid, .start = stat.start, .fd = hd_steal_fd(&fd), .runs = UINT64_MAX};
	s->fds += t->fd >= 0;
	hd_table_add(&s->by_tid, (uint32_t)tid, t);
	*ret = t;
	return 0;
}

static int read_row(const struct hd_sightings *s, struct hd_sighting *t, bool *ret_same, uint64_t *ret_ran_ns)
{
	uint64_t runs, ns;
	int r = read_witness(s, t, &runs, &ns);
	if (r < 0)
		return r;
	/* A thread alone on its CPU is not switched for long: then only its run time grows. */
	*ret_same = runs == t->runs && ns == t->run_ns;
	*ret_ran_ns = ns > t->run_ns ? ns - t->run_ns : 0;
	t->runs = runs;
	t->run_ns = ns;
	return 0;
}

int hd_sightings_meet(struct hd_sightings *s, int32_t pid, int32_t tid, struct hd_sighting **ret, bool *ret_same,
		      uint64_t *ret_ran_ns)
{
	struct hd_sighting *t = hd_sightings_find(s, tid);
	int r = -ESRCH;
	if (t != NULL && t->pid == pid)
		r = read_row(s, t, ret_same, ret_ran_ns);
	/* A dead task leaves its number to others. */
	if (r == -ESRCH) {
		if (t != NULL)
			drop(s, t);
		r = add(s, pid, tid, &t);
		if (r == 0)
			r = read_row(s, t, ret_same, ret_ran_ns);
	}
	if (r == 0)
		*ret = t;
	return r;
}

uint32_t hd_sightings_sweep(struct hd_sightings *s, uint64_t look)
{
	struct hd_sighting *t, *next;
	uint32_t dropped = 0;
	HD_TABLE_EACH(&s->by_tid, t, next) {
		if (t->look != look) {
			drop(s, t);
			dropped++;
		}
	}
	return dropped;
}

void hd_sighting_forget_wait(struct hd_sighting *t, int64_t now_ns)
{
	t->quiet = 0;
	t->since_ns = now_ns;
	t->has_line = t->is_suspect = false;
	if (t->stack_arena != NULL)
		drop_stack(t);
}
