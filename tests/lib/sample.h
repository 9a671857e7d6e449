/* Snapshots built by hand for tests: processes with their threads in order, stacks from short texts.
 *   struct hd_snapshot *s = sample_new();
 *   sample_proc(s, 4242, 1, "python3", "python3", "train.py", NULL);
 *   struct hd_thread *t = sample_thread(s, 4242, "python3", 'S');
 *   t->stack = sample_stack(s, "pthread_mutex_lock@/lib/libc.so.6\npy load_item /home/ann/train.py:41");
 * Pointers stay valid until the snapshot is freed: the arrays have room for SAMPLE_MAX rows from the start. */
#ifndef HANGDOG_TESTS_SAMPLE_H
#define HANGDOG_TESTS_SAMPLE_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "hangdog/snapshot.h"

#define SAMPLE_MAX 128u
#define SAMPLE_TIME_NS (INT64_C(1795510752) * HD_NS_PER_S + 123 * HD_NS_PER_MS) /* 2026-11-24T08:59:12.123Z */
#define SAMPLE_NR_READ 0
#define SAMPLE_NR_POLL 7
#define SAMPLE_NR_WAIT4 61
#define SAMPLE_NR_FUTEX 202
#define SAMPLE_NR_NANOSLEEP 230

HD_UNUSED static struct hd_snapshot *sample_new(void)
{
	struct hd_snapshot *s = hd_snapshot_new();
	s->version = "0.1.0";
	s->host = "gpu7";
	s->time_ns = SAMPLE_TIME_NS;
	s->span_ns = 200 * HD_NS_PER_MS;
	s->command = HD_NEW_N(s->arena, 1, const char *);
	s->procs = HD_NEW_N(s->arena, SAMPLE_MAX, struct hd_proc);
	s->threads = HD_NEW_N(s->arena, SAMPLE_MAX, struct hd_thread);
	s->objects = HD_NEW_N(s->arena, SAMPLE_MAX, struct hd_object);
	s->lost = HD_NEW_N(s->arena, SAMPLE_MAX, struct hd_lost);
	return s;
}

/* The first process is the root, and its arguments the command. */
HD_UNUSED static struct hd_proc *sample_proc(struct hd_snapshot *s, int32_t pid, int32_t ppid, const char *comm, ...)
{
	HD_ASSERT(s->n_procs < SAMPLE_MAX);
	struct hd_proc *p = &s->procs[s->n_procs];
	const char **argv = HD_NEW_N(s->arena, 32, const char *);
	va_list ap;
	va_start(ap, comm);
	for (unsigned n = 0; n < 31 && (argv[n] = va_arg(ap, const char *)) != NULL; n++)
		;
	va_end(ap);
	*p = (struct hd_proc){
		.pid = pid, .ppid = ppid, .ns_pid = pid, .start = 1000u + (uint64_t)pid, .comm = comm, .argv = argv, .state = 'S',
		.in_tree = true, .parent = hd_snapshot_proc(s, ppid), .first_thread = s->n_threads, .mm = s->n_procs,
		.mm_shared_outside = HD_NO, .has_io_uring = HD_NO, .is_frozen = HD_NO, .is_dumping = HD_NO,
		.has_foreign_tracer = HD_NO, .timer_armed = HD_NO, .threads_complete = true, .children_complete = true,
	};
	if (s->n_procs++ == 0) {
		s->root = pid;
		s->command = argv;
	}
	return p;
}

/* A thread of the newest process. */
HD_UNUSED static struct hd_thread *sample_thread(struct hd_snapshot *s, int32_t tid, const char *name, char state)
{
	HD_ASSERT(s->n_threads < SAMPLE_MAX && s->n_procs != 0);
	struct hd_thread *t = &s->threads[s->n_threads++];
	*t = (struct hd_thread){
		.tid = tid, .ns_tid = tid, .start = 1000u + (uint64_t)tid, .proc = s->n_procs - 1, .name = name, .state = state,
		.is_still = state == 'S', .blocked_ns = 1300 * HD_NS_PER_MS, .call_known = state == 'S', .nr = -1,
		.abi = HD_ABI_X86_64, .timeout_ns = -1, .has_timeout = HD_NO, .objects_complete = true, .voluntary = 17,
	};
	s->procs[s->n_procs - 1].n_threads++;
	return t;
}

/* Waits on a private futex word. */
HD_UNUSED static struct hd_lock *sample_futex(struct hd_snapshot *s, struct hd_thread *t, uint64_t addr, enum hd_lock_kind kind)
{
	t->nr = SAMPLE_NR_FUTEX;
	t->args[0] = addr;
	t->args[1] = 0x80;
	t->args[2] = 2;
	t->words = HD_NEW(s->arena, struct hd_word);
	t->n_words = 1;
	*t->words = (struct hd_word){.addr = addr, .expected = 2, .value = 2, .value_known = true, .op_private = true,
				     .mapping = HD_MAPPING_PRIVATE, .sharers_object = HD_NONE};
	t->lock = (struct hd_lock){.kind = kind, .confidence = HD_CONF_HIGH, .base = addr, .is_held = true, .family = "glibc"};
	return &t->lock;
}

HD_UNUSED static void sample_wait_child(struct hd_thread *t, int32_t pid)
{
	t->nr = SAMPLE_NR_WAIT4;
	t->args[0] = (uint64_t)(int64_t)pid;
}

HD_UNUSED static struct hd_object *sample_object(struct hd_snapshot *s, enum hd_obj_kind kind, uint64_t id, const char *label)
{
	HD_ASSERT(s->n_objects < SAMPLE_MAX);
	struct hd_object *o = &s->objects[s->n_objects++];
	*o = (struct hd_object){.kind = kind, .id = id, .label = label, .peer = HD_NONE, .timer_ns = -1};
	o->holders = HD_NEW_N(s->arena, 8, struct hd_holder);
	return o;
}

HD_UNUSED static void sample_holder(struct hd_object *o, uint32_t proc, int32_t fd, bool reads, bool writes)
{
	HD_ASSERT(o->n_holders < 8);
	o->holders[o->n_holders++] = (struct hd_holder){.proc = proc, .fd = fd, .reads = reads, .writes = writes};
}

HD_UNUSED static void sample_read_object(struct hd_snapshot *s, struct hd_thread *t, const struct hd_object *o)
{
	t->nr = SAMPLE_NR_READ;
	t->objects = HD_NEW(s->arena, uint32_t);
	t->objects[0] = (uint32_t)(o - s->objects);
	t->n_objects = 1;
}

static struct hd_frame sample_frame(struct hd_snapshot *s, char *line)
{
	struct hd_frame f = {0};
	char *colon;
	if (strncmp(line, "py ", 3) == 0) {
		char *file = strrchr(line, ' ');
		f.kind = HD_FRAME_PYTHON;
		colon = strrchr(file, ':');
		*file++ = *colon = '\0';
		f.function = hd_arena_str(s->arena, line + 3);
		f.file = hd_arena_str(s->arena, file);
		f.line = atoi(colon + 1);
		return f;
	}
	char *at = strrchr(line, '@');
	f.module = at != NULL ? hd_arena_str(s->arena, at + 1) : NULL;
	if (at != NULL)
		*at = '\0';
	f.function = strcmp(line, "?") != 0 ? hd_arena_str(s->arena, line) : NULL;
	f.offset = 0x1040 + (uint64_t)strlen(line) * 16;
	f.pc = 0x7f0000000000 + f.offset;
	return f;
}

/* One frame a line, innermost first: "function@/path/of/module", "?@/path" for a nameless one, "py function FILE:LINE". */
HD_UNUSED static struct hd_stack sample_stack(struct hd_snapshot *s, const char *text)
{
	struct hd_stack stack = {.at = HD_NEW_N(s->arena, 64, struct hd_frame), .is_complete = true};
	char *copy = hd_arena_str(s->arena, text), *save = NULL;
	for (char *line = strtok_r(copy, "\n", &save); line != NULL && stack.n < 64; line = strtok_r(NULL, "\n", &save))
		stack.at[stack.n++] = sample_frame(s, line);
	return stack;
}

/* The newest process was forked by parent_tid while `n` other threads existed. */
HD_UNUSED static struct hd_fork *sample_fork(struct hd_snapshot *s, int32_t parent_pid, int32_t parent_tid, uint32_t n)
{
	struct hd_fork *fork = HD_NEW(s->arena, struct hd_fork);
	*fork = (struct hd_fork){.time_ns = s->time_ns - 14200 * HD_NS_PER_MS, .is_seen = true, .parent_pid = parent_pid,
				 .parent_tid = parent_tid, .parent_ns_tid = parent_tid, .parent_start = 1000u + (uint64_t)parent_pid,
				 .parent_threads = n + 1, .n_others = n};
	fork->others = HD_NEW_N(s->arena, n, struct hd_fork_other);
	for (uint32_t i = 0; i < n; i++)
		fork->others[i] = (struct hd_fork_other){.tid = parent_tid + 1 + (int32_t)i, .ns_tid = parent_tid + 1 + (int32_t)i,
							 .how = HD_HOW_BLOCKED, .nr = -1};
	s->procs[s->n_procs - 1].fork = fork;
	return fork;
}

#endif
