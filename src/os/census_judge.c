/* What a census means for an object: who holds it, and who unseen could act on it. */
#include <string.h>

#include "hangdog/procfs.h"
#include "os/census.h"
#include "parse/proc_misc.h"

/* Only who can do what the waiters wait for matters; a socket can be shut down by any of its holders. */
static bool can_act(const struct hd_object *object, const struct hd_draft_object *more, const struct hd_census_row *row)
{
	if (object->kind != HD_OBJ_PIPE && object->kind != HD_OBJ_FIFO)
		return true;
	return (more->wants_data && row->writes) || (more->wants_room && row->reads);
}

static void add_holders(struct hd_draft *d, uint32_t o, const struct hd_census_row *rows, size_t n)
{
	struct hd_object *object = &d->objects.at[o];
	object->holders = HD_NEW_N(d->arena, n + 1, struct hd_holder);
	for (size_t i = 0; i < n; i++) {
		uint32_t p = hd_draft_find_proc(d, rows[i].pid);
		if (p != HD_NONE) {
			object->holders[object->n_holders++] = (struct hd_holder){.proc = p, .fd = rows[i].fd, .reads = rows[i].reads,
										  .writes = rows[i].writes};
		} else if (can_act(object, &d->objects_more.at[o], &rows[i])) {
			const struct hd_roster_row *who = hd_roster_find(&d->roster, rows[i].pid);
			hd_draft_outside(d, o, "process %d (%s), which hangdog does not guard, holds it too", rows[i].pid,
					 who != NULL ? who->name : "?");
		}
	}
}

static bool same_rows(const struct hd_census_row *a, size_t n, const struct hd_census_row *b, size_t m)
{
	for (size_t i = 0; n == m && i < n; i++) {
		if (hd_census_row_order(&a[i], &b[i]) != 0 || a[i].reads != b[i].reads || a[i].writes != b[i].writes)
			return false;
	}
	return n == m;
}

/* The rows of one object in a sorted census. */
static const struct hd_census_row *rows_of(const struct hd_census *c, uint32_t o, size_t *at, size_t *ret_n)
{
	while (*at < c->rows.n && c->rows.at[*at].object < o)
		++*at;
	size_t first = *at;
	while (*at < c->rows.n && c->rows.at[*at].object == o)
		++*at;
	*ret_n = *at - first;
	return c->rows.at + first;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/* Could a descriptor have left or entered the tree? */
static bool has_way_out(struct hd_census *c)
{
	if (!c->d->w->config.is_launched || c->other_net || c->closed_in_tree.pid != 0)
		return true;
	if (c->sockets.n > 0)
		qsort(c->sockets.at, c->sockets.n, sizeof(*c->sockets.at), by_number);
	for (size_t i = 0; i < c->sockets.n; i++) {
		if (hd_draft_leads_outside(c->d, c->sockets.at[i], c->sockets.at, c->sockets.n))
			return true;
	}
	return false;
}

/* Shared memory that never had a descriptor cannot be passed on, and an exec gives it up. */
static bool is_anonymous(const struct hd_object *object)
{
	return object->kind == HD_OBJ_SHM && strcmp(object->label, "/dev/zero") == 0;
}

static void note_closed_by(struct hd_draft *d, uint32_t o, const struct hd_culprit *who, const char *what)
{
	if (who->pid != 0)
		hd_draft_unseen(d, o, hd_arena_printf(d->arena, "process %d (%s) cannot be looked into and may %s", who->pid, who->name, what));
}

static void note_closed(struct hd_census *c, uint32_t o, bool way_out)
{
	struct hd_draft *d = c->d;
	const struct hd_object *object = &d->objects.at[o];
	bool is_memory = object->kind == HD_OBJ_SHM;
	note_closed_by(d, o, &c->closed_in_tree, "hold it");
	if (is_anonymous(object) ? d->w->config.is_launched : !way_out && !hd_watcher_inherited(d->w, object->label))
		return;
	if (hd_roster_hides(&d->roster, d->own_pid_ns))
		hd_draft_unseen(d, o, "processes that cannot be seen from here (outside this container, or hidden) may hold it");
	note_closed_by(d, o, &c->closed, "hold it");
	if (is_memory)
		note_closed_by(d, o, &c->maps_closed, "share the memory");
}

/* x86-64 */
enum { NR_SENDFILE = 40, NR_SPLICE = 275, NR_TEE = 276 };

/* A call that moves data from one file to another has both, also when their numbers were closed since: sendfile, splice, tee. */
static const struct hd_thread *find_mover(const struct hd_snapshot *snap)
{
	for (uint32_t t = 0; t < snap->n_threads; t++) {
		const struct hd_thread *th = &snap->threads[t];
		if (th->call_known && th->abi == HD_ABI_X86_64 && (th->nr == NR_SENDFILE || th->nr == NR_SPLICE || th->nr == NR_TEE))
			return th;
	}
	return NULL;
}

static void note_mover(struct hd_draft *d, uint32_t o)
{
	const struct hd_thread *th = find_mover(d->snap);
	enum hd_obj_kind kind = d->objects.at[o].kind;
	if (th != NULL && (kind == HD_OBJ_PIPE || kind == HD_OBJ_FIFO || kind == HD_OBJ_UNIX || kind == HD_OBJ_TCP))
		hd_draft_outside(d, o, "thread %d moves data between two files, and it may be one of them", th->tid);
}

static void note_under_way(struct hd_draft *d, uint32_t o, const struct hd_culprit *in_flight, const struct hd_culprit *ring)
{
	if (in_flight->pid != 0)
		hd_draft_outside(d, o, "a descriptor is on its way to process %d (%s)", in_flight->pid, in_flight->name);
	if (ring->pid != 0)
		hd_draft_outside(d, o, "process %d (%s) has an io_uring, which may hold it", ring->pid, ring->name);
}

static void note_unseen(struct hd_census *c, uint32_t o, bool way_out)
{
	static const uint64_t none[1];
	struct hd_draft *d = c->d;
	note_closed(c, o, way_out);
	if (is_anonymous(&d->objects.at[o]))
		return;
	/* What was made in the tree and could not leave it, is not under way among others. */
	bool is_sealed = !way_out && !hd_watcher_inherited(d->w, d->objects.at[o].label);
	const uint64_t *own = c->sockets.n > 0 ? c->sockets.at : none;
	note_under_way(d, o, &c->in_flight_in_tree, &c->ring_in_tree);
	if (!is_sealed)
		note_under_way(d, o, &c->in_flight, &c->ring);
	if (hd_draft_has_embryos(d, is_sealed ? own : NULL, c->sockets.n))
		hd_draft_outside(d, o, "a descriptor may be on its way through a connection that nobody accepted yet");
}

static void note_drivers(const struct hd_census *c, uint32_t o)
{
	const struct hd_object *object = &c->d->objects.at[o];
	for (uint32_t i = 0; object->kind == HD_OBJ_EVENTFD && i < object->n_holders; i++) {
		for (size_t k = 0; k < c->with_device.n; k++) {
			if (c->d->snap->procs[object->holders[i].proc].pid == c->with_device.at[k])
				hd_draft_outside(c->d, o, "a driver may signal it");
		}
	}
}

/* A reader whose writers are all gone gets the end of the file: if it waits, somebody holds an end unseen. */
static void note_missing_end(struct hd_draft *d, uint32_t o, const struct hd_census_row *rows, size_t n)
{
	const struct hd_draft_object *more = &d->objects_more.at[o];
	enum hd_obj_kind kind = d->objects.at[o].kind;
	bool reads = false, writes = false;
	if (kind != HD_OBJ_PIPE && kind != HD_OBJ_FIFO)
		return;
	for (size_t i = 0; i < n; i++) {
		reads |= rows[i].reads;
		writes |= rows[i].writes;
	}
	if ((more->wants_data && !writes) || (more->wants_room && !reads))
		hd_draft_outside(d, o, "nobody is seen at the other end");
}

/* Who holds a lock to write of an open description, has it alone: if one was seen with it, that is the one. */
static bool is_ofd_seen(const struct hd_census *c, uint32_t o, const struct hd_file_lock *lock)
{
	for (size_t i = 0; lock->is_write && i < c->ofd_locks.n; i++) {
		if (c->ofd_locks.at[i].object == o && c->ofd_locks.at[i].range == lock->range)
			return true;
	}
	return false;
}

/* Anybody may lock a file by its name: the kernel's list says whether somebody outside did.  For locks of open descriptions
 * it does not say who: there the descriptions that were seen have to make up for all of it, and whoever could have got
 * such a description matters.  False = not everybody is known. */
static bool check_lockers(const struct hd_census *c, uint32_t o)
{
	struct hd_draft *d = c->d;
	const struct hd_object *object = &d->objects.at[o];
	struct hd_file_lock lock;
	char *text;
	size_t len;
	bool bad = false, all_seen = true, held = false;
	if (hd_procfs_text(d->arena, 16 << 20, &text, &len, "/proc/locks") < 0)
		return false;
	for (const char *at = text; hd_locks_next(&at, &lock, &bad);) {
		if (lock.is_waiter || lock.ino != object->id || lock.dev_major != object->dev_major ||
		    lock.dev_minor != object->dev_minor)
			continue;
		held = true;
		all_seen &= lock.is_ofd ? is_ofd_seen(c, o, &lock) : lock.pid > 0;
		if (lock.pid > 0 && hd_draft_find_proc(d, lock.pid) == HD_NONE)
			hd_draft_outside(d, o, "process %d, which hangdog does not guard, locked it", lock.pid);
	}
	if (!held || !all_seen || bad)
		hd_draft_outside(d, o, "not everybody who locked it is seen");
	return held && all_seen && !bad;
}

void hd_census_apply(struct hd_census *first, struct hd_census *second)
{
	struct hd_draft *d = first->d;
	size_t at = 0, at2 = 0, n, n2;
	bool way_out = has_way_out(first) || has_way_out(second);
	for (uint32_t o = 0; o < d->objects.n; o++) {
		const struct hd_census_row *rows = rows_of(first, o, &at, &n), *rows2 = rows_of(second, o, &at2, &n2);
		if (!d->objects_more.at[o].is_wanted) {
			hd_draft_outside(d, o, "its holders were not looked up: whoever waits on it can go on anyway");
			continue;
		}
		add_holders(d, o, rows, n);
		if (!same_rows(rows, n, rows2, n2))
			hd_draft_outside(d, o, "its holders changed while hangdog looked");
		note_missing_end(d, o, rows, n);
		bool is_lock = d->objects.at[o].kind == HD_OBJ_FILELOCK;
		note_unseen(first, o, way_out || (is_lock && !check_lockers(first, o)));
		note_unseen(second, o, way_out || (is_lock && !check_lockers(second, o)));
		note_drivers(first, o);
		note_mover(d, o);
	}
}

