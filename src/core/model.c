#include "hangdog/model.h"

#include <string.h>
#include <sys/wait.h>

#include "hangdog/copy.h"
#include "hangdog/table.h"
#include "hangdog/vec.h"

enum {
	LOST_MAX = 64,
	HAZARDS_MAX = 4096,
	HAZARD_BYTES_MAX = 64 << 20,
};

/* One fork record, shared by the process that was born and by the list of hazards. */
struct box {
	struct hd_fork *fork;
	struct hd_arena *arena;
	unsigned refs;
};

struct entry {
	struct hd_row row; /* by pid */
	struct hd_model_proc proc;
	struct box *box;           /* NULL = none */
	size_t place;              /* in `living` */
	size_t hazard;             /* 1 + index, 0 = none */
};

struct lost {
	struct hd_lost row;
	char comm[16];
};

struct hazard {
	struct hd_model_hazard row;
	struct box *box;
};

struct hd_model {
	struct hd_table by_pid;
	HD_VEC(struct entry *) living;
	struct lost lost[LOST_MAX]; /* ring */
	size_t lost_total;
	HD_VEC(struct hazard) hazards;
	uint64_t hazard_total;
	size_t hazard_bytes; /* of the evidence that they keep */
	bool wants_hazards;
	uint64_t sequence;
};

static struct box *box_new(struct hd_fork *fork, struct hd_arena *arena)
{
	struct box *box = calloc(1, sizeof(*box));
	if (box == NULL)
		abort();
	*box = (struct box){fork, arena, 1};
	return box;
}

static void box_drop(struct box *box)
{
	if (box == NULL || --box->refs > 0)
		return;
	hd_arena_free(box->arena);
	free(box);
}

struct hd_model *hd_model_new(void)
{
	struct hd_model *model = calloc(1, sizeof(*model));
	if (model == NULL)
		abort();
	return model;
}

void hd_model_want_hazards(struct hd_model *model)
{
	model->wants_hazards = true;
}

static struct entry *find(const struct hd_model *model, int32_t pid)
{
	return hd_table_find(&model->by_pid, (uint32_t)pid);
}

static void forget(struct hd_model *model, struct entry *e)
{
	struct entry *last = model->living.at[--model->living.n];
	model->living.at[e->place] = last;
	last->place = e->place;
	hd_table_remove(&model->by_pid, e);
	box_drop(e->box);
	free(e);
}

void hd_model_free(struct hd_model *model)
{
	if (model == NULL)
		return;
	while (model->living.n > 0)
		forget(model, model->living.at[0]);
	for (size_t i = 0; i < model->hazards.n; i++)
		box_drop(model->hazards.at[i].box);
	HD_VEC_RELEASE(&model->living);
	HD_VEC_RELEASE(&model->hazards);
	free(model);
}

static struct entry *add(struct hd_model *model, int32_t pid, int32_t ppid, uint64_t start, int64_t born_ns)
{
	struct entry *e = find(model, pid);
	if (e != NULL)
		forget(model, e); /* the pid was used again and its end was not seen */
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		abort();
	e->proc = (struct hd_model_proc){.pid = pid, .ppid = ppid, .start = start, .n_threads = 1, .born_ns = born_ns};
	e->place = model->living.n;
	HD_VEC_PUSH(&model->living, e);
	hd_table_add(&model->by_pid, (uint32_t)pid, e);
	model->sequence++;
	return e;
}

void hd_model_add(struct hd_model *model, int32_t pid, int32_t ppid, uint64_t start, int64_t now_ns)
{
	const struct entry *e = find(model, pid);
	if (e == NULL || e->proc.start != start)
		add(model, pid, ppid, start, now_ns);
}

/* ---- events ---------------------------------------------------------------------------------------------------- */

static void note_hazard(struct hd_model *model, struct entry *child, const struct entry *parent)
{
	uint32_t threads = child->proc.fork != NULL ? child->proc.fork->parent_threads : 0;
	if (threads == 0 && parent != NULL)
		threads = parent->proc.n_threads;
	if (threads < 2 || !model->wants_hazards)
		return;
	model->hazard_total++;
	if (model->hazards.n == HAZARDS_MAX)
		return;
	struct hazard hazard = {.row = {.pid = child->proc.pid, .ppid = child->proc.ppid, .time_ns = child->proc.born_ns, .parent_threads = threads}};
	size_t bytes = child->box != NULL ? hd_arena_bytes(child->box->arena) : 0;
	if (child->box != NULL && bytes <= HAZARD_BYTES_MAX - model->hazard_bytes) {
		model->hazard_bytes += bytes;
		hazard.row.fork = child->proc.fork;
		hazard.box = child->box;
		hazard.box->refs++;
	}
	HD_VEC_PUSH(&model->hazards, hazard);
	child->hazard = model->hazards.n;
}

static void apply_birth(struct hd_model *model, const struct hd_event *ev)
{
	struct entry *e = find(model, ev->other);
	if (e != NULL && e->proc.start == ev->start && ev->start != 0) {
		hd_arena_free(ev->fork_arena); /* told twice: attach met it while its birth was under way */
		return;
	}
	int32_t ppid = ev->pid != 0 ? ev->pid : ev->tid;
	e = add(model, ev->other, ppid, ev->start, ev->time_ns);
	e->proc.shares_mm = ev->birth == HD_BIRTH_VFORK || ev->birth == HD_BIRTH_CLONE_VM;
	memcpy(e->proc.comm, ev->comm, sizeof(e->proc.comm));
	if (ev->fork_arena != NULL)
		e->box = box_new(ev->fork, ev->fork_arena);
	e->proc.fork = ev->fork;
	const struct entry *parent = find(model, ppid);
	if (e->box != NULL && e->proc.fork != NULL && !e->proc.shares_mm && parent != NULL && parent->proc.fork != NULL)
		hd_fork_add_older(e->proc.fork, parent->proc.fork, ev->fork_arena);
	if (ev->tid != 0 && !e->proc.shares_mm)
		note_hazard(model, e, parent);
}

static void apply_exec(struct hd_model *model, const struct hd_event *ev)
{
	struct entry *e = find(model, ev->tid);
	if (e == NULL)
		return;
	model->sequence++;
	e->proc.has_exec = true;
	e->proc.shares_mm = false;
	e->proc.n_threads = 1;
	memcpy(e->proc.comm, ev->comm, sizeof(e->proc.comm));
	e->proc.fork = NULL;
	box_drop(e->box);
	e->box = NULL;
	if (e->hazard != 0)
		model->hazards.at[e->hazard - 1].row.has_exec = true;
}

static void note_lost(struct hd_model *model, const struct entry *e, const struct hd_event *ev)
{
	struct lost *lost = &model->lost[model->lost_total++ % LOST_MAX];
	bool by_signal = WIFSIGNALED(ev->status);
	lost->row = (struct hd_lost){
		.pid = e->proc.pid,
		.signal = by_signal ? WTERMSIG(ev->status) : 0,
		.status = by_signal ? -1 : WEXITSTATUS(ev->status),
		.ppid = e->proc.ppid,
		.time_ns = ev->time_ns,
		.has_core = by_signal && WCOREDUMP(ev->status),
	};
	memcpy(lost->comm, e->proc.comm, sizeof(lost->comm));
	lost->row.comm = lost->comm;
}

static void apply_exit(struct hd_model *model, const struct hd_event *ev)
{
	struct entry *e = find(model, ev->tid);
	if (e == NULL) {
		e = find(model, ev->pid);
		if (e == NULL)
			return; /* nobody of ours */
		e->proc.n_threads -= e->proc.n_threads > 1;
		model->sequence++;
		return;
	}
	if (ev->status != 0)
		note_lost(model, e, ev);
	if (e->hazard != 0) {
		model->hazards.at[e->hazard - 1].row.ended = true;
		model->hazards.at[e->hazard - 1].row.status = ev->status;
	}
	forget(model, e);
	model->sequence++;
}

void hd_model_apply(struct hd_model *model, const struct hd_event *event)
{
	switch (event->kind) {
	case HD_EV_NEW_PROCESS:
		apply_birth(model, event);
		break;
	case HD_EV_NEW_THREAD: {
		struct entry *e = find(model, event->pid);
		if (e != NULL)
			e->proc.n_threads++;
		model->sequence++;
	} break;
	case HD_EV_EXEC:
		apply_exec(model, event);
		break;
	case HD_EV_EXIT:
		apply_exit(model, event);
		break;
	case HD_EV_NONE:
	case HD_EV_GROUP_STOP:
	case HD_EV_CONTINUED:
	case HD_EV_SIGNAL:
		break; /* nobody comes or goes */
	}
}

/* ---- questions ------------------------------------------------------------------------------------------------- */

size_t hd_model_count(const struct hd_model *model)
{
	return model->living.n;
}

const struct hd_model_proc *hd_model_at(const struct hd_model *model, size_t i)
{
	HD_ASSERT(i < model->living.n);
	return &model->living.at[i]->proc;
}

const struct hd_model_proc *hd_model_find(const struct hd_model *model, int32_t pid)
{
	const struct entry *e = find(model, pid);
	return e != NULL ? &e->proc : NULL;
}

size_t hd_model_lost_count(const struct hd_model *model)
{
	return model->lost_total < LOST_MAX ? model->lost_total : LOST_MAX;
}

void hd_model_lost_clear(struct hd_model *model)
{
	model->lost_total = 0;
}

const struct hd_lost *hd_model_lost(const struct hd_model *model, size_t i)
{
	size_t n = hd_model_lost_count(model);
	HD_ASSERT(i < n);
	return &model->lost[(model->lost_total - n + i) % LOST_MAX].row;
}

uint64_t hd_model_sequence(const struct hd_model *model)
{
	return model->sequence;
}

size_t hd_model_hazard_count(const struct hd_model *model, uint64_t *ret_total)
{
	if (ret_total != NULL)
		*ret_total = model->hazard_total;
	return model->hazards.n;
}

const struct hd_model_hazard *hd_model_hazard(const struct hd_model *model, size_t i)
{
	HD_ASSERT(i < model->hazards.n);
	return &model->hazards.at[i].row;
}
