/* EXPECT: verdict=deadlock cause=lock-cycle certainty=owned|proven scope=process kind=mutex
 * The same across two processes, with mutexes in shared memory. */
#include "fixture.h"

struct shared {
	pthread_mutex_t lock[2];
	pthread_barrier_t both;
};

int main(void)
{
	fixture_begin();
	struct shared *s = fixture_shared(sizeof(*s));
	pthread_mutexattr_t attr;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&s->lock[0], &attr);
	pthread_mutex_init(&s->lock[1], &attr);
	pthread_barrierattr_t battr;
	pthread_barrierattr_init(&battr);
	pthread_barrierattr_setpshared(&battr, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&s->both, &battr, 2);
	int me = fixture_fork() == 0;
	pthread_mutex_lock(&s->lock[me]);
	pthread_barrier_wait(&s->both);
	pthread_mutex_lock(&s->lock[!me]);
	return 0;
}
