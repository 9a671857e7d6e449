#include "hangdog/door.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "os/door_path.h"

struct client {
	int fd; /* -1 = free slot */
	int64_t since_ms;
	uint64_t turn; /* the how-manieth to be accepted */
	char line[HD_DOOR_LINE_MAX];
	size_t line_len;
	struct hd_buf reply;
	size_t sent;
	bool is_answered;
};

struct hd_door {
	int fd;
	struct sockaddr_un addr;
	struct client clients[HD_DOOR_CLIENTS_MAX];
	uint64_t turns;
};

static void client_drop(struct client *c)
{
	hd_close_fd(&c->fd);
	hd_buf_release(&c->reply);
	c->line_len = c->sent = 0;
	c->is_answered = false;
}

static int door_listen(struct hd_door *door, struct hd_err *err)
{
	char dir[HD_DOOR_PATH_MAX];
	int r = hd_door_dir(/* make= */ true, dir, err);
	if (r < 0)
		return r;
	hd_door_sweep(dir);
	r = hd_door_address(dir, getpid(), &door->addr);
	if (r < 0)
		return hd_err_set(err, -r, "%s: the path is too long for a socket: set XDG_RUNTIME_DIR to a shorter one", dir);
	door->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (door->fd < 0)
		return hd_err_set(err, errno, "a socket cannot be made: %s", strerror(errno));
	unlink(door->addr.sun_path); /* of an earlier process with our pid: the sweep left it, because "it" lives */
	if (bind(door->fd, (struct sockaddr *)&door->addr, sizeof(door->addr)) < 0 || listen(door->fd, HD_DOOR_CLIENTS_MAX) < 0)
		return hd_err_set(err, errno, "%s: cannot listen there: %s", door->addr.sun_path, strerror(errno));
	return 0;
}

int hd_door_open(struct hd_door **ret, struct hd_err *err)
{
	struct hd_door *door = calloc(1, sizeof(*door));
	if (door == NULL)
		abort();
	door->fd = -1;
	for (size_t i = 0; i < HD_DOOR_CLIENTS_MAX; i++)
		door->clients[i].fd = -1;
	int r = door_listen(door, err);
	if (r < 0) {
		hd_close_fd(&door->fd);
		free(door);
		return r;
	}
	*ret = door;
	return 0;
}

void hd_door_close(struct hd_door *door)
{
	if (door == NULL)
		return;
	for (size_t i = 0; i < HD_DOOR_CLIENTS_MAX; i++)
		client_drop(&door->clients[i]);
	unlink(door->addr.sun_path);
	hd_close_fd(&door->fd);
	free(door);
}

size_t hd_door_pollfds(const struct hd_door *door, struct pollfd *ret, size_t cap)
{
	size_t n = 0;
	if (n < cap)
		ret[n++] = (struct pollfd){.fd = door->fd, .events = POLLIN};
	for (size_t i = 0; i < HD_DOOR_CLIENTS_MAX && n < cap; i++) {
		const struct client *c = &door->clients[i];
		if (c->fd >= 0)
			ret[n++] = (struct pollfd){.fd = c->fd, .events = c->is_answered ? POLLOUT : POLLIN};
	}
	return n;
}

static bool peer_is_allowed(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && (peer.uid == geteuid() || peer.uid == 0);
}

/* A free slot; when all are taken, the one that has been there longest goes: those who ask at once are served at once, and
 * whoever only fills slots loses them to the next. */
static struct client *slot_for_new(struct hd_door *door)
{
	struct client *oldest = &door->clients[0];
	for (size_t i = 0; i < HD_DOOR_CLIENTS_MAX; i++) {
		if (door->clients[i].fd < 0)
			return &door->clients[i];
		if (door->clients[i].turn < oldest->turn)
			oldest = &door->clients[i];
	}
	client_drop(oldest);
	return oldest;
}

static void door_accept(struct hd_door *door, int64_t now_ms)
{
	/* Bounded: who connects in a loop gets its turns, not our time; and each has one chance to be read before it can go. */
	for (int i = 0; i < HD_DOOR_CLIENTS_MAX; i++) {
		int fd = accept4(door->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			return;
		if (!peer_is_allowed(fd)) {
			close(fd);
			continue;
		}
		struct client *slot = slot_for_new(door);
		slot->fd = fd;
		slot->since_ms = now_ms;
		slot->turn = ++door->turns;
	}
}

/* True once the whole line is there; false = not yet, or dropped. */
static bool client_read(struct client *c)
{
	ssize_t n = recv(c->fd, c->line + c->line_len, sizeof(c->line) - c->line_len, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		client_drop(c);
		return false;
	}
	c->line_len += (size_t)n;
	char *end = memchr(c->line, '\n', c->line_len);
	if (end != NULL) {
		*end = '\0';
		return true;
	}
	if (c->line_len == sizeof(c->line))
		client_drop(c);
	return false;
}

static void client_answer(struct client *c, hd_door_answer_fn *answer, void *ctx)
{
	HD_CLEAN_BUF struct hd_buf body = {0};
	bool ok = answer(ctx, c->line, &body);
	hd_buf_str(&c->reply, ok ? "ok\n" : "error\n");
	hd_buf_add(&c->reply, hd_buf_text(&body), body.len);
	c->is_answered = true;
}

static void client_write(struct client *c)
{
	while (c->sent < c->reply.len) {
		ssize_t n = send(c->fd, c->reply.text + c->sent, c->reply.len - c->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
			break;
		c->sent += (size_t)n;
	}
	client_drop(c);
}

void hd_door_serve(struct hd_door *door, int64_t now_ms, hd_door_answer_fn *answer, void *ctx)
{
	bool has_answered = false;
	door_accept(door, now_ms);
	for (size_t i = 0; i < HD_DOOR_CLIENTS_MAX; i++) {
		struct client *c = &door->clients[i];
		if (c->fd >= 0 && !c->is_answered && !has_answered && client_read(c)) {
			client_answer(c, answer, ctx);
			has_answered = true;
		}
		if (c->fd >= 0 && c->is_answered)
			client_write(c);
		if (c->fd >= 0 && now_ms - c->since_ms > HD_DOOR_CLIENT_MS)
			client_drop(c);
	}
}
