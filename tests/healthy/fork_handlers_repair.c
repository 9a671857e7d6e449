/* EXPECT: verdict=none
 * Looks like hung/inherited_mutex_normal, but a pthread_atfork handler makes the child's lock new. */
#include "fixture.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void take(void)
{
	pthread_mutex_lock(&lock);
}

static void give_back(void)
{
	pthread_mutex_unlock(&lock);
}

static void make_new(void)
{
	pthread_mutex_init(&lock, NULL);
}

static void want(void)
{
	take();
	fixture_sleep(0.5);
}

int main(void)
{
	pthread_atfork(NULL, NULL, make_new);
	return fixture_fork_while_held(take, give_back, want);
}
