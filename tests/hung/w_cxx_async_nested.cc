// EXPECT: verdict=deadlock cause=no-waker|lock-cycle|wait-cycle certainty=proven|owned scope=process
// A task under a lock waits for a std::async that wants the lock.
#include <future>
#include <mutex>

#include "fixture.h"

int main()
{
	fixture_begin();
	std::mutex mutex;
	std::lock_guard<std::mutex> outer(mutex);
	std::async(std::launch::async, [&] { std::lock_guard<std::mutex> inner(mutex); }).get();
}
