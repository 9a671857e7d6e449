// EXPECT: verdict=deadlock cause=missing-thread|inherited-lock certainty=proven scope=process kind=condition
// The child only exits; the destructor of a static condition variable waits for waiters that fork did not copy.
#include <condition_variable>
#include <mutex>

#include "fixture.h"

static std::mutex lock;
static std::condition_variable idle;
static sem_t waiting;

static void *wait_idle(void *arg)
{
	std::unique_lock<std::mutex> held(lock);
	sem_post(&waiting);
	idle.wait(held, [] { return false; });
	return arg;
}

int main()
{
	fixture_begin();
	sem_init(&waiting, 0, 0);
	fixture_thread(wait_idle, nullptr);
	sem_wait(&waiting);
	{
		std::unique_lock<std::mutex> held(lock); // only free while the other one waits
	}
	pid_t child = fixture_fork();
	if (child == 0)
		exit(0);
	_exit(fixture_wait(child));
}
