/* The few words that a row of the live view has room for. */
#include <inttypes.h>
#include <string.h>

#include "hangdog/timetext.h"
#include "report_words.h"
#include "view_priv.h"

#define NS_PER_TICK (HD_NS_PER_S / 100) /* USER_HZ, fixed in the kernel's interface on all that we run on */

int64_t hd_view_age_ns(const struct hd_view_model *model, uint64_t start_ticks)
{
	if (model->boot_ns <= 0 || start_ticks == 0 || start_ticks > (uint64_t)(model->boot_ns / NS_PER_TICK))
		return -1;
	return model->boot_ns - (int64_t)start_ticks * NS_PER_TICK;
}

void hd_view_duration(int64_t ns, struct hd_buf *out)
{
	int64_t ms = ns / HD_NS_PER_MS, s = ms / 1000;
	if (ms <= 0)
		return;
	if (ms < 1000)
		hd_buf_printf(out, "%dms", (int)ms);
	else if (s < 10)
		hd_buf_printf(out, "%d.%ds", (int)s, (int)(ms / 100 % 10));
	else if (s < 60)
		hd_buf_printf(out, "%ds", (int)s);
	else if (s < 3600)
		hd_buf_printf(out, "%dm%02d", (int)(s / 60), (int)(s % 60));
	else if (s < 86400)
		hd_buf_printf(out, "%dh%02d", (int)(s / 3600), (int)(s / 60 % 60));
	else
		hd_buf_printf(out, "%lldd%02d", (long long)(s / 86400), (int)(s / 3600 % 24));
}

static void put_owner(const struct hd_snapshot *snap, const struct hd_owner *owner, struct hd_buf *out)
{
	static const char *const notes[] = {
		[HD_OWNER_INHERITED] = ", gone at fork", [HD_OWNER_FORKER] = ", itself before the fork",
		[HD_OWNER_DEAD] = ", which has ended",	 [HD_OWNER_ELSEWHERE] = ", outside this tree",
	};
	if (owner->state == HD_OWNER_NONE)
		return;
	if (owner->state == HD_OWNER_SELF) {
		hd_buf_str(out, " ← itself");
		return;
	}
	int32_t tid = owner->thread != HD_NONE ? snap->threads[owner->thread].tid : owner->tid;
	hd_buf_printf(out, " ← owner %" PRId32 "%s", tid,
		      (size_t)owner->state < HD_COUNTOF(notes) && notes[owner->state] != NULL ? notes[owner->state] : "");
}

static void put_limit(const struct hd_wait *wait, struct hd_buf *out)
{
	if (wait->timeout_ns > 0)
		hd_buf_printf(out, ", at most %s", hd_duration_words(wait->timeout_ns).text);
	else if (wait->has_deadline)
		hd_buf_str(out, ", for a limited time");
}

static void put_futex(const struct hd_snapshot *snap, const struct hd_thread_verdict *tv, uint32_t t, struct hd_buf *out)
{
	const struct hd_lock *lock = &snap->threads[t].lock;
	hd_buf_str(out, hd_lock_json(lock->kind));
	if (lock->name != NULL)
		hd_buf_printf(out, " %s", lock->name);
	else if (lock->api != NULL)
		hd_buf_printf(out, " in %s", lock->api);
	put_owner(snap, &tv->owner, out);
}

/* The processes that could end the wait, other than its own; nothing if there are many. */
static void put_others(const struct hd_snapshot *snap, const struct hd_thread_verdict *tv, uint32_t t, const char *arrow, struct hd_buf *out)
{
	uint32_t own = snap->threads[t].proc, named = 0, last = HD_NONE;
	for (uint32_t i = 0; i < tv->wakers.n; i++) {
		uint32_t w = tv->wakers.at[i];
		if (w >= snap->n_threads || snap->threads[w].proc == own || snap->threads[w].proc == last)
			continue;
		last = snap->threads[w].proc;
		if (named == 3) {
			hd_buf_str(out, ", …");
			return;
		}
		hd_buf_printf(out, "%s%" PRId32, named++ == 0 ? arrow : ", ", snap->procs[last].pid);
	}
}

static void put_child(const struct hd_thread_verdict *tv, struct hd_buf *out)
{
	bool is_one = tv->wait.child_pid > 0 && tv->wait.child_idtype <= 1;
	if (is_one)
		hd_buf_printf(out, "child %" PRId32, tv->wait.child_pid);
	else
		hd_buf_str(out, "any child");
}

static void put_objects(const struct hd_snapshot *snap, const struct hd_thread_verdict *tv, uint32_t t, struct hd_buf *out)
{
	const struct hd_thread *thread = &snap->threads[t];
	const struct hd_object *first = thread->n_objects != 0 ? &snap->objects[thread->objects[0]] : NULL;
	bool is_set = tv->wait.kind == HD_WAIT_EPOLL || tv->wait.kind == HD_WAIT_POLL;
	bool has_label = first != NULL && first->label != NULL && first->label[0] == '/';
	uint32_t n = first != NULL && first->kind == HD_OBJ_EPOLL ? first->n_watched : thread->n_objects;
	if (tv->wait.kind == HD_WAIT_OTHER)
		hd_buf_str(out, tv->wait.syscall);
	else
		hd_buf_str(out, is_set ? (tv->wait.kind == HD_WAIT_EPOLL ? "epoll" : "poll") : hd_wait_json(tv->wait.kind));
	if (is_set && n != 0)
		hd_buf_printf(out, ", %" PRIu32 " fd%s", n, n == 1 ? "" : "s");
	else if (has_label)
		hd_buf_printf(out, " %s", first->label);
	put_others(snap, tv, t, thread->objects_want_write ? " → " : " ← ", out);
}

void hd_view_wait(const struct hd_snapshot *snap, const struct hd_verdict *v, uint32_t t, struct hd_buf *out)
{
	const struct hd_thread *thread = &snap->threads[t];
	const struct hd_thread_verdict *tv = &v->threads[t];
	switch (thread->is_still ? tv->wait.kind : HD_WAIT_NONE) {
	case HD_WAIT_NONE:
		hd_buf_str(out, strchr("Tt", thread->state) != NULL ? "stopped"
				: thread->state == 'Z'		    ? "has ended, its parent has not looked"
				: thread->state == 'R'		    ? "runs"
								    : "active");
		return;
	case HD_WAIT_FUTEX:
		put_futex(snap, tv, t, out);
		break;
	case HD_WAIT_CHILD:
		put_child(tv, out);
		return;
	case HD_WAIT_TIMER:
		hd_buf_str(out, "sleep");
		if (tv->wait.timeout_ns > 0)
			hd_buf_printf(out, " %s", hd_duration_words(tv->wait.timeout_ns).text);
		return;
	default:
		put_objects(snap, tv, t, out);
		break;
	}
	put_limit(&tv->wait, out);
}

static const char *thread_badge(const struct hd_thread_verdict *tv, enum hd_tint *ret_tint)
{
	static const char *const dead[] = {[HD_CERT_SUSPECTED] = "SUSPECT", [HD_CERT_OWNED] = "OWNED", [HD_CERT_PROVEN] = "PROVEN"};
	if (tv->certainty != HD_CERT_NONE) {
		*ret_tint = tv->is_culprit ? HD_TINT_DEAD : HD_TINT_WAITS;
		return tv->is_culprit ? dead[tv->certainty] : "waits";
	}
	*ret_tint = HD_TINT_WAITS;
	return tv->is_starved ? "starved" : "";
}

const char *hd_view_badge(const struct hd_view_tree *tree, uint32_t proc, uint32_t thread, enum hd_tint *ret_tint)
{
	const char *badge = thread != HD_NONE ? thread_badge(&tree->verdict->threads[thread], ret_tint) : "";
	if (badge[0] != '\0' || proc == HD_NONE)
		return badge;
	enum hd_status status = tree->verdict->procs[proc].status;
	*ret_tint = status == HD_STATUS_STOPPED ? HD_TINT_WAITS : HD_TINT_DIM;
	return status == HD_STATUS_STOPPED ? "stopped" : status == HD_STATUS_EXITED ? "ended" : "";
}

void hd_view_name(const struct hd_view_tree *tree, const struct hd_view_row *row, struct hd_buf *out)
{
	struct hd_buf raw HD_CLEAN_BUF = {0};
	const struct hd_proc *proc = row->proc != HD_NONE ? &tree->snap->procs[row->proc] : NULL;
	if (proc == NULL) {
		if (tree->supervisor != 0)
			hd_buf_printf(&raw, "guarded by hangdog %" PRId32 ": ", tree->supervisor);
		hd_words_command(hd_snapshot_command(tree->snap), 300, &raw);
	} else if (!row->is_proc) {
		hd_buf_str(&raw, hd_thread_name(&tree->snap->threads[row->thread]));
	} else if (proc->argv != NULL && proc->argv[0] != NULL) {
		hd_words_command(proc->argv, 300, &raw);
	} else {
		hd_buf_str(&raw, proc->comm != NULL ? proc->comm : "?");
	}
	hd_buf_safe(out, hd_buf_text(&raw));
}
