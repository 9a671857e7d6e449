/* Native stacks of real programs, compared name by name with what the program is known to have called. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "hangdog/capture.h"
#include "hangdog/forkev.h"
#include "hangdog/procfs.h"
#include "os/procfile.h"

struct target {
	int32_t pid, tid;
	FILE *out;
	int in;
	char dir[32], exe[64];
	struct hd_arena *arena; /* for what is found out about it */
};

static void build(struct target *t, const char *command)
{
	char text[1024];
	t->arena = hd_arena_new();
	strcpy(t->dir, "/tmp/hd-unwind-XXXXXX");
	cr_assert_not_null(mkdtemp(t->dir));
	snprintf(t->exe, sizeof(t->exe), "%s/prog", t->dir);
	snprintf(text, sizeof(text), "%s -o %s", command, t->exe);
	cr_assert_eq(system(text), 0, "%s", text);
}

static void start(struct target *t, const char *kind, const char *mode)
{
	int in[2], out[2];
	cr_assert(pipe(in) == 0 && pipe(out) == 0);
	t->pid = fork();
	if (t->pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		for (int fd = 3; fd < 64; fd++)
			close(fd);
		execl(t->exe, "prog", kind, mode, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	t->in = in[1];
	t->out = fdopen(out[0], "r");
	cr_assert_eq(fscanf(t->out, "%d", &t->tid), 1, "the fixture must say that it is about to block");
}

static void end(struct target *t)
{
	kill(t->pid, SIGKILL);
	waitpid(t->pid, NULL, 0);
	fclose(t->out);
	close(t->in);
}

static void unbuild(const struct target *t)
{
	hd_arena_free(t->arena);
	unlink(t->exe);
	rmdir(t->dir);
}

static void stop(struct target *t)
{
	end(t);
	unbuild(t);
}

/* Waits until the thread stands in a system call and has not moved between two looks. */
static struct hd_syscall wait_blocked(int32_t pid, int32_t tid)
{
	struct hd_syscall call = {0}, again = {0};
	char text[256];
	for (int same = 0; same < 2;) {
		cr_assert_gt(hd_procfile_read(text, sizeof(text), "/proc/%d/task/%d/syscall", pid, tid), 0);
		cr_assert_eq(hd_syscall_parse(text, &call), 0);
		/* 1 is write: the line that says "about to block" is still on its way. */
		bool parked = call.form == HD_SYSCALL_NUMERIC && call.nr != 1;
		same = parked && memcmp(&call, &again, sizeof(call)) == 0 ? same + 1 : 0;
		again = call;
	}
	return call;
}

/* What a process is unwound with. */
struct view {
	struct hd_unwinder *unwinder;
	struct hd_mem_live live;
	struct hd_maps maps;
	struct hd_unwind_query query;
};

static void view_open(struct view *v, int32_t pid, uint64_t sp, uint64_t pc, struct hd_arena *arena)
{
	*v = (struct view){.unwinder = hd_unwinder_new()};
	cr_assert(hd_procfs_maps(pid, arena, &v->maps) == 0 && hd_mem_live_open(&v->live, pid) == 0);
	v->query = (struct hd_unwind_query){.pid = pid, .maps = &v->maps, .mem = &v->live.mem, .regs = {.sp = sp, .pc = pc}};
}

static void view_close(struct view *v)
{
	hd_mem_live_close(&v->live);
	hd_unwinder_free(v->unwinder);
}

static struct hd_stack unwind(const struct target *t, uint64_t sp, uint64_t pc, bool lines)
{
	struct view v;
	struct hd_stack stack;
	view_open(&v, t->pid, sp, pc, t->arena);
	v.query.want_lines = lines;
	hd_unwind(v.unwinder, &v.query, t->arena, &stack);
	view_close(&v);
	return stack;
}

/* Starts it, and unwinds its thread once that is blocked. */
static struct hd_stack blocked_stack(struct target *t, const char *kind, bool lines)
{
	start(t, kind, "");
	struct hd_syscall call = wait_blocked(t->pid, t->tid);
	return unwind(t, call.sp, call.pc, lines);
}

static bool in_program(const struct hd_frame *frame, const struct target *t)
{
	return frame->module != NULL && strcmp(frame->module, t->exe) == 0;
}

/* A function of the fixture's source (a static program has the C library's as well). */
static bool is_own(const struct hd_frame *frame, const struct target *t)
{
	static const char *const names[] = {"block_", "f", "on_signal", "body", "main", "shop::", "void shop::"};
	const char *f = frame->function != NULL ? frame->function : "";
	for (size_t i = 0; i < HD_COUNTOF(names); i++)
		if (in_program(frame, t) && strncmp(f, names[i], strlen(names[i])) == 0)
			return strcmp(names[i], "f") != 0 || (strlen(f) == 3 && f[1] <= '2' && f[2] <= '9');
	return false;
}

/* Joins the names of the program's own frames: "block_sem f00 f01 ... body". */
static const char *own_frames(const struct hd_stack *stack, const struct target *t)
{
	const char *text = "";
	for (uint32_t i = 0; i < stack->n; i++)
		if (is_own(&stack->at[i], t))
			text = hd_arena_printf(t->arena, "%s%s%s", text, *text ? " " : "",
					       stack->at[i].function ? stack->at[i].function : "?");
	return text;
}

#define CHAIN "f00 f01 f02 f03 f04 f05 f06 f07 f08 f09 f10 f11 f12 f13 f14 f15 f16 f17 f18 f19 f20 f21 f22 f23 f24 body"

static const char *const kinds[] = {"sem", "mutex", "cond", "usleep", "read", "fread", "poll", "select", "epoll", "recv", "signal"};

static const char *expected(const char *kind, const struct target *t)
{
	if (strcmp(kind, "signal") == 0)
		return "block_sem on_signal block_signal " CHAIN;
	return hd_arena_printf(t->arena, "block_%s " CHAIN, kind);
}

static void expect_chains(const char *command)
{
	struct target t;
	build(&t, command);
	for (size_t i = 0; i < HD_COUNTOF(kinds); i++) {
		struct hd_stack stack = blocked_stack(&t, kinds[i], false);
		cr_expect_str_eq(own_frames(&stack, &t), expected(kinds[i], &t), "%s, %s:\n%s", command, kinds[i],
				 own_frames(&stack, &t));
		cr_expect(stack.is_complete, "%s, %s", command, kinds[i]);
		end(&t);
	}
	unbuild(&t);
}

#define SOURCE "tests/fixtures/chain.c -pthread"

Test(unwind, a_chain_built_by_gcc_at_O0_is_found_from_sp_and_pc_alone, .timeout = 60)
{
	expect_chains("gcc -O0 " SOURCE);
}

Test(unwind, a_chain_built_by_gcc_at_O2_is_found_from_sp_and_pc_alone, .timeout = 60)
{
	expect_chains("gcc -O2 " SOURCE);
}

Test(unwind, a_chain_built_for_size_is_found_from_sp_and_pc_alone, .timeout = 60)
{
	expect_chains("gcc -Os " SOURCE);
}

Test(unwind, a_chain_that_keeps_frame_pointers_is_found_from_sp_and_pc_alone, .timeout = 60)
{
	expect_chains("gcc -O2 -fno-omit-frame-pointer " SOURCE);
}

Test(unwind, a_chain_hardened_as_distributions_do_is_found_from_sp_and_pc_alone, .timeout = 60)
{
	expect_chains("gcc -O2 -fno-omit-frame-pointer -fcf-protection -fstack-clash-protection -fstack-protector-strong " SOURCE);
}

Test(unwind, a_chain_in_a_static_program_is_found_from_sp_and_pc_alone, .timeout = 60)
{
	expect_chains("gcc -O1 -static " SOURCE);
}

Test(unwind, a_chain_at_a_fixed_address_is_found_from_sp_and_pc_alone, .timeout = 60)
{
	expect_chains("gcc -O0 -no-pie " SOURCE);
}

Test(unwind, a_chain_built_by_clang_is_found_from_sp_and_pc_alone, .timeout = 60)
{
	if (system("command -v clang >/dev/null") != 0)
		cr_skip_test("no clang here");
	expect_chains("clang -O0 " SOURCE);
	expect_chains("clang -O2 " SOURCE);
	expect_chains("clang -O2 -fno-omit-frame-pointer " SOURCE);
}

Test(unwind, a_stripped_program_keeps_the_names_that_it_exports, .timeout = 60)
{
	expect_chains("gcc -O2 -s -rdynamic " SOURCE);
}

Test(unwind, without_tables_frame_pointers_lead_on_and_are_marked_as_guesses, .timeout = 60)
{
	struct target t;
	build(&t, "gcc -O1 -fno-omit-frame-pointer -fno-asynchronous-unwind-tables " SOURCE);
	struct hd_stack stack = blocked_stack(&t, "cond", false);
	cr_expect_str_eq(own_frames(&stack, &t), expected("cond", &t), "%s", own_frames(&stack, &t));
	bool guessed = false;
	for (uint32_t i = 0; i < stack.n; i++)
		guessed |= stack.at[i].is_guess;
	cr_expect(guessed);
	stop(&t);
}

Test(unwind, a_chain_over_musl_which_has_no_tables_is_found_by_its_calls, .timeout = 60)
{
	static const char *const some[] = {"sem", "mutex", "cond", "read", "poll"};
	struct target t;
	if (system("command -v musl-gcc >/dev/null") != 0)
		cr_skip_test("no musl here");
	build(&t, "musl-gcc -O2 " SOURCE);
	for (size_t i = 0; i < HD_COUNTOF(some); i++) {
		struct hd_stack stack = blocked_stack(&t, some[i], false);
		cr_expect_str_eq(own_frames(&stack, &t), expected(some[i], &t), "%s: %s", some[i],
				 own_frames(&stack, &t));
		cr_expect_not(stack.is_complete, "nothing says that it ended at the thread's start");
		end(&t);
	}
	unbuild(&t);
}

Test(unwind, calls_into_the_c_library_have_their_public_names, .timeout = 30)
{
	static const struct {
		const char *kind, *name;
	} cases[] = {{"sem", "sem_wait"}, {"mutex", "pthread_mutex_lock"}, {"cond", "pthread_cond_wait"}, {"read", "read"},
		     {"fread", "fread"}, {"epoll", "epoll_wait"}, {"usleep", "usleep"}, {"tail", "sem_wait"}};
	struct target t;
	build(&t, "gcc -O2 -s " SOURCE);
	for (size_t i = 0; i < HD_COUNTOF(cases); i++) {
		const char *found = NULL;
		struct hd_stack stack = blocked_stack(&t, cases[i].kind, false);
		for (uint32_t k = 1; k < stack.n && found == NULL; k++)
			if (in_program(&stack.at[k], &t))
				found = stack.at[k - 1].called_as;
		cr_expect(found != NULL && strcmp(found, cases[i].name) == 0, "%s: %s", cases[i].kind, found ? found : "nothing");
		end(&t);
	}
	unbuild(&t);
}

Test(unwind, data_is_named_by_its_symbol, .timeout = 30)
{
	struct target t;
	struct view v;
	struct hd_data_symbol symbol;
	build(&t, "gcc -O2 " SOURCE);
	start(&t, "mutex", "");
	struct hd_syscall call = wait_blocked(t.pid, t.tid);
	view_open(&v, t.pid, 0, 0, t.arena);
	cr_assert(hd_unwind_data_symbol(v.unwinder, &v.query, call.args[0], false, t.arena, &symbol));
	cr_expect_str_eq(symbol.name, "registry_lock");
	cr_expect_str_eq(symbol.module, t.exe);
	cr_expect_eq(symbol.offset, 0);
	cr_expect_not(hd_unwind_data_symbol(v.unwinder, &v.query, call.sp, false, t.arena, &symbol), "the stack is no file's");
	cr_expect_not(hd_unwind_data_symbol(v.unwinder, &v.query, 16, false, t.arena, &symbol));
	view_close(&v);
	stop(&t);
}

Test(unwind, source_lines_come_when_asked_for, .timeout = 30)
{
	struct target t;
	build(&t, "gcc -O0 -g " SOURCE);
	struct hd_stack stack = blocked_stack(&t, "read", true);
	bool found = false;
	for (uint32_t i = 0; i < stack.n; i++) {
		const struct hd_frame *f = &stack.at[i];
		if (f->function == NULL || strcmp(f->function, "block_read") != 0)
			continue;
		found = true;
		cr_expect(f->file != NULL && strstr(f->file, "chain.c") != NULL);
		cr_expect_gt(f->line, 30);
	}
	cr_expect(found);
	stop(&t);
}

Test(unwind, a_program_whose_file_was_deleted_still_has_its_stack, .timeout = 30)
{
	struct target t;
	build(&t, "gcc -O2 -rdynamic " SOURCE);
	start(&t, "sem", "");
	struct hd_syscall call = wait_blocked(t.pid, t.tid);
	unlink(t.exe);
	struct hd_stack stack = unwind(&t, call.sp, call.pc, false);
	cr_expect_str_eq(own_frames(&stack, &t), expected("sem", &t), "%s", own_frames(&stack, &t));
	stop(&t);
}

Test(unwind, cpp_names_are_demangled, .timeout = 60)
{
	struct target t;
	build(&t, "g++ -O1 tests/fixtures/chain.cc -pthread");
	struct hd_stack stack = blocked_stack(&t, "", false);
	const char *own = own_frames(&stack, &t);
	cr_expect_not_null(strstr(own, "shop::Till::wait(int)"), "%s", own);
	cr_expect_not_null(strstr(own, "void shop::serve<shop::Till>(shop::Till&)"), "%s", own);
	cr_expect(stack.is_complete);
	stop(&t);
}

Test(unwind, a_cut_stack_gives_a_short_answer_that_says_so, .timeout = 30)
{
	struct target t;
	struct view v;
	struct hd_stack stack;
	uint8_t bytes[65536];
	build(&t, "gcc -O0 " SOURCE);
	start(&t, "cond", "");
	struct hd_syscall call = wait_blocked(t.pid, t.tid);
	view_open(&v, t.pid, call.sp, call.pc, t.arena);
	cr_assert_eq(hd_mem_read(&v.live.mem, call.sp, bytes, 25000), 0);
	for (size_t len = 0; len <= 25000; len += len < 256 ? 8 : 1000) {
		struct hd_mem_layer layer;
		hd_mem_layer_init(&layer, NULL, call.sp, bytes, len);
		v.query.mem = &layer.mem;
		hd_unwind(v.unwinder, &v.query, t.arena, &stack);
		cr_expect_not(stack.is_complete, "%zu bytes", len);
		cr_expect_geq(stack.n, 1u);
	}
	v.query.mem = &v.live.mem;
	v.query.frames_max = 5;
	hd_unwind(v.unwinder, &v.query, t.arena, &stack);
	cr_expect(stack.n == 5 && stack.is_partial && !stack.is_complete);
	view_close(&v);
	stop(&t);
}

/* ---- threads that a fork did not copy --------------------------------------------------------------------------------- */

static void tell(struct target *t)
{
	cr_assert_eq(write(t->in, "\n", 1), 1);
}

/* Starts it, lets it fork once its thread is blocked, and gives the child, which blocks too. */
static int32_t forked(struct target *t, const char *kind, const char *mode, struct hd_syscall *ret_blocked)
{
	int32_t child;
	start(t, kind, mode);
	*ret_blocked = wait_blocked(t->pid, t->tid);
	tell(t);
	cr_assert_eq(fscanf(t->out, "%d", &child), 1);
	return child;
}

static void stop_both(struct target *t, int32_t child)
{
	kill(child, SIGKILL);
	stop(t);
}

/* The blocked thread of the parent, seen in the child after it has ended in the parent. */
static void expect_dead(const char *command, const char *kind, bool sampled)
{
	struct target t;
	struct view v;
	struct hd_syscall call;
	char word[16];
	build(&t, command);
	int32_t child = forked(&t, kind, "fork", &call);
	tell(&t);
	cr_assert_eq(fscanf(t.out, "%15s", word), 1); /* joined: the thread is gone */
	view_open(&v, child, 0, 0, t.arena);
	if (sampled) {
		struct hd_stack stack;
		v.query.regs = (struct hd_regs){.sp = call.sp, .pc = call.pc};
		hd_unwind_dead(v.unwinder, &v.query, 0, t.arena, &stack);
		cr_expect(stack.is_complete, "%s %s", command, kind);
		cr_expect_str_eq(own_frames(&stack, &t), expected(kind, &t), "%s %s: %s", command, kind,
				 own_frames(&stack, &t));
	} else {
		struct hd_syscall survivor = wait_blocked(child, child);
		v.query.regs.sp = survivor.sp;
		struct hd_fork *fork_found = hd_forkev_dig(v.unwinder, &v.query, t.arena);
		cr_assert_not_null(fork_found, "%s %s", command, kind);
		cr_assert_eq(fork_found->n_others, 1);
		cr_expect_str_eq(own_frames(&fork_found->others[0].stack, &t), expected(kind, &t), "%s %s: %s", command,
				 kind, own_frames(&fork_found->others[0].stack, &t));
	}
	view_close(&v);
	stop_both(&t, child);
}

Test(dead, a_thread_that_was_not_copied_is_found_from_its_sample, .timeout = 60)
{
	for (size_t i = 0; i + 1 < HD_COUNTOF(kinds); i++)
		expect_dead("gcc -O2 " SOURCE, kinds[i], true);
	for (size_t i = 0; i + 1 < HD_COUNTOF(kinds); i++)
		expect_dead("gcc -O0 " SOURCE, kinds[i], true);
}

Test(dead, a_thread_that_was_not_copied_is_found_from_its_stack_alone, .timeout = 60)
{
	for (size_t i = 0; i + 1 < HD_COUNTOF(kinds); i++)
		expect_dead("gcc -O2 " SOURCE, kinds[i], false);
	for (size_t i = 0; i + 1 < HD_COUNTOF(kinds); i++)
		expect_dead("gcc -O0 " SOURCE, kinds[i], false);
}

Test(dead, while_the_parent_has_the_thread_its_number_and_name_are_found_there, .timeout = 60)
{
	struct target t;
	struct view v;
	struct hd_syscall call;
	build(&t, "gcc -O2 " SOURCE);
	int32_t child = forked(&t, "poll", "fork", &call);
	struct hd_syscall survivor = wait_blocked(child, child);
	view_open(&v, child, survivor.sp, 0, t.arena);
	struct hd_fork *found = hd_forkev_dig(v.unwinder, &v.query, t.arena);
	cr_assert(found != NULL && found->n_others == 1);
	cr_expect_eq(found->parent_pid, t.pid);
	cr_expect_eq(found->others[0].tid, t.tid);
	cr_expect_str_eq(found->others[0].name, "prog");
	cr_expect_not(found->is_seen);
	view_close(&v);
	stop_both(&t, child);
}

Test(dead, a_main_thread_that_was_not_copied_is_found_on_the_first_stack, .timeout = 60)
{
	struct target t;
	struct view v;
	struct hd_syscall call;
	build(&t, "gcc -O2 " SOURCE);
	int32_t child = forked(&t, "read", "main", &call);
	struct hd_syscall survivor = wait_blocked(child, child);
	view_open(&v, child, survivor.sp, 0, t.arena);
	struct hd_fork *found = hd_forkev_dig(v.unwinder, &v.query, t.arena);
	cr_assert(found != NULL && found->n_others == 1);
	const char *own = own_frames(&found->others[0].stack, &t);
	cr_expect_str_eq(own, "block_read " CHAIN " main", "%s", own);
	view_close(&v);
	stop_both(&t, child);
}

Test(dead, threads_that_ended_by_themselves_are_not_taken_for_threads_lost_in_a_fork, .timeout = 60)
{
	struct target t;
	struct view v;
	struct hd_syscall call;
	char word[16];
	build(&t, "gcc -O0 " SOURCE);
	int32_t child = forked(&t, "poll", "fork", &call);
	tell(&t);
	cr_assert_eq(fscanf(t.out, "%15s", word), 1); /* joined: 27 frames deep a moment ago */
	struct hd_syscall main_thread = wait_blocked(t.pid, t.pid);
	view_open(&v, t.pid, main_thread.sp, 0, t.arena);
	cr_expect_null(hd_forkev_dig(v.unwinder, &v.query, t.arena));
	view_close(&v);
	stop_both(&t, child);
}

/* Follows one fork of the fixture as the tracer does.  late: the parent goes on, and its other thread ends, before the
 * newborn is looked at. */
static struct hd_fork *traced_fork(struct target *t, bool late, struct hd_forkev *ctx, struct hd_arena **ret_arena, int32_t *ret_child)
{
	int status;
	unsigned long child;
	char word[16];
	cr_assert_eq(ptrace(PTRACE_SEIZE, t->pid, NULL, PTRACE_O_TRACEFORK), 0);
	tell(t);
	cr_assert_eq(waitpid(t->pid, &status, __WALL), t->pid);
	cr_assert_eq(status >> 16, PTRACE_EVENT_FORK);
	struct hd_fork *fork_seen = hd_forkev_collect(ctx, HD_EVIDENCE_LIGHT, t->pid, t->pid, ret_arena);
	cr_assert_not_null(fork_seen);
	cr_assert_eq(ptrace(PTRACE_GETEVENTMSG, t->pid, NULL, &child), 0);
	if (late) {
		cr_assert_eq(ptrace(PTRACE_DETACH, t->pid, NULL, 0), 0);
		cr_assert_eq(fscanf(t->out, "%15s", word), 1);
		tell(t);
		cr_assert_eq(fscanf(t->out, "%15s", word), 1); /* joined */
	}
	hd_forkev_birth(ctx, HD_EVIDENCE_LIGHT, fork_seen, *ret_arena, (int32_t)child);
	hd_forkev_names(fork_seen, *ret_arena);
	cr_assert_eq(waitpid((pid_t)child, &status, __WALL), (pid_t)child);
	cr_assert_eq(ptrace(PTRACE_DETACH, (pid_t)child, NULL, 0), 0);
	cr_assert(late || ptrace(PTRACE_DETACH, t->pid, NULL, 0) == 0);
	*ret_child = (int32_t)child;
	return fork_seen;
}

Test(dead, a_thread_that_moved_since_the_fork_is_shown_where_it_stood_but_not_as_seen_there, .timeout = 60)
{
	struct target t;
	struct hd_arena *kept;
	struct hd_forkev *ctx = hd_forkev_new();
	struct view v;
	int32_t child;
	build(&t, "gcc -O0 " SOURCE);
	start(&t, "poll", "fork");
	wait_blocked(t.pid, t.tid);
	struct hd_fork *seen = traced_fork(&t, /* late= */ true, ctx, &kept, &child);
	cr_assert_eq(seen->n_others, 1);
	cr_expect_eq(seen->others[0].how, HD_HOW_UNKNOWN);
	cr_expect_eq(seen->others[0].nr, -1);
	cr_expect_neq(seen->others[0].tls, 0, "the newborn still has its control block");
	view_open(&v, child, 0, 0, t.arena);
	struct hd_fork *fork_resolved = hd_forkev_resolve(seen, v.unwinder, &v.query, t.arena);
	const char *frames = own_frames(&fork_resolved->others[0].stack, &t);
	cr_expect_not_null(strstr(frames, "f24 body"), "%s", frames);
	cr_expect(fork_resolved->others[0].is_approximate);
	view_close(&v);
	hd_forkev_free(ctx);
	hd_arena_free(kept);
	stop_both(&t, child);
}

Test(dead, a_fork_that_was_seen_tells_who_held_what_and_where_it_forked, .timeout = 60)
{
	struct target t;
	struct hd_arena *kept;
	struct hd_forkev *ctx = hd_forkev_new();
	struct view v;
	int32_t child;
	char word[16];
	build(&t, "gcc -O0 " SOURCE);
	start(&t, "poll", "fork");
	wait_blocked(t.pid, t.tid);
	struct hd_fork *seen = traced_fork(&t, /* late= */ false, ctx, &kept, &child);
	cr_expect_eq(seen->parent_threads, 2);
	cr_assert_eq(seen->n_others, 1);
	cr_expect_eq(seen->others[0].tid, t.tid);
	cr_expect_eq(seen->others[0].nr, 7, "poll");
	cr_expect_neq(seen->others[0].tls, 0, "its control block is found in the newborn");
	cr_expect_str_eq(seen->others[0].name, "prog");
	cr_assert_eq(fscanf(t.out, "%15s", word), 1);
	tell(&t);
	cr_assert_eq(fscanf(t.out, "%15s", word), 1); /* joined */
	view_open(&v, child, 0, 0, t.arena);
	struct hd_fork *fork_resolved = hd_forkev_resolve(seen, v.unwinder, &v.query, t.arena);
	cr_expect_str_eq(own_frames(&fork_resolved->others[0].stack, &t), expected("poll", &t));
	cr_expect(fork_resolved->others[0].stack.is_complete);
	cr_expect_eq(fork_resolved->others[0].how, HD_HOW_BLOCKED);
	const char *forker = own_frames(&fork_resolved->stack, &t);
	cr_expect_str_eq(forker, "main", "%s", forker);
	cr_expect(fork_resolved->stack.is_complete);
	view_close(&v);
	hd_forkev_free(ctx);
	hd_arena_free(kept);
	stop_both(&t, child);
}

static bool has_frame(const struct hd_stack *stack, enum hd_frame_kind kind, const char *function)
{
	for (uint32_t i = 0; i < stack->n; i++)
		if (stack->at[i].kind == kind && stack->at[i].function != NULL && strcmp(stack->at[i].function, function) == 0)
			return true;
	return false;
}

Test(dead, python_and_native_frames_of_a_thread_that_was_not_copied_are_one_stack, .timeout = 60)
{
	struct target t = {.dir = "", .exe = "/bin/sh", .arena = hd_arena_new()};
	struct hd_arena *kept;
	struct hd_forkev *ctx = hd_forkev_new();
	struct view v;
	int32_t child;
	if (system("python3 -c 'import sys, ctypes; sys.exit(not (3, 8) <= sys.version_info < (3, 14))'") != 0)
		cr_skip_test("no python3 between 3.8 and 3.13 here");
	start(&t, "-c", "exec python3 tests/fixtures/fork_threads.py");
	wait_blocked(t.pid, t.pid); /* reads stdin */
	struct hd_fork *seen = traced_fork(&t, /* late= */ false, ctx, &kept, &child);
	cr_assert_eq(seen->n_others, 1);
	cr_expect_str_eq(seen->others[0].name, "keeper");
	cr_expect(has_frame(&seen->others[0].stack, HD_FRAME_PYTHON, "keep_the_lock"));
	cr_expect(has_frame(&seen->stack, HD_FRAME_PYTHON, "fork_now"));
	view_open(&v, child, 0, 0, t.arena);
	struct hd_fork *ret = hd_forkev_resolve(seen, v.unwinder, &v.query, t.arena);
	const struct hd_stack *keeper = &ret->others[0].stack;
	cr_expect(has_frame(keeper, HD_FRAME_PYTHON, "keep_the_lock"));
	cr_expect(has_frame(keeper, HD_FRAME_NATIVE, "PyThread_acquire_lock_timed"));
	cr_expect(has_frame(keeper, HD_FRAME_NATIVE, "start_thread") || keeper->is_complete);
	cr_expect(has_frame(&ret->stack, HD_FRAME_PYTHON, "fork_now"));
	cr_expect(has_frame(&ret->stack, HD_FRAME_NATIVE, "fork") || has_frame(&ret->stack, HD_FRAME_NATIVE, "__libc_fork"));
	cr_expect_not(has_frame(keeper, HD_FRAME_NATIVE, "_PyEval_EvalFrameDefault"), "Python frames stand in its place");
	view_close(&v);
	hd_forkev_free(ctx);
	hd_arena_free(kept);
	kill(child, SIGKILL);
	end(&t);
	hd_arena_free(t.arena);
}

/* ---- capture -------------------------------------------------------------------------------------------------------------- */

/* The C library's record of the thread lies right above its stack and begins with its own address. */
static bool has_record(const struct hd_captured *row)
{
	for (size_t at = (size_t)(-row->regs.sp & 63); at + 8 <= row->len; at += 64) {
		uint64_t word;
		memcpy(&word, row->bytes + at, sizeof(word));
		if (word == row->regs.sp + at)
			return true;
	}
	return false;
}

static void expect_captured(const char *source, const char *kind, enum hd_how how, const char *chain)
{
	struct target t;
	struct hd_capture *capture;
	struct view v;
	build(&t, source);
	start(&t, kind, "");
	wait_blocked(t.pid, t.pid); /* the main thread joins */
	if (how == HD_HOW_BLOCKED)
		wait_blocked(t.pid, t.tid);
	cr_assert_eq(hd_capture_of(t.pid, (int32_t[]){t.tid, t.pid}, 2, true, &capture), 0);
	cr_assert_eq(hd_capture_missing(capture), how == HD_HOW_BLOCKED ? 0u : 1u);
	for (int round = 0; hd_capture_missing(capture) != 0 && round < 50; round++)
		cr_assert_eq(hd_capture_stop(capture, 100), 0);
	view_open(&v, t.pid, 0, 0, t.arena);
	const struct hd_captured *row = hd_capture_find(capture, t.tid);
	struct hd_stack stack;
	cr_assert(row != NULL && row->how == how);
	cr_expect(row->len > 0 && !has_record(row));
	cr_expect_eq(row->state, how == HD_HOW_BLOCKED ? 'S' : 'R');
	cr_expect_eq(row->ppid, getpid());
	hd_capture_unwind(row, v.unwinder, &v.query, t.arena, &stack);
	cr_expect(stack.is_complete);
	cr_expect_str_eq(own_frames(&stack, &t), chain, "%s", own_frames(&stack, &t));
	struct hd_task_status status;
	cr_assert_eq(hd_procfile_status(t.pid, t.tid, &status), 0);
	cr_expect_eq(status.tracer, 0, "nobody stays traced");
	cr_expect(status.state == 'S' || status.state == 'R', "nobody stays stopped");
	view_close(&v);
	hd_capture_free(capture);
	stop(&t);
}

Test(capture, a_blocked_thread_is_read_without_being_stopped, .timeout = 30)
{
	expect_captured("gcc -O2 " SOURCE, "epoll", HD_HOW_BLOCKED, "block_epoll " CHAIN);
}

Test(capture, a_spinning_thread_is_stopped_read_and_let_go, .timeout = 60)
{
	expect_captured("gcc -O2 " SOURCE, "spin", HD_HOW_STOPPED, "block_spin " CHAIN);
}

Test(capture, a_process_that_does_not_exist_is_an_error, .timeout = 10)
{
	struct hd_capture *capture = NULL;
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	cr_expect_eq(hd_capture_of(pid, &pid, 1, true, &capture), -ESRCH);
	cr_expect_null(capture);
}
