// EXPECT: verdict=deadlock cause=no-waker certainty=proven scope=process kind=condition
// Producer and consumer each wait for the other's notice: the first notice came before anybody listened.
#include <condition_variable>
#include <mutex>
#include <thread>

#include "fixture.h"

int main()
{
	fixture_begin();
	std::mutex mutex;
	std::condition_variable ready, taken;
	ready.notify_one();
	std::thread consumer([&] {
		std::unique_lock<std::mutex> lock(mutex);
		ready.wait(lock);
		taken.notify_one();
	});
	std::unique_lock<std::mutex> lock(mutex);
	taken.wait(lock);
	lock.unlock();
	consumer.join();
}
