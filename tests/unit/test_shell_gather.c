/* Looks and gathers over real processes: what a snapshot must say of them, and what it must never say. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../lib/scene.h"

/* ---- the classic: a lock that was held at the fork ------------------------------------------------------------------ */

static pthread_mutex_t inherited_lock = PTHREAD_MUTEX_INITIALIZER;

/* Starts a thread and waits until it has posted the semaphore that it is given. */
static void start_ready(void *(*play)(void *))
{
	pthread_t thread;
	sem_t ready;
	sem_init(&ready, 0, 0);
	pthread_create(&thread, NULL, play, &ready);
	sem_wait(&ready);
}

static void *hold_for_ever(void *ready)
{
	pthread_mutex_lock(&inherited_lock);
	sem_post(ready);
	while (pause() < 0)
		;
	return NULL;
}

static void fork_while_locked(void)
{
	start_ready(hold_for_ever);
	pid_t child = fork();
	if (child == 0) {
		stage();
		pthread_mutex_lock(&inherited_lock);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

Test(shell_gather, a_lock_held_at_the_fork_is_gathered_and_proven, .timeout = 30)
{
	struct scene s = open_scene(fork_while_locked);
	wait_for(&s, 2, 3, 3);
	const struct hd_snapshot *snap = gather_quiet(&s);
	const struct hd_thread *t = thread_in(snap, SYS_futex);
	const struct hd_proc *p = &snap->procs[t->proc];
	cr_assert_eq(p->ppid, s.root);
	cr_assert(t->is_still);
	cr_assert_eq(t->abi, HD_ABI_X86_64);
	cr_assert_eq(t->state, 'S');
	cr_assert_eq(t->has_timeout, HD_NO);
	cr_assert_eq(t->n_words, 1);
	cr_assert_eq(t->words[0].addr, (uint64_t)(uintptr_t)&inherited_lock);
	cr_assert(t->words[0].value_known && t->words[0].value == 2 && t->words[0].expected == 2);
	cr_assert_eq(t->words[0].mapping, HD_MAPPING_PRIVATE);
	cr_assert_eq(p->mm_shared_outside, HD_NO);
	cr_assert_eq(p->timer_armed, HD_NO);
	cr_assert_eq(p->has_io_uring, HD_NO);
	cr_assert_eq(p->is_frozen, HD_NO);
	cr_assert_eq(p->is_dumping, HD_NO);
	cr_assert_eq(p->has_foreign_tracer, HD_NO);
	cr_assert(p->threads_complete && p->children_complete);
	cr_assert_eq(t->lock.kind, HD_LOCK_MUTEX);
	cr_assert_not_null(t->lock.name);
	cr_assert_not_null(strstr(t->lock.name, "inherited_lock"), "%s", t->lock.name);
	cr_assert_neq(t->lock.owner_tid, 0);
	cr_assert_eq(t->lock.owner_exists, HD_YES); /* in the parent */
	const struct hd_verdict *v = decide(&s);
	cr_assert_eq(v->kind, HD_VERDICT_DEADLOCK);
	cr_assert_eq(v->certainty, HD_CERT_PROVEN);
	close_scene(&s);
}

/* ---- a thread that moves ----------------------------------------------------------------------------------------------- */

static pthread_mutex_t busy_lock = PTHREAD_MUTEX_INITIALIZER;

static void *spin_with_lock(void *ready)
{
	pthread_mutex_lock(&busy_lock);
	sem_post(ready);
	for (volatile unsigned long i = 0; i < ULONG_MAX; i++) {
		if ((i & 0xfff) == 0)
			nap();
	}
	return NULL;
}

static void wait_for_a_busy_owner(void)
{
	start_ready(spin_with_lock);
	pthread_mutex_lock(&busy_lock);
}

Test(shell_gather, a_waiter_whose_owner_moves_is_no_deadlock_and_the_mover_is_not_still, .timeout = 30)
{
	struct scene s = open_scene(wait_for_a_busy_owner);
	wait_for(&s, 1, 2, 1);
	/* The owner naps most of the time: many gathers, none of which may take it for a sleeper without end. */
	for (int i = 0; i < 40; i++) {
		gather(&s);
		const struct hd_verdict *v = decide(&s);
		cr_assert_eq(v->kind, HD_VERDICT_NONE);
		nap();
	}
	close_scene(&s);
}

/* ---- pipes ------------------------------------------------------------------------------------------------------------------ */

static void two_read_each_other(void)
{
	int ab[2], ba[2];
	cr_assert(pipe(ab) == 0 && pipe(ba) == 0);
	if (fork() == 0) {
		stage();
		close(ab[1]);
		close(ba[0]);
		read_one(ab[0]);
		_exit(0);
	}
	close(ab[0]);
	close(ba[1]);
	read_one(ba[0]);
}

Test(shell_gather, a_cycle_of_pipes_is_closed_and_proven, .timeout = 30)
{
	struct scene s = open_scene(two_read_each_other);
	wait_for(&s, 2, 2, 2);
	const struct hd_snapshot *snap = gather_quiet(&s);
	cr_assert_eq(snap->n_objects, 2);
	for (uint32_t o = 0; o < 2; o++) {
		cr_assert_eq(snap->objects[o].kind, HD_OBJ_PIPE);
		cr_assert_eq(snap->objects[o].n_holders, 2);
		cr_assert_null(snap->objects[o].outside, "%s", snap->objects[o].outside);
	}
	const struct hd_verdict *v = decide(&s);
	cr_assert_eq(v->kind, HD_VERDICT_DEADLOCK);
	cr_assert_eq(v->certainty, HD_CERT_PROVEN);
	close_scene(&s);
}

static void read_from_outside(void)
{
	close(kept_end);
	read_one(kept_end - 1);
}

Test(shell_gather, a_pipe_whose_other_end_is_held_outside_the_tree_is_open, .timeout = 30)
{
	int fds[2];
	cr_assert(pipe(fds) == 0);
	kept_end = fds[1];
	cr_assert_eq(fds[1], fds[0] + 1);
	struct scene s = open_scene(read_from_outside);
	wait_for(&s, 1, 1, 1);
	const struct hd_snapshot *snap = gather(&s);
	cr_assert_eq(snap->n_objects, 1);
	cr_assert_not_null(snap->objects[0].outside);
	cr_assert_not_null(strstr(snap->objects[0].outside, "does not guard"), "%s", snap->objects[0].outside);
	cr_assert_eq(decide(&s)->kind, HD_VERDICT_NONE);
	close_scene(&s);
}

static void read_with_the_end_in_flight(void)
{
	int fds[2], pair[2];
	char c = 'x', control[CMSG_SPACE(sizeof(int))] = {0};
	cr_assert(pipe(fds) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	struct iovec data = {&c, 1};
	struct msghdr msg = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);
	*head = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
	memcpy(CMSG_DATA(head), &fds[1], sizeof(int));
	sendmsg(pair[0], &msg, 0);
	read_one(fds[0]);
}

Test(shell_gather, a_pipe_end_under_way_in_a_socket_leaves_the_pipe_open, .timeout = 30)
{
	struct scene s = open_scene(read_with_the_end_in_flight);
	wait_for(&s, 1, 1, 1);
	const struct hd_snapshot *snap = gather(&s);
	cr_assert_eq(snap->n_objects, 1);
	cr_assert_not_null(snap->objects[0].outside);
	cr_assert_eq(decide(&s)->kind, HD_VERDICT_NONE);
	close_scene(&s);
}

/* ---- sockets, eventfds, epoll ---------------------------------------------------------------------------------------------- */

static void read_own_socket_pair(void)
{
	int pair[2];
	cr_assert(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	read_one(pair[0]);
}

Test(shell_gather, a_socket_pair_held_by_the_reader_alone_is_proven, .timeout = 30)
{
	struct scene s = open_scene(read_own_socket_pair);
	wait_for(&s, 1, 1, 1);
	const struct hd_snapshot *snap = gather_quiet(&s);
	const struct hd_thread *t = thread_in(snap, SYS_read);
	cr_assert_eq(t->n_objects, 1);
	const struct hd_object *o = &snap->objects[t->objects[0]];
	cr_assert_eq(o->kind, HD_OBJ_UNIX);
	cr_assert_neq(o->peer, HD_NONE);
	cr_assert_eq(o->has_recv_timeout, HD_NO);
	cr_assert_null(o->outside, "%s", o->outside);
	cr_assert_eq(snap->objects[o->peer].n_holders, 1);
	cr_assert_eq(decide(&s)->certainty, HD_CERT_PROVEN);
	close_scene(&s);
}

static void read_with_a_socket_time_limit(void)
{
	int pair[2];
	struct timeval limit = {.tv_sec = 50};
	cr_assert(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	read_one(pair[0]);
}

Test(shell_gather, a_time_limit_set_on_the_socket_is_seen, .timeout = 30)
{
	struct scene s = open_scene(read_with_a_socket_time_limit);
	wait_for(&s, 1, 1, 1);
	const struct hd_snapshot *snap = gather(&s);
	const struct hd_thread *t = thread_in(snap, SYS_read);
	cr_assert_eq(snap->objects[t->objects[0]].has_recv_timeout, HD_YES);
	cr_assert_eq(decide(&s)->kind, HD_VERDICT_NONE);
	close_scene(&s);
}

static void epoll_on_own_eventfd(void)
{
	int ep = epoll_create1(0), ev = eventfd(0, 0);
	struct epoll_event what = {.events = EPOLLIN};
	epoll_ctl(ep, EPOLL_CTL_ADD, ev, &what);
	epoll_wait(ep, &what, 1, -1);
}

Test(shell_gather, an_epoll_set_on_an_eventfd_of_its_own_is_closed, .timeout = 30)
{
	struct scene s = open_scene(epoll_on_own_eventfd);
	wait_for(&s, 1, 1, 1);
	const struct hd_snapshot *snap = gather_quiet(&s);
	const struct hd_thread *t = thread_in(snap, SYS_epoll_wait);
	cr_assert(t->objects_complete);
	cr_assert_eq(t->n_objects, 1);
	const struct hd_object *set = &snap->objects[t->objects[0]];
	cr_assert_eq(set->kind, HD_OBJ_EPOLL);
	cr_assert(set->watched_complete && set->n_watched == 1);
	const struct hd_object *ev = &snap->objects[set->watched[0]];
	cr_assert_eq(ev->kind, HD_OBJ_EVENTFD);
	cr_assert_eq(ev->n_holders, 1);
	cr_assert_null(ev->outside, "%s", ev->outside);
	cr_assert_eq(decide(&s)->certainty, HD_CERT_PROVEN);
	close_scene(&s);
}

static void poll_a_pipe_and_an_eventfd(void)
{
	int fds[2];
	cr_assert(pipe(fds) == 0);
	struct pollfd set[] = {{.fd = fds[0], .events = POLLIN}, {.fd = -1}, {.fd = eventfd(0, 0), .events = POLLIN}};
	poll(set, 3, -1);
}

Test(shell_gather, a_poll_is_resolved_into_all_its_descriptors, .timeout = 30)
{
	struct scene s = open_scene(poll_a_pipe_and_an_eventfd);
	wait_for(&s, 1, 1, 1);
	const struct hd_snapshot *snap = gather(&s);
	const struct hd_thread *t = thread_in(snap, SYS_poll);
	cr_assert(t->objects_complete);
	cr_assert_eq(t->n_objects, 2);
	cr_assert_eq(snap->objects[t->objects[0]].kind, HD_OBJ_PIPE);
	cr_assert_eq(snap->objects[t->objects[1]].kind, HD_OBJ_EVENTFD);
	close_scene(&s);
}

/* ---- shared memory, file locks ----------------------------------------------------------------------------------------------- */

static void wait_on_shared_word(void)
{
	int *word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (fork() == 0) {
		stage();
		syscall(SYS_futex, word, FUTEX_WAIT, 0, NULL, NULL, 0);
		_exit(0);
	}
	syscall(SYS_futex, word + 1, FUTEX_WAIT, 0, NULL, NULL, 0);
}

Test(shell_gather, words_in_shared_memory_have_one_object_and_all_its_mappers, .timeout = 30)
{
	struct scene s = open_scene(wait_on_shared_word);
	wait_for(&s, 2, 2, 2);
	const struct hd_snapshot *snap = gather_quiet(&s);
	cr_assert_eq(snap->n_threads, 2);
	cr_assert_eq(snap->n_objects, 1);
	cr_assert_eq(snap->objects[0].kind, HD_OBJ_SHM);
	cr_assert_eq(snap->objects[0].n_holders, 2);
	cr_assert_null(snap->objects[0].outside, "%s", snap->objects[0].outside);
	for (uint32_t t = 0; t < 2; t++) {
		cr_assert_eq(snap->threads[t].words[0].mapping, HD_MAPPING_SHARED);
		cr_assert_eq(snap->threads[t].words[0].sharers_object, 0);
	}
	cr_assert_neq(snap->threads[0].words[0].offset, snap->threads[1].words[0].offset);
	cr_assert_eq(decide(&s)->certainty, HD_CERT_PROVEN);
	close_scene(&s);
}

static void lock_a_file_twice(void)
{
	char path[] = "/tmp/hd-flock-XXXXXX";
	int first = mkstemp(path), second = open(path, O_RDWR | O_CLOEXEC);
	unlink(path);
	flock(first, LOCK_EX);
	flock(second, LOCK_EX);
}

Test(shell_gather, a_file_lock_names_its_holder, .timeout = 30)
{
	struct scene s = open_scene(lock_a_file_twice);
	wait_for(&s, 1, 1, 1);
	const struct hd_snapshot *snap = gather_quiet(&s);
	const struct hd_thread *t = thread_in(snap, SYS_flock);
	cr_assert(t->objects_complete);
	const struct hd_object *o = &snap->objects[t->objects[0]];
	cr_assert_eq(o->kind, HD_OBJ_FILELOCK);
	cr_assert_eq(o->n_holders, 1);
	cr_assert_null(o->outside, "%s", o->outside);
	close_scene(&s);
}

/* ---- what must keep a wait open -------------------------------------------------------------------------------------------------- */

static int clone_word;

static int sleep_in_clone(void *unused)
{
	(void)unused;
	while (pause() < 0)
		;
	return 0;
}

static void share_memory_with_a_clone(void)
{
	static char stack[65536];
	clone(sleep_in_clone, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL);
	syscall(SYS_futex, &clone_word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

Test(shell_gather, a_process_that_shares_the_memory_is_found_by_the_kernel, .timeout = 30)
{
	struct scene s = open_scene(share_memory_with_a_clone);
	wait_for(&s, 2, 2, 2);
	const struct hd_snapshot *snap = gather(&s);
	cr_assert_eq(snap->procs[0].mm, snap->procs[1].mm);
	cr_assert_eq(decide(&s)->kind, HD_VERDICT_NONE);
	close_scene(&s);
}

static void ignore_alarm(int signal)
{
	(void)signal;
}

static void wait_with_an_alarm_handler(void)
{
	static int word;
	signal(SIGALRM, ignore_alarm);
	alarm(50);
	syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

Test(shell_gather, an_alarm_with_a_handler_cannot_be_ruled_out, .timeout = 30)
{
	struct scene s = open_scene(wait_with_an_alarm_handler);
	wait_for(&s, 1, 1, 1);
	const struct hd_snapshot *snap = gather_quiet(&s);
	cr_assert_eq(snap->procs[0].timer_armed, HD_UNKNOWN);
	cr_assert_neq(decide(&s)->certainty, HD_CERT_PROVEN);
	close_scene(&s);
}

static void wait_for_a_signal_of_a_descriptor(void)
{
	static int word;
	int ends[2];
	if (pipe(ends) != 0)
		_exit(1);
	if (fork() == 0) {
		signal(SIGRTMIN + 3, ignore_alarm);
		syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
	}
	fcntl(ends[0], F_SETFL, O_ASYNC); /* whom it tells is not in /proc: the child, for all that can be seen */
	syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

Test(shell_gather, a_descriptor_that_sends_signals_is_a_source_of_them, .timeout = 30)
{
	struct scene s = open_scene(wait_for_a_signal_of_a_descriptor);
	wait_for(&s, 2, 2, 2);
	const struct hd_snapshot *snap = gather_quiet(&s);
	cr_assert_eq(snap->n_procs, 2);
	cr_assert_eq(snap->procs[1].timer_armed, HD_UNKNOWN);
	cr_assert_neq(decide(&s)->threads[snap->procs[1].first_thread].certainty, HD_CERT_PROVEN);
	close_scene(&s);
}

static void wait_with_a_timer_that_kills(void)
{
	static int word;
	timer_t timer;
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1}; /* no handler */
	struct itimerspec when = {.it_value.tv_sec = 50};
	timer_create(CLOCK_MONOTONIC, &event, &timer);
	timer_settime(timer, 0, &when, NULL);
	syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

static void wait_with_a_posix_timer(void)
{
	signal(SIGUSR1, ignore_alarm);
	wait_with_a_timer_that_kills();
}

Test(shell_gather, a_timer_whose_signal_is_caught_is_seen, .timeout = 30)
{
	struct scene s = open_scene(wait_with_a_posix_timer);
	wait_for(&s, 1, 1, 1);
	cr_assert_eq(gather(&s)->procs[0].timer_armed, HD_YES);
	cr_assert_eq(decide(&s)->kind, HD_VERDICT_NONE);
	close_scene(&s);
}

Test(shell_gather, a_timer_without_a_handler_ends_the_process_and_so_the_wait_for_it, .timeout = 30)
{
	struct scene s = open_scene(wait_with_a_timer_that_kills);
	wait_for(&s, 1, 1, 1);
	cr_assert_eq(gather(&s)->procs[0].timer_armed, HD_YES);
	cr_assert_eq(decide(&s)->kind, HD_VERDICT_NONE);
	close_scene(&s);
}

/* As glibc's sem_open does it: mapped by a temporary name, linked to the lasting one, the temporary one removed. */
static void wait_in_a_file(const char *lasting_name)
{
	char path[] = "/dev/shm/hd-name-XXXXXX";
	int fd = mkstemp(path);
	if (fd < 0 || ftruncate(fd, 4096) != 0)
		_exit(1);
	int *word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (lasting_name != NULL && link(path, lasting_name) != 0)
		_exit(1);
	unlink(path);
	syscall(SYS_futex, word, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static char lasting_name[64];

static void wait_in_a_linked_file(void)
{
	wait_in_a_file(lasting_name);
}

static void wait_in_a_nameless_file(void)
{
	wait_in_a_file(NULL);
}

Test(shell_gather, memory_whose_first_name_is_gone_may_have_another, .timeout = 30)
{
	snprintf(lasting_name, sizeof(lasting_name), "/dev/shm/hd-lasting-%d", getpid());
	struct scene s = open_scene(wait_in_a_linked_file);
	wait_for(&s, 1, 1, 1);
	const struct hd_snapshot *snap = gather(&s);
	unlink(lasting_name);
	cr_assert_eq(snap->n_objects, 1);
	cr_expect_not_null(snap->objects[0].outside);
	cr_expect_eq(decide(&s)->kind, HD_VERDICT_NONE);
	close_scene(&s);
}

/* A plain user may not ask how many names it has left (map_files), and cannot look into who may have known one. */
Test(shell_gather, memory_that_has_lost_all_its_names_is_closed_for_who_may_ask, .timeout = 30)
{
	struct scene s = open_scene(wait_in_a_nameless_file);
	wait_for(&s, 1, 1, 1);
	const struct hd_snapshot *snap = gather(&s);
	cr_assert_eq(snap->n_objects, 1);
	if (geteuid() == 0) {
		cr_expect_null(snap->objects[0].outside, "%s", snap->objects[0].outside);
		cr_expect_eq(decide(&s)->certainty, HD_CERT_PROVEN);
	} else {
		cr_expect_not_null(snap->objects[0].outside);
		cr_expect_eq(decide(&s)->kind, HD_VERDICT_NONE);
	}
	close_scene(&s);
}

static void wait_for_a_moment(void)
{
	static int word;
	struct timespec limit = {.tv_sec = 50};
	syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &limit, NULL, 0);
}

Test(shell_gather, a_time_limit_is_read_and_the_wait_is_not_suspected, .timeout = 30)
{
	struct scene s = open_scene(wait_for_a_moment);
	wait_for(&s, 1, 1, 1);
	struct hd_look look;
	cr_assert_eq(hd_watcher_look(s.watcher, s.model, &look), 0);
	cr_assert_eq(look.suspects, 0);
	const struct hd_thread *t = thread_in(gather(&s), SYS_futex);
	cr_assert_eq(t->has_timeout, HD_YES);
	cr_assert_eq(t->timeout_ns, 50 * HD_NS_PER_S);
	close_scene(&s);
}

static void wait_with_a_ring(void)
{
	static int word;
	char params[120] = {0}; /* struct io_uring_params */
	if (syscall(SYS_io_uring_setup, 1, params) < 0)
		_exit(4); /* not permitted here */
	syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

static bool has_io_uring(void)
{
	char params[120] = {0};
	int fd = (int)syscall(SYS_io_uring_setup, 1, params);
	close(fd);
	return fd >= 0;
}

Test(shell_gather, an_io_uring_may_wake_a_private_futex, .timeout = 30)
{
	if (!has_io_uring())
		cr_skip_test("this kernel does not let us make a ring");
	struct scene s = open_scene(wait_with_a_ring);
	wait_for(&s, 1, 1, 1);
	cr_assert_eq(gather(&s)->procs[0].has_io_uring, HD_YES);
	cr_assert_eq(decide(&s)->kind, HD_VERDICT_NONE);
	close_scene(&s);
}

static void wait_for_a_stopped_child(void)
{
	if (fork() == 0) {
		stage();
		raise(SIGSTOP);
		_exit(0);
	}
	wait(NULL);
}

Test(shell_gather, a_stopped_child_can_be_continued, .timeout = 30)
{
	struct scene s = open_scene(wait_for_a_stopped_child);
	wait_for(&s, 2, 2, 2);
	const struct hd_snapshot *snap = gather(&s);
	const struct hd_thread *parent = thread_in(snap, SYS_wait4);
	cr_assert(parent->is_still);
	for (uint32_t t = 0; t < snap->n_threads; t++)
		cr_assert(&snap->threads[t] == parent || (snap->threads[t].state == 'T' && !snap->threads[t].is_still));
	cr_assert_eq(decide(&s)->kind, HD_VERDICT_NONE);
	close_scene(&s);
}

/* ---- a process whose leader has ended ---------------------------------------------------------------------------------- */

static pthread_mutex_t left = PTHREAD_MUTEX_INITIALIZER, right = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t both;

static void *lock_left_right(void *unused)
{
	pthread_mutex_lock(&left);
	pthread_barrier_wait(&both);
	pthread_mutex_lock(&right);
	return unused;
}

static void *lock_right_left(void *unused)
{
	pthread_mutex_lock(&right);
	pthread_barrier_wait(&both);
	pthread_mutex_lock(&left);
	return unused;
}

static void leave_two_to_their_deadlock(void)
{
	pthread_t threads[2];
	pthread_barrier_init(&both, NULL, 2);
	pthread_create(&threads[0], NULL, lock_left_right, NULL);
	pthread_create(&threads[1], NULL, lock_right_left, NULL);
	pthread_exit(NULL);
}

Test(shell_gather, threads_that_outlive_their_leader_are_seen_through_each_other, .timeout = 30)
{
	struct scene s = open_scene(leave_two_to_their_deadlock);
	wait_for(&s, 1, 3, geteuid() == 0 ? 3 : 2); /* the files of a dead leader belong to root */
	struct hd_look look;
	cr_assert_eq(hd_watcher_look(s.watcher, s.model, &look), 0);
	cr_assert_eq(look.suspects, 2);
	gather(&s);
	const struct hd_verdict *v = decide(&s);
	cr_assert_eq(v->certainty, HD_CERT_PROVEN);
	cr_assert_eq(v->cause, HD_CAUSE_LOCK_CYCLE);
	close_scene(&s);
}

Test(shell_gather, what_stays_open_in_an_exec_counts_as_inherited, .timeout = 30)
{
	int fds[2], kept = memfd_create("kept", 0), closed = memfd_create("closed", MFD_CLOEXEC);
	char link[64] = "", path[64];
	cr_assert(pipe(fds) == 0 && kept >= 0 && closed >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[0]);
	cr_assert(readlink(path, link, sizeof(link) - 1) > 0);
	struct hd_watch_config config = {.root = getpid(), .is_launched = true};
	struct hd_watcher *w = hd_watcher_new(&config);
	cr_assert(hd_watcher_inherited(w, link));
	cr_assert(hd_watcher_inherited(w, "/memfd:kept"), "a mapping names it without the mark of the link");
	cr_assert_not(hd_watcher_inherited(w, "/memfd:closed"));
	cr_assert_not(hd_watcher_inherited(w, "/memfd:kep"));
	cr_assert_not(hd_watcher_inherited(w, "pipe:[1]"));
	hd_watcher_free(w);
}

/* ---- when a gather is asked for --------------------------------------------------------------------------------------------------- */

Test(shell_gather, the_same_waits_are_suspected_once_and_then_only_after_a_while, .timeout = 30)
{
	struct scene s = open_scene(read_own_socket_pair);
	struct hd_look look;
	wait_for(&s, 1, 1, 1);
	cr_assert_eq(hd_watcher_look(s.watcher, s.model, &look), 0);
	cr_assert_eq(look.suspects, 1);
	gather(&s);
	cr_assert_eq(hd_watcher_look(s.watcher, s.model, &look), 0);
	cr_assert_eq(look.suspects, 0);
	cr_assert_eq(look.still, 1);
	cr_assert_not(look.anything_moved);
	close_scene(&s);
}
