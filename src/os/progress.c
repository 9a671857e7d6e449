#include "hangdog/progress.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "os/procfile.h"
#include "parse/proc_fd.h"

#define FILES_MAX 4096u /* matches of one pattern that are looked at */
#define MEM_MAJOR 1u    /* /dev/null and its like, include/uapi/linux/major.h */

struct hd_meter {
	const struct hd_progress_spec *spec;
	int64_t window_ns, window_start_ns;
	uint64_t window_cpu_ns;
	struct identity {
		dev_t dev;
		ino_t ino;
	} root[2];           /* stdout and stderr of the root */
	int64_t written_ns;  /* newest time of the files written to, CLOCK_REALTIME */
	uint64_t bytes;      /* written by those whose output has no time */
	uint64_t files, first_files; /* what the files of the patterns looked like, and at the start */
	uint64_t gpu_work;
	bool has_seen;
	int64_t moved_ns; /* other than by CPU time */
};

static bool stream_stat(int32_t pid, int fd, struct stat *ret)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	return stat(path, ret) == 0;
}

void hd_meter_free(struct hd_meter *m)
{
	free(m);
}

/* splitmix64's last steps: terms are added up, so that their order does not matter. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

static uint64_t look_of(const struct stat *st)
{
	uint64_t when = (uint64_t)st->st_mtim.tv_sec * HD_NS_PER_S + (uint64_t)st->st_mtim.tv_nsec;
	return mix(mix((uint64_t)st->st_dev << 32 ^ st->st_ino) + mix((uint64_t)st->st_size) + when);
}

/* "wchar: N" of /proc/PID/io: what the process passed to write() and its like. */
static uint64_t bytes_written(int32_t pid)
{
	char text[512];
	unsigned long long n;
	if (hd_procfile_read(text, sizeof(text), "/proc/%d/io", pid) <= 0)
		return 0;
	const char *row = strstr(text, "wchar:");
	return row != NULL && sscanf(row, "wchar: %llu", &n) == 1 ? n : 0;
}

static bool is_of_root(const struct hd_meter *m, const struct stat *st)
{
	return (m->root[0].dev == st->st_dev && m->root[0].ino == st->st_ino) ||
	       (m->root[1].dev == st->st_dev && m->root[1].ino == st->st_ino);
}

struct output {
	int64_t written_ns;
	uint64_t bytes;
};

static void add_stream(const struct hd_meter *m, int32_t pid, int fd, struct output *out)
{
	struct stat st;
	if (!stream_stat(pid, fd, &st) || (S_ISCHR(st.st_mode) && major(st.st_rdev) == MEM_MAJOR))
		return;
	bool is_timeless = S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode);
	if (is_timeless && !is_of_root(m, &st))
		return;
	int64_t written_ns = (int64_t)st.st_mtim.tv_sec * HD_NS_PER_S + st.st_mtim.tv_nsec;
	if (is_timeless)
		out->bytes += bytes_written(pid);
	if (written_ns > out->written_ns)
		out->written_ns = written_ns;
}

/* A process that comes or goes is no output: only a newer time or more bytes are. */
static bool output_moved(struct hd_meter *m, const struct hd_model *model)
{
	struct output out = {0};
	for (size_t i = 0; i < hd_model_count(model); i++) {
		add_stream(m, hd_model_at(model, i)->pid, 1, &out);
		add_stream(m, hd_model_at(model, i)->pid, 2, &out);
	}
	bool moved = out.written_ns > m->written_ns || out.bytes > m->bytes;
	if (out.written_ns > m->written_ns)
		m->written_ns = out.written_ns;
	m->bytes = out.bytes;
	return moved;
}

static uint64_t files_look(const char *pattern)
{
	glob_t found = {0};
	struct stat st;
	uint64_t sum = 0;
	if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc && i < FILES_MAX; i++) {
			if (stat(found.gl_pathv[i], &st) == 0)
				sum += look_of(&st);
		}
	}
	globfree(&found);
	return sum;
}

static uint64_t all_files(const struct hd_meter *m)
{
	uint64_t files = 0;
	for (unsigned i = 0; i < m->spec->n_globs; i++)
		files += mix(files_look(m->spec->globs[i]) + i);
	return files;
}

struct hd_meter *hd_meter_new(const struct hd_progress_spec *spec, int32_t root, int64_t window_ns)
{
	struct hd_meter *m = calloc(1, sizeof(*m));
	if (m == NULL)
		abort();
	m->spec = spec;
	m->window_ns = window_ns;
	m->first_files = all_files(m);
	for (int i = 0; i < 2; i++) {
		struct stat st;
		if (stream_stat(root, i + 1, &st))
			m->root[i] = (struct identity){st.st_dev, st.st_ino};
	}
	return m;
}

bool hd_meter_files_changed(const struct hd_meter *m)
{
	return all_files(m) != m->first_files;
}

bool hd_progress_sees_gpus(void)
{
	glob_t found = {0};
	bool any = glob("/dev/dri/renderD*", GLOB_NOSORT, NULL, &found) == 0;
	globfree(&found);
	return any;
}

struct gpu_search {
	int32_t pid;
	uint64_t work;
};

/* Some may be the same client, passed on or inherited: counted twice, it still stands still when it does. */
static int add_gpu_work(void *ctx, int32_t fd)
{
	struct gpu_search *search = ctx;
	char path[64], link[64], text[4096];
	uint64_t work;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", search->pid, fd);
	ssize_t n = readlink(path, link, sizeof(link) - 1);
	if (n < 9 || strncmp(link, "/dev/dri/", 9) != 0)
		return 0;
	if (hd_procfile_read(text, sizeof(text), "/proc/%d/fdinfo/%d", search->pid, fd) > 0 && hd_fdinfo_gpu_work(text, &work))
		search->work += work;
	return 0;
}

/* A client that closed takes its count along: only more is work. */
static bool gpu_moved(struct hd_meter *m, const struct hd_model *model)
{
	struct gpu_search search = {0};
	for (size_t i = 0; i < hd_model_count(model); i++) {
		search.pid = hd_model_at(model, i)->pid;
		if (hd_procfile_numbers(add_gpu_work, &search, "/proc/%d/fd", search.pid) < 0)
			continue; /* gone, or not ours to see */
	}
	bool moved = search.work > m->gpu_work;
	m->gpu_work = search.work;
	return moved;
}

static bool cpu_moved(struct hd_meter *m, uint64_t cpu_ns, int64_t now_ns)
{
	int64_t since_ns = now_ns - m->window_start_ns;
	if (m->has_seen && since_ns < m->window_ns)
		return false;
	bool is_busy = m->has_seen && (cpu_ns - m->window_cpu_ns) * HD_CPU_SHARE > (uint64_t)since_ns;
	m->window_start_ns = now_ns;
	m->window_cpu_ns = cpu_ns;
	return is_busy;
}

int64_t hd_meter_silent_ns(const struct hd_meter *m, int64_t now_ns)
{
	return m->has_seen ? now_ns - m->moved_ns : 0;
}

bool hd_meter_read(struct hd_meter *m, const struct hd_model *model, uint64_t cpu_ns, int64_t now_ns)
{
	uint64_t files = all_files(m);
	bool moved = m->has_seen && files != m->files;
	if (m->spec->output && output_moved(m, model))
		moved = m->has_seen;
	if (m->spec->gpu && gpu_moved(m, model))
		moved = m->has_seen;
	if (moved || !m->has_seen)
		m->moved_ns = now_ns;
	if (m->spec->cpu && cpu_moved(m, cpu_ns, now_ns))
		moved = true;
	m->files = files;
	m->has_seen = true;
	return moved;
}
