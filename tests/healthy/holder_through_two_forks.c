/* EXPECT: verdict=none
 * A thread forks while it holds a lock, and so does its copy.  In the second child the number in the lock is the grandparent's, and
 * is nobody's there; but the copy of the copy holds it, and lets go after a while.  The second fork comes late, so that
 * who attaches in between sees only that one. */
#include "fixture.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static bool is_traced(void)
{
	char line[256];
	bool found = false;
	FILE *f = fopen("/proc/self/status", "r");
	MUST(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL)
		found = found || (strncmp(line, "TracerPid:", 10) == 0 && atoi(line + 10) != 0);
	fclose(f);
	return found;
}

static void *want(void *arg)
{
	pthread_mutex_lock(&lock);
	pthread_mutex_unlock(&lock);
	return arg;
}

static void *idle(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static int second_child(void)
{
	pthread_t thread = fixture_thread(want, NULL);
	fixture_sleep(LOOKALIKE_S);
	pthread_mutex_unlock(&lock);
	pthread_join(thread, NULL);
	return 0;
}

static int first_child(void)
{
	fixture_thread(idle, NULL); /* so that the second fork leaves a thread behind */
	for (int i = 0; i < 100 && !is_traced(); i++)
		fixture_sleep(0.02);
	pid_t child = fixture_fork();
	if (child == 0)
		_exit(second_child());
	return fixture_wait(child);
}

int main(void)
{
	fixture_begin();
	pthread_mutex_lock(&lock);
	pid_t child = fixture_fork();
	if (child == 0)
		_exit(first_child());
	return fixture_wait(child);
}
