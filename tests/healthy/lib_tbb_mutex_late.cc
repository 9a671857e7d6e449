// EXPECT: verdict=none
// TRY: -ltbb
// A mutex and a read-write mutex of oneTBB that a sleeping thread gives back late.
#include <oneapi/tbb/mutex.h>
#include <oneapi/tbb/rw_mutex.h>
#include <thread>

#include "fixture.h"

int main()
{
	fixture_begin();
	oneapi::tbb::mutex a;
	oneapi::tbb::rw_mutex b;
	pthread_barrier_t both;
	pthread_barrier_init(&both, nullptr, 2);
	std::thread other([&] {
		a.lock();
		b.lock();
		pthread_barrier_wait(&both);
		fixture_sleep(0.6);
		a.unlock();
		fixture_sleep(0.6);
		b.unlock();
	});
	pthread_barrier_wait(&both);
	a.lock();
	b.lock_shared();
	other.join();
}
