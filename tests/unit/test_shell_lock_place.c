/* Where a lock lies, told of real processes; all of it through the binary is tests/e2e/lock_names.py. */
/* covers: lock_place.c */
#include <criterion/criterion.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "../lib/scene.h"

static __thread pthread_mutex_t place_own = PTHREAD_MUTEX_INITIALIZER;
static struct {
	char name[24];
	pthread_mutex_t lock;
} place_pool = {.lock = PTHREAD_MUTEX_INITIALIZER};
static pthread_mutex_t *taken;
static sem_t is_taken;

__attribute__((noinline)) static void keep(pthread_mutex_t *lock)
{
	pthread_mutex_lock(lock);
	taken = lock;
	sem_post(&is_taken);
	while (pause() < 0)
		;
}

static void *keeps_own(void *arg)
{
	keep(&place_own);
	return arg;
}

__attribute__((noinline)) static void *keeps_local(void *arg)
{
	pthread_mutex_t local = PTHREAD_MUTEX_INITIALIZER;
	keep(&local);
	return arg;
}

static void *keeps_shared(void *arg)
{
	pthread_mutex_t *lock = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	keep(lock + 1);
	return arg;
}

static void *keeps_pool(void *arg)
{
	keep(&place_pool.lock);
	return arg;
}

static void want(void *(*keeper)(void *), bool in_copy)
{
	pthread_t thread;
	sem_init(&is_taken, 0, 0);
	pthread_create(&thread, NULL, keeper, NULL);
	sem_wait(&is_taken);
	pid_t child = in_copy ? fork() : 0;
	if (child != 0)
		waitpid(child, NULL, 0);
	stage();
	pthread_mutex_lock(taken);
}

static void wants_own(void)
{
	want(keeps_own, false);
}

static void wants_own_in_copy(void)
{
	want(keeps_own, true);
}

static void wants_local(void)
{
	want(keeps_local, false);
}

static void wants_shared(void)
{
	want(keeps_shared, false);
}

static void wants_pool(void)
{
	want(keeps_pool, false);
}

/* The lock that the scene's waiter wants, with stacks read; NULL texts are given as "". */
static const struct hd_lock *placed(struct scene *s, play_fn *play, bool in_copy)
{
	*s = open_scene(play);
	wait_for(s, in_copy ? 2 : 1, in_copy ? 3 : 2, in_copy ? 3 : 2);
	gather(s);
	hd_watcher_stacks(s->watcher, s->snap, NULL, &(struct hd_stack_options){.native = true});
	struct hd_lock *lock = (struct hd_lock *)&thread_in(s->snap, SYS_futex)->lock;
	lock->name = lock->name != NULL ? lock->name : "";
	lock->variable_address_note = lock->variable_address_note != NULL ? lock->variable_address_note : "";
	return lock;
}

static void expect(play_fn *play, bool in_copy, const char *name, const char *note)
{
	struct scene s;
	const struct hd_lock *lock = placed(&s, play, in_copy);
	cr_expect(strncmp(lock->name, name, strlen(name)) == 0 && (lock->name[0] == '\0') == (name[0] == '\0'), "%s", lock->name);
	cr_expect(strncmp(lock->variable_address_note, note, strlen(note)) == 0 && (lock->variable_address_note[0] == '\0') == (note[0] == '\0'),
		  "%s", lock->variable_address_note);
	close_scene(&s);
}

Test(shell_lock_place, a_thread_local_lock_is_told_with_its_thread, .timeout = 60)
{
	expect(wants_own, false, "place_own (in test_shell_lock_place)", "thread-local, of thread ");
	expect(wants_own_in_copy, true, "place_own (in test_shell_lock_place)", "thread-local, of ");
}

Test(shell_lock_place, a_lock_on_a_stack_is_told_with_its_thread_and_function, .timeout = 60)
{
	struct scene s;
	const struct hd_lock *lock = placed(&s, wants_local, false);
	cr_expect_str_empty(lock->name);
	cr_expect(strstr(lock->variable_address_note, "on the stack of thread ") != NULL &&
			  strstr(lock->variable_address_note, ", a local variable of keeps_local") != NULL,
		  "%s", lock->variable_address_note);
	close_scene(&s);
}

Test(shell_lock_place, a_lock_in_shared_memory_is_told_with_its_offset, .timeout = 60)
{
	expect(wants_shared, false, "", "in memory shared between processes, at 0x28");
}

Test(shell_lock_place, a_member_is_told_by_its_name, .timeout = 60)
{
	expect(wants_pool, false, "place_pool.lock (in test_shell_lock_place)", "");
}
