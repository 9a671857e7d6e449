// EXPECT: verdict=deadlock cause=no-waker|lock-cycle certainty=proven scope=process kind=mutex
// TRY: -ltbb
// OBJECT: a oneTBB mutex on the stack of the main thread
// Two mutexes of oneTBB taken crosswise: its threads wait on words on their own stacks.
#include <oneapi/tbb/mutex.h>
#include <thread>

#include "fixture.h"

int main()
{
	fixture_begin();
	oneapi::tbb::mutex a, b;
	pthread_barrier_t both;
	pthread_barrier_init(&both, nullptr, 2);
	std::thread other([&] {
		b.lock();
		pthread_barrier_wait(&both);
		a.lock();
	});
	a.lock();
	pthread_barrier_wait(&both);
	b.lock();
	other.join();
}
