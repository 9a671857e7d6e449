// EXPECT: verdict=deadlock cause=no-waker|lock-cycle|self-lock certainty=proven|owned scope=process kind=rwlock
// Two threads read under a std::shared_mutex and both want to write.
#include <shared_mutex>
#include <thread>

#include "fixture.h"

int main()
{
	fixture_begin();
	std::shared_mutex mutex;
	pthread_barrier_t both;
	pthread_barrier_init(&both, nullptr, 2);
	auto upgrade = [&] {
		mutex.lock_shared();
		pthread_barrier_wait(&both);
		mutex.lock();
	};
	std::thread other(upgrade);
	upgrade();
	other.join();
}
