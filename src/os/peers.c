/* The other ends of sockets: unix sockets by sock_diag (kernel net/unix/diag.c), TCP on this host by the two rows of
 * /proc/PID/net/tcp that mirror each other; and time limits set on a socket, which no other file shows. */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "os/draft.h"
#include "os/procfile.h"
#include "parse/proc_misc.h"

enum {
	TCP_ESTABLISHED_STATE = 1, /* include/net/tcp_states.h, also for unix sockets */
	TCP_LISTEN_STATE = 10,
	NET_TABLE_MAX = 32 << 20,
};

struct unix_row {
	uint32_t ino, peer;
	uint32_t pending; /* data waiting; for a listener: connections not accepted yet */
	uint8_t type, state;
	bool has_name, has_peer;
	uint32_t first_client, n_clients; /* listeners: the sockets of those connections, in `clients`; 0 = closed already */
};
struct hd_unix_table {
	struct unix_row *at; /* sorted by inode */
	size_t n, cap;
	HD_VEC(uint32_t) clients;
};

static void add_clients(struct hd_unix_table *table, struct unix_row *row, const void *data, size_t len)
{
	row->first_client = (uint32_t)table->clients.n;
	for (row->n_clients = 0; row->n_clients < len / sizeof(uint32_t); row->n_clients++) {
		uint32_t ino;
		memcpy(&ino, (const char *)data + row->n_clients * sizeof(ino), sizeof(ino));
		HD_VEC_PUSH(&table->clients, ino);
	}
}

/* ---- the dump ------------------------------------------------------------------------------------------------------ */

static void add_unix_row(struct hd_unix_table *table, const struct nlmsghdr *head)
{
	const struct unix_diag_msg *msg = NLMSG_DATA(head);
	if (head->nlmsg_len < NLMSG_LENGTH(sizeof(*msg)))
		return;
	struct unix_row row = {.ino = msg->udiag_ino, .type = msg->udiag_type, .state = msg->udiag_state};
	int len = (int)(head->nlmsg_len - NLMSG_LENGTH(sizeof(*msg)));
	for (const struct rtattr *a = (const struct rtattr *)(msg + 1); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type == UNIX_DIAG_PEER && RTA_PAYLOAD(a) >= sizeof(uint32_t)) {
			memcpy(&row.peer, RTA_DATA(a), sizeof(row.peer));
			row.has_peer = row.peer != 0;
		} else if (a->rta_type == UNIX_DIAG_RQLEN && RTA_PAYLOAD(a) >= sizeof(struct unix_diag_rqlen)) {
			struct unix_diag_rqlen rqlen;
			memcpy(&rqlen, RTA_DATA(a), sizeof(rqlen));
			row.pending = rqlen.udiag_rqueue;
		} else if (a->rta_type == UNIX_DIAG_ICONS) {
			add_clients(table, &row, RTA_DATA(a), RTA_PAYLOAD(a));
		}
		row.has_name |= a->rta_type == UNIX_DIAG_NAME;
	}
	HD_VEC_PUSH(table, row);
}

/* 1 = more to come, 0 = done, negative errno. */
static int take_batch(struct hd_unix_table *table, int fd)
{
	_Alignas(struct nlmsghdr) char buf[32768];
	ssize_t n = recv(fd, buf, sizeof(buf), 0);
	if (n < 0)
		return errno == EINTR ? 1 : -errno;
	int len = (int)n;
	for (const struct nlmsghdr *head = (const struct nlmsghdr *)buf; NLMSG_OK(head, (unsigned)len); head = NLMSG_NEXT(head, len)) {
		if (head->nlmsg_type == NLMSG_DONE)
			return 0;
		if (head->nlmsg_type == NLMSG_ERROR || (head->nlmsg_flags & NLM_F_DUMP_INTR) != 0)
			return -EIO;
		add_unix_row(table, head);
	}
	return 1;
}

static int by_ino(const void *a, const void *b)
{
	const struct unix_row *x = a, *y = b;
	return (x->ino > y->ino) - (x->ino < y->ino);
}

static int dump_unix(struct hd_unix_table *table)
{
	struct {
		struct nlmsghdr head;
		struct unix_diag_req req;
	} ask = {
		.head = {.nlmsg_len = sizeof(ask), .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.req = {.sdiag_family = AF_UNIX, .udiag_states = UINT32_MAX,
			.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN | UDIAG_SHOW_ICONS},
	};
	HD_CLEAN_FD int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	struct timeval limit = {.tv_sec = 2};
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 || send(fd, &ask, sizeof(ask), 0) < 0)
		return -errno;
	int r;
	while ((r = take_batch(table, fd)) > 0)
		;
	if (r == 0 && table->n > 0)
		qsort(table->at, table->n, sizeof(*table->at), by_ino);
	return r;
}

/* Once a draft; NULL when the kernel does not say. */
static const struct hd_unix_table *unix_table(struct hd_draft *d)
{
	if (d->unix_table == NULL) {
		d->unix_table = calloc(1, sizeof(*d->unix_table));
		if (d->unix_table == NULL)
			abort();
		d->unix_error = dump_unix(d->unix_table);
	}
	return d->unix_error == 0 ? d->unix_table : NULL;
}

void hd_unix_table_free(struct hd_unix_table *table)
{
	if (table == NULL)
		return;
	HD_VEC_RELEASE(&table->clients);
	HD_VEC_RELEASE(table);
	free(table);
}

static const struct unix_row *find_unix(struct hd_draft *d, uint64_t ino)
{
	const struct hd_unix_table *table = unix_table(d);
	struct unix_row key = {.ino = (uint32_t)ino};
	return table != NULL && table->n > 0 && ino <= UINT32_MAX ? bsearch(&key, table->at, table->n, sizeof(key), by_ino) : NULL;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/* Both ends of a connection are open sockets that the tree does not hold. */
static bool is_of_others(const struct hd_unix_table *table, const struct unix_row *listener, const uint64_t *inodes, size_t n)
{
	uint64_t ino = listener->ino;
	bool all = listener->n_clients >= listener->pending && bsearch(&ino, inodes, n, sizeof(ino), by_number) == NULL;
	for (uint32_t i = 0; i < listener->n_clients && all; i++) {
		ino = table->clients.at[listener->first_client + i];
		all = ino != 0 && bsearch(&ino, inodes, n, sizeof(ino), by_number) == NULL;
	}
	return all;
}

bool hd_draft_has_embryos(struct hd_draft *d, const uint64_t *inodes, size_t n)
{
	const struct hd_unix_table *table = unix_table(d);
	for (size_t i = 0; table != NULL && i < table->n; i++) {
		const struct unix_row *row = &table->at[i];
		if (row->state == TCP_LISTEN_STATE && row->pending > 0 && (inodes == NULL || !is_of_others(table, row, inodes, n)))
			return true;
	}
	return table == NULL;
}

bool hd_draft_leads_outside(struct hd_draft *d, uint64_t ino, const uint64_t *inodes, size_t n)
{
	const struct unix_row *row = find_unix(d, ino);
	if (row == NULL)
		return unix_table(d) == NULL; /* no unix socket: no descriptors pass */
	/* Nobody can send to a datagram socket without a name, unless it is the peer of a pair. */
	if (!row->has_peer)
		return row->type == SOCK_DGRAM && row->has_name;
	uint64_t peer = row->peer;
	if (bsearch(&peer, inodes, n, sizeof(peer), by_number) != NULL)
		return false;
	return row->type != SOCK_DGRAM || row->has_name;
}

/* ---- unix ------------------------------------------------------------------------------------------------------------ */

static void fill_unix(struct hd_draft *d, uint32_t o, const struct unix_row *row)
{
	const struct unix_row *peer = row->has_peer ? find_unix(d, row->peer) : NULL;
	d->objects_more.at[o].has_data = row->state == TCP_ESTABLISHED_STATE && row->pending > 0;
	if (row->state == TCP_LISTEN_STATE)
		hd_draft_outside(d, o, "whoever can reach the socket could connect");
	else if (row->type == SOCK_DGRAM && row->has_name)
		hd_draft_outside(d, o, "whoever knows the name of the socket could send to it");
	else if (peer == NULL)
		hd_draft_outside(d, o, "nobody is seen at the other end of the socket");
	if (peer == NULL)
		return;
	uint32_t p = hd_draft_object(d, HD_OBJ_UNIX, peer->ino, 0, 0);
	if (p == HD_NONE)
		return;
	d->objects.at[o].peer = p;
	if (d->objects.at[p].label[0] == '\0')
		d->objects.at[p].label = hd_arena_printf(d->arena, "socket:[%u]", peer->ino);
	if (peer->has_peer && peer->peer == row->ino)
		d->objects.at[p].peer = o;
}

/* ---- TCP --------------------------------------------------------------------------------------------------------------- */

static bool find_tcp_ino(const char *text, uint64_t ino, struct hd_tcp_row *ret)
{
	bool bad = false;
	while (hd_tcp_next(&text, ret, &bad)) {
		if (ret->ino == ino)
			return true;
	}
	return false;
}

static bool find_tcp_mirror(const char *text, const struct hd_tcp_row *row, struct hd_tcp_row *ret)
{
	bool bad = false;
	while (hd_tcp_next(&text, ret, &bad)) {
		if (strcmp(ret->local, row->remote) == 0 && strcmp(ret->remote, row->local) == 0)
			return ret->ino != 0 && ret->state == TCP_ESTABLISHED_STATE;
	}
	return false;
}

static void fill_tcp(struct hd_draft *d, uint32_t o, const char *text, const struct hd_tcp_row *row)
{
	struct hd_tcp_row mirror;
	d->objects.at[o].kind = HD_OBJ_TCP;
	if (row->state != TCP_ESTABLISHED_STATE || !find_tcp_mirror(text, row, &mirror)) {
		hd_draft_outside(d, o, row->state == TCP_LISTEN_STATE ? "whoever can reach the port could connect"
								      : "the other end of the connection is not on this host");
		return;
	}
	d->objects_more.at[o].has_data = row->rx_queue > 0 || mirror.tx_queue > 0; /* there, or on its way */
	uint32_t p = hd_draft_object(d, HD_OBJ_UNIX, mirror.ino, 0, 0);
	if (p == HD_NONE)
		return;
	d->objects.at[o].peer = p;
	d->objects.at[p].peer = o;
	d->objects.at[p].kind = HD_OBJ_TCP;
	d->objects.at[p].label = hd_arena_printf(d->arena, "socket:[%lu]", (unsigned long)mirror.ino);
}

static bool try_tcp(struct hd_draft *d, uint32_t o, int32_t pid, uint64_t ino)
{
	static const char *const tables[] = {"tcp", "tcp6"};
	for (size_t i = 0; i < HD_COUNTOF(tables); i++) {
		char *text;
		size_t len;
		struct hd_tcp_row row;
		if (hd_procfs_text(d->arena, NET_TABLE_MAX, &text, &len, "/proc/%d/net/%s", pid, tables[i]) < 0 ||
		    !find_tcp_ino(text, ino, &row))
			continue;
		fill_tcp(d, o, text, &row);
		return true;
	}
	return false;
}

/* ---- time limits --------------------------------------------------------------------------------------------------------- */

static enum hd_tri limit_of(int fd, int option)
{
	struct timeval limit = {0};
	socklen_t len = sizeof(limit);
	if (getsockopt(fd, SOL_SOCKET, option, &limit, &len) < 0)
		return HD_UNKNOWN;
	return limit.tv_sec != 0 || limit.tv_usec != 0 ? HD_YES : HD_NO;
}

/* By a copy of the descriptor, closed at once: while it is open the peer would see no hang-up (ptrace.md section 3.5). */
static void read_limits(struct hd_draft *d, uint32_t o, int32_t pid, int32_t fd)
{
	HD_CLEAN_FD int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return;
	HD_CLEAN_FD int copy = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	if (copy < 0)
		return;
	d->objects.at[o].has_recv_timeout = limit_of(copy, SO_RCVTIMEO);
	d->objects.at[o].has_send_timeout = limit_of(copy, SO_SNDTIMEO);
}

uint32_t hd_draft_socket(struct hd_draft *d, uint32_t t, int32_t fd, uint64_t ino)
{
	/* Socket inodes are unique on the host, so one name space serves all families; the kind is corrected below. */
	uint32_t o = hd_draft_object(d, HD_OBJ_UNIX, ino, 0, 0);
	if (o == HD_NONE || d->objects_more.at[o].fd >= 0)
		return o;
	int32_t via = d->procs[d->snap->threads[t].proc].via;
	d->objects_more.at[o].pid = via;
	d->objects_more.at[o].fd = fd;
	read_limits(d, o, d->snap->procs[d->snap->threads[t].proc].pid, fd);
	const struct unix_row *row = find_unix(d, ino);
	if (row != NULL) {
		fill_unix(d, o, row);
	} else if (!try_tcp(d, o, via, ino)) {
		d->objects.at[o].kind = HD_OBJ_SOCKET;
		hd_draft_outside(d, o, "the network could answer");
	}
	return o;
}
