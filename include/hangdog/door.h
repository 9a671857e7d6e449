/* The supervisor's door: one socket a supervisor, $XDG_RUNTIME_DIR/hangdog/PID.sock or /tmp/hangdog-UID/PID.sock, PID
 * being the supervisor's own (contract section 7).
 *
 * A client sends one line (at most HD_DOOR_LINE_MAX bytes, '\n' included), the supervisor answers "ok\n" or "error\n" and
 * a body, and closes.  Only the same user (and root) is served, checked with SO_PEERCRED.  The server never blocks and
 * never waits for a client: what is slow or silent is dropped after HD_DOOR_CLIENT_MS, or as soon as somebody else needs its place,
 * and what talks too much at once. */
#ifndef HANGDOG_DOOR_H
#define HANGDOG_DOOR_H

#include <poll.h>

#include "hangdog/arena.h"
#include "hangdog/buf.h"
#include "hangdog/err.h"

#define HD_DOOR_LINE_MAX 1024
#define HD_DOOR_CLIENTS_MAX 16
#define HD_DOOR_CLIENT_MS 10000

/* ---- server ---- */
struct hd_door;

/* Opens the door and removes sockets of supervisors that are gone. */
HD_MUST_CHECK int hd_door_open(struct hd_door **ret, struct hd_err *err);
void hd_door_close(struct hd_door *door); /* NULL is fine; removes the socket */
/* What to poll for: fills at most `cap` rows (HD_DOOR_CLIENTS_MAX + 1 is always enough), returns how many. */
size_t hd_door_pollfds(const struct hd_door *door, struct pollfd *ret, size_t cap);
/* Answers one request: writes the body, returns true for "ok", false for "error". */
typedef bool hd_door_answer_fn(void *ctx, const char *request, struct hd_buf *reply);
/* Accepts, reads and writes whatever is possible right now, and answers at most one request: an answer can take time, and the
 * caller has other things to do between two.  now_ms: monotonic. */
void hd_door_serve(struct hd_door *door, int64_t now_ms, hd_door_answer_fn *answer, void *ctx);

/* ---- client ---- */
/* Pids of this user's supervisors that run now, ascending. */
HD_MUST_CHECK int hd_door_list(struct hd_arena *arena, int32_t **ret_pids, size_t *ret_n);
/* One question on its way: sent, and answered, bit by bit, so that whoever asks can go on meanwhile. */
struct hd_call;
HD_MUST_CHECK int hd_call_start(int32_t pid, const char *request, struct hd_call **ret, struct hd_err *err);
/* A call whose answer ("ok\n" or "error\n" and a body, then the end) comes on `fd`, which it owns from now on. */
struct hd_call *hd_call_adopt(int fd);
void hd_call_free(struct hd_call *call); /* NULL is fine; whoever answers may go on answering */
/* What to poll for before hd_call_take; fd -1: nothing (its queue is full), try again after HD_CALL_RETRY_MS. */
struct pollfd hd_call_pollfd(const struct hd_call *call);
#define HD_CALL_RETRY_MS 50
/* Does what is possible now, never blocks.  -EAGAIN: not answered yet; else as hd_door_ask, and the call is over. */
HD_MUST_CHECK int hd_call_take(struct hd_call *call, struct hd_buf *ret_body, struct hd_err *err);
/* Asks supervisor `pid` and waits: 0 and the body; -EREMOTEIO: it answered "error" (the body is err's text); else no answer. */
HD_MUST_CHECK int hd_door_ask(int32_t pid, const char *request, int timeout_ms, struct hd_buf *ret_body, struct hd_err *err);
/* Asks many at once.  `heard` is told of the i-th: its answer as of hd_door_ask, or -ETIMEDOUT at the end; true = enough. */
typedef bool hd_door_heard_fn(void *ctx, size_t i, int result, const struct hd_buf *body);
void hd_door_ask_all(const int32_t *pids, size_t n, const char *request, int timeout_ms, hd_door_heard_fn *heard, void *ctx);
/* The supervisor that guards process `pid`, 0 = nobody of this user's. */
int32_t hd_door_find(int32_t pid, struct hd_arena *arena);
/* Is it traced at all?  For who only wants to know whether a trace of their own is possible: asks no supervisor. */
bool hd_door_is_traced(int32_t pid);

#endif
