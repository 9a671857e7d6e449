#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "hangdog/door.h"
#include "hangdog/vec.h"
#include "os/door_path.h"

#define BODY_MAX ((size_t)256 << 20)
#define FIND_MS 1000

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

static int64_t monotonic_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / HD_NS_PER_MS;
}

static int door_connect(int32_t pid, int timeout_ms)
{
	char dir[HD_DOOR_PATH_MAX];
	struct sockaddr_un addr;
	int r = hd_door_dir(/* make= */ false, dir, NULL);
	if (r < 0 || (r = hd_door_address(dir, pid, &addr)) < 0)
		return r;
	HD_CLEAN_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* The full backlog of a stopped supervisor must not hold us. */
	struct timeval limit = {timeout_ms / 1000, (timeout_ms % 1000) * 1000};
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
	    connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	int out = fd;
	fd = -1; // NOLINT(clang-analyzer-deadcode.DeadStores): its cleanup reads it
	return out;
}

static int read_all(int fd, int64_t until_ms, struct hd_buf *ret)
{
	char chunk[16384];
	while (ret->len < BODY_MAX) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left_ms = until_ms - monotonic_ms();
		int r = left_ms > 0 ? poll(&p, 1, (int)left_ms) : 0;
		if (r < 0 && errno != EINTR)
			return -errno;
		if (r == 0)
			return -ETIMEDOUT;
		if (r < 0)
			continue;
		ssize_t n = recv(fd, chunk, sizeof(chunk), 0);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			hd_buf_add(ret, chunk, (size_t)n);
	}
	return -EFBIG;
}

int hd_door_ask(int32_t pid, const char *request, int timeout_ms, struct hd_buf *ret_body, struct hd_err *err)
{
	HD_CLEAN_BUF struct hd_buf answer = {0}, line = {0};
	int64_t until_ms = monotonic_ms() + timeout_ms;
	HD_CLEAN_FD int fd = door_connect(pid, timeout_ms);
	if (fd < 0)
		return hd_err_set(err, -fd, "the hangdog with pid %d cannot be reached: %s", pid, strerror(-fd));
	hd_buf_printf(&line, "%s\n", request);
	int r = send(fd, line.text, line.len, MSG_NOSIGNAL) == (ssize_t)line.len ? read_all(fd, until_ms, &answer) : -errno;
	if (r < 0)
		return hd_err_set(err, -r, "the hangdog with pid %d does not answer: %s", pid, strerror(-r));
	if (strncmp(hd_buf_text(&answer), "ok\n", 3) == 0) {
		hd_buf_add(ret_body, answer.text + 3, answer.len - 3);
		return 0;
	}
	if (strncmp(hd_buf_text(&answer), "error\n", 6) == 0)
		return hd_err_set(err, EREMOTEIO, "%s", answer.text + 6);
	return hd_err_set(err, EPROTO, "the hangdog with pid %d gave no answer: is it of another version?", pid);
}

int32_t hd_door_find(int32_t pid, struct hd_arena *arena)
{
	int32_t *pids;
	size_t n;
	char request[64];
	if (hd_door_list(arena, &pids, &n) < 0)
		return 0;
	snprintf(request, sizeof(request), "guards %d", pid);
	for (size_t i = 0; i < n; i++) {
		HD_CLEAN_BUF struct hd_buf body = {0};
		if (hd_door_ask(pids[i], request, FIND_MS, &body, NULL) == 0 && strcmp(hd_buf_text(&body), "yes") == 0)
			return pids[i];
	}
	return 0;
}
