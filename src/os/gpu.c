#include "hangdog/gpu.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "hangdog/buf.h"
#include "hangdog/clock.h"
#include "hangdog/helper.h"
#include "hangdog/vec.h"
#include "os/tracer_priv.h"

enum {
	PUMP_MS = 5,
	AGAIN_MS = 100,
	ANSWER_MAX = 65536,
};

struct hd_gpu_users {
	HD_VEC(int32_t) pids;
	bool has_nvidia;
};

/* ---- who ------------------------------------------------------------------------------------------------------------- */

enum { NO_GPU, SOME_GPU, NVIDIA };

static int gpu_of(const char *path)
{
	static const struct {
		const char *prefix;
		int kind;
	} devices[] = {{"/dev/nvidia", NVIDIA}, {"/dev/kfd", SOME_GPU}, {"/dev/dri/renderD", SOME_GPU}};
	for (size_t i = 0; i < HD_COUNTOF(devices); i++) {
		if (strncmp(path, devices[i].prefix, strlen(devices[i].prefix)) == 0)
			return devices[i].kind;
	}
	return NO_GPU;
}

/* The most telling of its descriptors; a process whose descriptors cannot be read has none that we know of. */
static int gpu_of_process(int32_t pid)
{
	char path[64];
	int kind = NO_GPU;
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	DIR *dir = opendir(path);
	if (dir == NULL)
		return NO_GPU;
	for (struct dirent *e; kind != NVIDIA && (e = readdir(dir)) != NULL;) {
		ssize_t n = readlinkat(dirfd(dir), e->d_name, path, sizeof(path) - 1);
		if (n <= 0)
			continue;
		path[n] = '\0';
		int this = gpu_of(path);
		kind = this > kind ? this : kind;
	}
	closedir(dir);
	return kind;
}

struct hd_gpu_users *hd_gpu_users_note(const struct hd_model *model)
{
	struct hd_gpu_users users = {0}, *ret;
	for (size_t i = 0; i < hd_model_count(model); i++) {
		int32_t pid = hd_model_at(model, i)->pid;
		int kind = gpu_of_process(pid);
		if (kind != NO_GPU)
			HD_VEC_PUSH(&users.pids, pid);
		users.has_nvidia |= kind == NVIDIA;
	}
	if (users.pids.n == 0)
		return NULL;
	ret = malloc(sizeof(*ret));
	if (ret == NULL)
		abort();
	*ret = users;
	return ret;
}

void hd_gpu_users_free(struct hd_gpu_users *users)
{
	if (users != NULL)
		HD_VEC_RELEASE(&users->pids);
	free(users);
}

static bool is_user(const struct hd_gpu_users *users, int64_t pid)
{
	for (size_t i = 0; i < users->pids.n; i++) {
		if (users->pids.at[i] == pid)
			return true;
	}
	return false;
}

/* ---- nvidia-smi -------------------------------------------------------------------------------------------------------- */

struct waiting {
	struct hd_tracer *tracer;
	int64_t until_ns;
	void (*pump)(void *ctx);
	void *ctx;
};

/* The whole answer, or what came until the time was over: a driver that hangs must not hang us. */
static bool read_answer(const struct waiting *w, int fd, struct hd_buf *out)
{
	char part[4096];
	for (;;) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		(void)poll(&ready, 1, PUMP_MS);
		w->pump(w->ctx);
		ssize_t n = read(fd, part, sizeof(part));
		if (n > 0 && out->len < ANSWER_MAX)
			hd_buf_add(out, part, (size_t)n);
		if (n == 0)
			return true;
		if (hd_now_ns() >= w->until_ns)
			return false;
	}
}

/* One number a line.  -ETIME: it did not answer in time; else it cannot be started. */
static int ask(const struct waiting *w, const char *query, struct hd_buf *out)
{
	const char *argv[] = {"nvidia-smi", query, "--format=csv,noheader,nounits", NULL};
	int ends[2];
	int32_t pid;
	hd_buf_clear(out);
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	(void)fcntl(ends[1], F_SETFL, 0);
	int r = hd_helper_spawn(w->tracer, argv, NULL, ends[1], &pid);
	close(ends[1]);
	if (r == 0) {
		/* Nobody waits for it before the next pump: the number is still its own. */
		HD_CLEAN_FD int handle = (int)syscall(SYS_pidfd_open, pid, 0);
		r = read_answer(w, ends[0], out) ? 0 : -ETIME;
		if (r < 0 && handle >= 0)
			(void)syscall(SYS_pidfd_send_signal, handle, SIGKILL, NULL, 0);
	}
	close(ends[0]);
	return r;
}

/* A line that is no number ("[N/A]", an error) is skipped. */
static bool next_number(const char **text, int64_t *ret)
{
	while (**text != '\0') {
		char *end;
		long long value = strtoll(*text, &end, 10);
		bool is_number = end != *text && (*end == '\n' || *end == '\0');
		*text += strcspn(*text, "\n");
		*text += **text == '\n';
		if (is_number) {
			*ret = value;
			return true;
		}
	}
	return false;
}

struct usage {
	int32_t listed; /* one of the users, 0 = none is listed */
	int64_t memory; /* of all GPUs, MiB */
};

static int usage_of_nvidia(const struct hd_gpu_users *users, const struct waiting *w, struct usage *ret)
{
	HD_CLEAN_BUF struct hd_buf text = {0};
	struct usage u = {0};
	int64_t number;
	int r = ask(w, "--query-compute-apps=pid", &text);
	if (r < 0)
		return r;
	for (const char *at = hd_buf_text(&text); next_number(&at, &number);)
		u.listed = is_user(users, number) ? (int32_t)number : u.listed;
	r = ask(w, "--query-gpu=memory.used", &text);
	if (r < 0)
		return r;
	for (const char *at = hd_buf_text(&text); next_number(&at, &number);)
		u.memory += number;
	*ret = u;
	return 0;
}

/* ---- amdgpu -------------------------------------------------------------------------------------------------------------- */

static int32_t listed_by_kfd(const struct hd_gpu_users *users)
{
	char path[64];
	for (size_t i = 0; i < users->pids.n; i++) {
		snprintf(path, sizeof(path), "/sys/class/kfd/kfd/proc/%d", users->pids.at[i]);
		if (access(path, F_OK) == 0)
			return users->pids.at[i];
	}
	return 0;
}

/* ---- given back? ----------------------------------------------------------------------------------------------------------- */

static void pause_pumping(const struct waiting *w, int64_t ns)
{
	int64_t until_ns = hd_now_ns() + ns;
	while (hd_now_ns() < until_ns) {
		w->pump(w->ctx);
		poll(NULL, 0, PUMP_MS);
	}
}

static int too_long(int32_t listed, struct hd_err *err)
{
	if (listed != 0)
		return hd_err_set(err, ETIMEDOUT, "the GPU still lists process %d", listed);
	return hd_err_set(err, ETIMEDOUT, "the GPU may not have given its memory back yet");
}

int hd_gpu_users_wait(const struct hd_gpu_users *users, struct hd_tracer *tracer, int64_t limit_ms, void (*pump)(void *ctx),
		      void *ctx, struct hd_err *err)
{
	struct waiting w = {.tracer = tracer, .until_ns = hd_now_ns() + limit_ms * HD_NS_PER_MS, .pump = pump, .ctx = ctx};
	struct usage now = {0}; /* of the newest whole answer */
	for (int64_t before = INT64_MAX;; before = now.memory) {
		int r = users->has_nvidia ? usage_of_nvidia(users, &w, &now) : -ENOENT;
		if (r < 0 && r != -ETIME)
			now = (struct usage){.memory = before}; /* nobody to ask */
		int32_t listed = now.listed != 0 ? now.listed : listed_by_kfd(users);
		if (listed == 0 && r != -ETIME && now.memory >= before)
			return 0;
		if (hd_now_ns() >= w.until_ns)
			return too_long(listed, err);
		pause_pumping(&w, AGAIN_MS * HD_NS_PER_MS);
	}
}
