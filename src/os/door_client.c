#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "hangdog/clock.h"
#include "hangdog/door.h"
#include "hangdog/vec.h"
#include "os/door_path.h"
#include "os/procfile.h"

#define BODY_MAX ((size_t)256 << 20)
#define FIND_MS 5000 /* a supervisor on a crowded machine; one that is gone refuses at once */

static int by_pid(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
	return (x > y) - (x < y);
}

int hd_door_list(struct hd_arena *arena, int32_t **ret_pids, size_t *ret_n)
{
	char dir[HD_DOOR_PATH_MAX];
	HD_VEC(int32_t) pids = {0};
	int r = hd_door_dir(/* make= */ false, dir, NULL);
	if (r < 0 && r != -ENOENT)
		return r;
	DIR *d = r == 0 ? opendir(dir) : NULL;
	if (d != NULL) {
		hd_door_sweep(dir);
		for (struct dirent *e; (e = readdir(d)) != NULL;) {
			int32_t pid = hd_door_pid_of(e->d_name);
			if (pid > 0)
				HD_VEC_PUSH(&pids, pid);
		}
		closedir(d);
	}
	if (pids.n > 0)
		qsort(pids.at, pids.n, sizeof(*pids.at), by_pid);
	*ret_pids = hd_arena_dup(arena, pids.at, pids.n * sizeof(*pids.at));
	*ret_n = pids.n;
	HD_VEC_RELEASE(&pids);
	return 0;
}

struct hd_call {
	int32_t pid; /* 0 = adopted */
	int fd;
	bool is_connected;
	struct sockaddr_un addr;
	struct hd_buf line, answer;
	size_t sent;
};

static struct hd_call *call_new(int fd)
{
	struct hd_call *call = calloc(1, sizeof(*call));
	if (call == NULL)
		abort();
	call->fd = fd;
	return call;
}

struct hd_call *hd_call_adopt(int fd)
{
	struct hd_call *call = call_new(fd);
	call->is_connected = true;
	return call;
}

void hd_call_free(struct hd_call *call)
{
	if (call == NULL)
		return;
	hd_close_fd(&call->fd);
	hd_buf_release(&call->line);
	hd_buf_release(&call->answer);
	free(call);
}

/* 0, -EAGAIN: the queue of a supervisor that is stopped or busy is full; another error: there is none. */
static int call_connect(struct hd_call *call)
{
	if (!call->is_connected && connect(call->fd, (struct sockaddr *)&call->addr, sizeof(call->addr)) < 0)
		return -errno;
	call->is_connected = true;
	return 0;
}

static int cannot_reach(int32_t pid, int code, struct hd_err *err)
{
	return hd_err_set(err, code, "the hangdog with pid %d cannot be reached: %s: 'hangdog ps' lists those that run", pid, strerror(code));
}

int hd_call_start(int32_t pid, const char *request, struct hd_call **ret, struct hd_err *err)
{
	char dir[HD_DOOR_PATH_MAX];
	struct sockaddr_un addr;
	int r = hd_door_dir(/* make= */ false, dir, NULL);
	if (r < 0 || (r = hd_door_address(dir, pid, &addr)) < 0)
		return cannot_reach(pid, -r, err);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return cannot_reach(pid, errno, err);
	struct hd_call *call = call_new(fd);
	call->pid = pid;
	call->addr = addr;
	hd_buf_printf(&call->line, "%s\n", request);
	r = call_connect(call);
	if (r < 0 && r != -EAGAIN) {
		hd_call_free(call);
		return cannot_reach(pid, -r, err);
	}
	*ret = call;
	return 0;
}

struct pollfd hd_call_pollfd(const struct hd_call *call)
{
	if (!call->is_connected)
		return (struct pollfd){.fd = -1};
	return (struct pollfd){.fd = call->fd, .events = call->sent < call->line.len ? POLLOUT : POLLIN};
}

static int call_send(struct hd_call *call)
{
	while (call->sent < call->line.len) {
		ssize_t n = send(call->fd, call->line.text + call->sent, call->line.len - call->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			return -errno;
		call->sent += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* 0: the answer is whole. */
static int call_receive(struct hd_call *call)
{
	char chunk[16384];
	while (call->answer.len < BODY_MAX) {
		ssize_t n = recv(call->fd, chunk, sizeof(chunk), MSG_DONTWAIT);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			hd_buf_add(&call->answer, chunk, (size_t)n);
	}
	return -EFBIG;
}

static int call_read(const struct hd_call *call, struct hd_buf *ret_body, struct hd_err *err)
{
	if (strncmp(hd_buf_text(&call->answer), "ok\n", 3) == 0) {
		hd_buf_add(ret_body, call->answer.text + 3, call->answer.len - 3);
		return 0;
	}
	if (strncmp(hd_buf_text(&call->answer), "error\n", 6) == 0)
		return hd_err_set(err, EREMOTEIO, "%s", call->answer.text + 6);
	if (call->pid == 0)
		return hd_err_set(err, EPROTO, "it ended without an answer");
	if (call->answer.len == 0)
		return hd_err_set(err, EPROTO, "the hangdog with pid %d gave no answer: it is ending, or too many ask it: try again", call->pid);
	return hd_err_set(err, EPROTO, "the hangdog with pid %d gave no answer: is it of another version?", call->pid);
}

int hd_call_take(struct hd_call *call, struct hd_buf *ret_body, struct hd_err *err)
{
	int r = call_connect(call);
	if (r < 0 && r != -EAGAIN)
		return cannot_reach(call->pid, -r, err);
	if (r == 0)
		r = call_send(call);
	if (r == 0)
		r = call_receive(call);
	if (r == 0)
		return call_read(call, ret_body, err);
	if (r == -EAGAIN)
		return r;
	return hd_err_set(err, -r, "the hangdog with pid %d does not answer: %s: try again", call->pid, strerror(-r));
}

/* Until something about one of the calls may have changed. */
static void wait_for_calls(struct hd_call *const *calls, size_t n, int64_t left_ms)
{
	HD_VEC(struct pollfd) fds = {0};
	for (size_t i = 0; i < n; i++) {
		struct pollfd p = {.fd = -1};
		if (calls[i] != NULL)
			p = hd_call_pollfd(calls[i]);
		if (calls[i] != NULL && p.fd < 0 && left_ms > HD_CALL_RETRY_MS)
			left_ms = HD_CALL_RETRY_MS;
		HD_VEC_PUSH(&fds, p);
	}
	(void)poll(fds.at, fds.n, (int)left_ms); /* whatever comes of it, the calls are looked at */
	HD_VEC_RELEASE(&fds);
}

int hd_door_ask(int32_t pid, const char *request, int timeout_ms, struct hd_buf *ret_body, struct hd_err *err)
{
	struct hd_call *call = NULL;
	int64_t until_ms = hd_now_ms() + timeout_ms, left_ms;
	int r = hd_call_start(pid, request, &call, err);
	if (call == NULL)
		return r;
	while ((r = hd_call_take(call, ret_body, err)) == -EAGAIN && (left_ms = until_ms - hd_now_ms()) > 0)
		wait_for_calls(&call, 1, left_ms);
	hd_call_free(call);
	if (r == -EAGAIN)
		return hd_err_set(err, ETIMEDOUT, "the hangdog with pid %d does not answer: is it stopped? 'kill -CONT %d' lets it go on", pid, pid);
	return r;
}

/* How many are still silent; *is_enough: nobody wants to know more. */
static size_t hear(struct hd_call **calls, size_t n, hd_door_heard_fn *heard, void *ctx, bool is_last, bool *is_enough)
{
	size_t silent = 0;
	for (size_t i = 0; i < n && !*is_enough; i++) {
		HD_CLEAN_BUF struct hd_buf body = {0};
		int r = calls[i] != NULL ? hd_call_take(calls[i], &body, NULL) : 0;
		silent += r == -EAGAIN;
		if (calls[i] == NULL || (r == -EAGAIN && !is_last))
			continue;
		*is_enough = heard(ctx, i, r == -EAGAIN ? -ETIMEDOUT : r, &body);
		hd_call_free(calls[i]);
		calls[i] = NULL;
	}
	return silent;
}

void hd_door_ask_all(const int32_t *pids, size_t n, const char *request, int timeout_ms, hd_door_heard_fn *heard, void *ctx)
{
	struct hd_call **calls = calloc(n + 1, sizeof(struct hd_call *));
	int64_t until_ms = hd_now_ms() + timeout_ms, left_ms;
	bool is_enough = false;
	if (calls == NULL)
		abort();
	for (size_t i = 0; i < n && !is_enough; i++) {
		int r = hd_call_start(pids[i], request, &calls[i], NULL);
		if (r < 0)
			is_enough = heard(ctx, i, r, &(struct hd_buf){0});
	}
	while (hear(calls, n, heard, ctx, /* is_last= */ false, &is_enough) > 0 && !is_enough && (left_ms = until_ms - hd_now_ms()) > 0)
		wait_for_calls(calls, n, left_ms);
	(void)hear(calls, n, heard, ctx, /* is_last= */ true, &is_enough);
	for (size_t i = 0; i < n; i++)
		hd_call_free(calls[i]);
	free(calls);
}

struct search {
	const int32_t *pids;
	int32_t found;
};

static bool note_guard(void *ctx, size_t i, int result, const struct hd_buf *body)
{
	struct search *search = ctx;
	if (result == 0 && strcmp(hd_buf_text(body), "yes") == 0)
		search->found = search->pids[i];
	return search->found != 0;
}

bool hd_door_is_traced(int32_t pid)
{
	struct hd_task_status status;
	return hd_procfile_status(pid, pid, &status) == 0 && status.tracer != 0;
}

int32_t hd_door_find(int32_t pid, struct hd_arena *arena)
{
	int32_t *pids;
	size_t n;
	char request[64];
	if (hd_door_list(arena, &pids, &n) < 0)
		return 0;
	snprintf(request, sizeof(request), "guards %d", pid);
	struct search search = {.pids = pids};
	hd_door_ask_all(pids, n, request, FIND_MS, note_guard, &search);
	return search.found;
}
