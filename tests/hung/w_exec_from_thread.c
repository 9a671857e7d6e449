/* EXPECT: verdict=deadlock cause=self-lock|no-waker certainty=proven|owned scope=process kind=mutex
 * A thread that is not the first one execs; the new program locks itself out. */
#include "fixture.h"

static char **self;

static void *exec_again(void *arg)
{
	(void)arg;
	execl(self[0], self[0], "again", NULL);
	_exit(99);
}

int main(int argc, char **argv)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	self = argv;
	fixture_begin();
	if (argc == 1) {
		fixture_thread(exec_again, NULL);
		for (;;)
			pause();
	}
	pthread_mutex_lock(&mutex);
	pthread_mutex_lock(&mutex);
	return 0;
}
