/* Hostile clients at the supervisor's door.  The input is a list of what they do: connect, send some bytes, read, hang up, let
 * time pass; the door is served in between.  A request that reaches the answer is one line; nobody keeps a place for ever. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "hangdog/door.h"

#define CLIENTS 24

struct scene {
	struct hd_door *door;
	int64_t now_ms;
	int clients[CLIENTS];
	const uint8_t *at, *end;
};

static bool answer(void *ctx, const char *request, struct hd_buf *reply)
{
	const struct scene *scene = ctx;
	if (strlen(request) >= HD_DOOR_LINE_MAX || strchr(request, '\n') != NULL)
		abort();
	/* Now and then more than a socket takes at once. */
	for (size_t i = request[0] == 'b' ? 4000 : 1; i-- > 0;)
		hd_buf_printf(reply, "%.100s and so on, for as long as nobody reads it", request);
	return scene->at < scene->end;
}

static uint8_t next(struct scene *scene)
{
	return scene->at < scene->end ? *scene->at++ : 0;
}

static void serve(struct scene *scene)
{
	struct pollfd fds[HD_DOOR_CLIENTS_MAX + 1];
	hd_door_serve(scene->door, scene->now_ms, answer, scene);
	if (hd_door_pollfds(scene->door, fds, HD_DOOR_CLIENTS_MAX + 1) > HD_DOOR_CLIENTS_MAX + 1)
		abort();
}

static int arrive(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%.80s/hangdog/%d.sock", getenv("XDG_RUNTIME_DIR"), getpid());
	if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static void send_some(struct scene *scene, int fd)
{
	size_t len = next(scene), left = (size_t)(scene->end - scene->at);
	if (len > left)
		len = left;
	(void)!send(fd, scene->at, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	scene->at += len;
}

static void do_one(struct scene *scene)
{
	char bytes[4096];
	uint8_t what = next(scene);
	int *client = &scene->clients[what / 8 % CLIENTS];
	switch (what % 8) {
	case 0:
		hd_close_fd(client);
		*client = arrive();
		return;
	case 1:
	case 2:
	case 3:
		if (*client >= 0)
			send_some(scene, *client);
		return;
	case 4:
		if (*client >= 0)
			(void)!recv(*client, bytes, sizeof(bytes), MSG_DONTWAIT);
		return;
	case 5:
		hd_close_fd(client);
		return;
	case 6:
		scene->now_ms += 100 * (int64_t)next(scene);
		return;
	default:
		serve(scene);
		return;
	}
}

static void remove_folder(void)
{
	char path[128];
	snprintf(path, sizeof(path), "%.80s/hangdog", getenv("XDG_RUNTIME_DIR"));
	(void)rmdir(path);
	(void)rmdir(getenv("XDG_RUNTIME_DIR"));
}

static void make_folder(void)
{
	static char dir[] = "/tmp/hangdog-fuzz-XXXXXX";
	if (mkdtemp(dir) == NULL || setenv("XDG_RUNTIME_DIR", dir, 1) != 0 || atexit(remove_folder) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool has_folder;
	struct scene scene = {.at = data, .end = data + size};
	struct hd_err err;
	struct pollfd fds[HD_DOOR_CLIENTS_MAX + 1];
	if (!has_folder)
		make_folder();
	has_folder = true;
	if (hd_door_open(&scene.door, &err) < 0)
		abort();
	for (size_t i = 0; i < CLIENTS; i++)
		scene.clients[i] = -1;
	while (scene.at < scene.end)
		do_one(&scene);
	/* Twice: who is still in the queue is let in, and then has had its time. */
	for (int i = 0; i < 4; i++) {
		serve(&scene);
		scene.now_ms += HD_DOOR_CLIENT_MS + 1;
	}
	serve(&scene);
	if (hd_door_pollfds(scene.door, fds, HD_DOOR_CLIENTS_MAX + 1) != 1)
		abort();
	for (size_t i = 0; i < CLIENTS; i++)
		hd_close_fd(&scene.clients[i]);
	hd_door_close(scene.door);
	return 0;
}
