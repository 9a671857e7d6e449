/* Snapshots by hand: every helper adds a row whose facts are all known and closed; tests then spoil single facts.
 * Header only, so that every test program can use it.  Rows live in fixed arrays of the snapshot's arena. */
#ifndef HANGDOG_TESTS_BUILD_H
#define HANGDOG_TESTS_BUILD_H

#include <stdio.h>
#include <string.h>

#include "hangdog/verdict.h"

#define TB_ROWS 64
enum { TB_FUTEX = 202, TB_READ = 0, TB_WRITE = 1, TB_POLL = 7, TB_WAIT4 = 61, TB_EPOLL_WAIT = 232, TB_NANOSLEEP = 35, TB_VFORK = 58, TB_FLOCK = 73 };
enum { TB_WAIT_PRIVATE = 0x80, TB_WAIT_SHARED = 0, TB_LOCK_PI = 6 };

static inline struct hd_snapshot *tb_new(void)
{
	struct hd_snapshot *s = hd_snapshot_new();
	s->procs = HD_NEW_N(s->arena, TB_ROWS, struct hd_proc);
	s->threads = HD_NEW_N(s->arena, TB_ROWS, struct hd_thread);
	s->objects = HD_NEW_N(s->arena, TB_ROWS, struct hd_object);
	s->lost = HD_NEW_N(s->arena, TB_ROWS, struct hd_lost);
	return s;
}

/* A process without threads yet: add them right after it. */
static inline HD_UNUSED uint32_t tb_proc(struct hd_snapshot *s, int32_t pid, int32_t ppid)
{
	uint32_t p = s->n_procs++;
	s->procs[p] = (struct hd_proc){.pid = pid,
				       .ppid = ppid,
				       .ns_pid = pid,
				       .start = 1000 + (uint64_t)pid,
				       .pid_ns = 1,
				       .comm = "prog",
				       .state = 'S',
				       .in_tree = true,
				       .parent = hd_snapshot_proc(s, ppid),
				       .first_thread = s->n_threads,
				       .mm = p + 1,
				       .mm_shared_outside = HD_NO,
				       .has_io_uring = HD_NO,
				       .is_frozen = HD_NO,
				       .is_dumping = HD_NO,
				       .has_foreign_tracer = HD_NO,
				       .timer_armed = HD_NO,
				       .threads_complete = true,
				       .children_complete = true};
	if (s->procs[p].parent == p)
		s->procs[p].parent = HD_NONE;
	return p;
}

/* A thread of the newest process; it runs until one of the waits below is given to it. */
static inline HD_UNUSED uint32_t tb_thread(struct hd_snapshot *s, int32_t tid)
{
	uint32_t t = s->n_threads++, p = s->n_procs - 1;
	s->procs[p].n_threads++;
	s->threads[t] = (struct hd_thread){.tid = tid,
					   .ns_tid = tid,
					   .start = 1000 + (uint64_t)tid,
					   .proc = p,
					   .name = "thread",
					   .state = 'R',
					   .abi = HD_ABI_X86_64,
					   .blocked_ns = HD_NS_PER_S,
					   .timeout_ns = -1};
	return t;
}

/* A process with one thread. */
static inline HD_UNUSED uint32_t tb_lone(struct hd_snapshot *s, int32_t pid, int32_t ppid)
{
	uint32_t p = tb_proc(s, pid, ppid);
	tb_thread(s, pid);
	return p;
}

static inline HD_UNUSED struct hd_thread *tb_call(struct hd_snapshot *s, uint32_t t, int64_t nr, uint64_t a0, uint64_t a1,
						  uint64_t a2, uint64_t a3)
{
	struct hd_thread *th = &s->threads[t];
	th->state = 'S';
	th->is_still = th->call_known = true;
	th->nr = nr;
	th->args[0] = a0;
	th->args[1] = a1;
	th->args[2] = a2;
	th->args[3] = a3;
	th->has_timeout = HD_NO;
	return th;
}

/* Waits without limit while the word holds 2, as for a mutex. */
static inline HD_UNUSED struct hd_thread *tb_futex(struct hd_snapshot *s, uint32_t t, uint64_t addr)
{
	struct hd_thread *th = tb_call(s, t, TB_FUTEX, addr, TB_WAIT_PRIVATE, 2, 0);
	th->words = HD_NEW(s->arena, struct hd_word);
	th->n_words = 1;
	th->words[0] = (struct hd_word){.addr = addr,
					.expected = 2,
					.value = 2,
					.value_known = true,
					.op_private = true,
					.mapping = HD_MAPPING_PRIVATE,
					.sharers_object = HD_NONE};
	return th;
}

static inline HD_UNUSED struct hd_lock *tb_mutex(struct hd_snapshot *s, uint32_t t, uint64_t addr, int32_t owner_tid)
{
	struct hd_thread *th = tb_futex(s, t, addr);
	th->lock = (struct hd_lock){.kind = HD_LOCK_MUTEX,
				    .confidence = HD_CONF_HIGH,
				    .base = addr,
				    .owner_tid = owner_tid,
				    .owner_releases = true,
				    .is_held = true};
	return &th->lock;
}

static inline HD_UNUSED uint32_t tb_object(struct hd_snapshot *s, enum hd_obj_kind kind, uint64_t id)
{
	uint32_t o = s->n_objects++;
	s->objects[o] = (struct hd_object){.kind = kind,
					   .id = id,
					   .label = "object",
					   .peer = HD_NONE,
					   .watched_complete = true,
					   .has_recv_timeout = HD_NO,
					   .has_send_timeout = HD_NO};
	s->objects[o].holders = HD_NEW_N(s->arena, TB_ROWS, struct hd_holder);
	s->objects[o].watched = HD_NEW_N(s->arena, TB_ROWS, uint32_t);
	return o;
}

static inline HD_UNUSED void tb_hold(struct hd_snapshot *s, uint32_t o, uint32_t p, bool reads, bool writes)
{
	s->objects[o].holders[s->objects[o].n_holders++] = (struct hd_holder){.proc = p, .fd = 3, .reads = reads, .writes = writes};
}

static inline HD_UNUSED struct hd_thread *tb_on(struct hd_snapshot *s, uint32_t t, int64_t nr, uint32_t o)
{
	struct hd_thread *th = tb_call(s, t, nr, 3, 0, 0, 0);
	if (nr == TB_POLL)
		th->args[2] = 0xffffffff;
	if (nr == TB_EPOLL_WAIT)
		th->args[3] = 0xffffffff;
	if (th->objects == NULL)
		th->objects = HD_NEW_N(s->arena, TB_ROWS, uint32_t);
	th->objects[th->n_objects++] = o;
	th->objects_complete = true;
	return th;
}

static inline HD_UNUSED struct hd_thread *tb_wait4(struct hd_snapshot *s, uint32_t t, int32_t pid)
{
	return tb_call(s, t, TB_WAIT4, (uint32_t)pid, 0, 0, 0);
}

static inline HD_UNUSED struct hd_fork *tb_fork(struct hd_snapshot *s, uint32_t p, int32_t parent_pid, uint32_t parent_threads)
{
	struct hd_fork *fork = HD_NEW(s->arena, struct hd_fork);
	*fork = (struct hd_fork){.is_seen = true,
				 .parent_pid = parent_pid,
				 .parent_tid = parent_pid,
				 .parent_ns_tid = parent_pid,
				 .parent_threads = parent_threads};
	fork->others = HD_NEW_N(s->arena, TB_ROWS, struct hd_fork_other);
	return s->procs[p].fork = fork;
}

static inline HD_UNUSED void tb_other(struct hd_fork *fork, int32_t tid)
{
	fork->others[fork->n_others++] = (struct hd_fork_other){.tid = tid, .ns_tid = tid, .name = "worker", .nr = -1};
}

static inline HD_UNUSED void tb_drop(struct hd_snapshot **s)
{
	hd_snapshot_free(*s);
}
/* A snapshot that is freed at the end of the block. */
#define TB_SNAPSHOT(s) HD_CLEAN(tb_drop) struct hd_snapshot *s = tb_new()

#endif
