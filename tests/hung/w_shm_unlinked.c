/* EXPECT: verdict=deadlock cause=lock-cycle certainty=proven|owned scope=process kind=mutex
 * SIGHT: all
 * Two mutexes in shared memory whose name is gone already, taken crosswise by parent and child. */
#include "fixture.h"

struct shared {
	pthread_mutex_t locks[2];
	pthread_barrier_t both;
};

int main(void)
{
	pthread_mutexattr_t attr;
	pthread_barrierattr_t battr;
	char name[64];
	fixture_begin();
	snprintf(name, sizeof(name), "/hangdog-w-%d", getpid());
	int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	MUST(fd >= 0 && shm_unlink(name) == 0 && ftruncate(fd, sizeof(struct shared)) == 0);
	struct shared *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_barrierattr_init(&battr);
	pthread_barrierattr_setpshared(&battr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&s->locks[0], &attr), pthread_mutex_init(&s->locks[1], &attr);
	pthread_barrier_init(&s->both, &battr, 2);
	int mine = fixture_fork() == 0;
	pthread_mutex_lock(&s->locks[mine]);
	pthread_barrier_wait(&s->both);
	pthread_mutex_lock(&s->locks[!mine]);
	return 0;
}
