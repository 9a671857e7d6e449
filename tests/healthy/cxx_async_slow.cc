// EXPECT: verdict=none
// Looks like hung/cxx_future, but the thread that keeps the promise is there, asleep.
#include <chrono>
#include <future>
#include <thread>

#include "fixture.h"

int main()
{
	fixture_begin();
	auto answer = std::async(std::launch::async, [] {
		std::this_thread::sleep_for(std::chrono::milliseconds(1200));
		return 0;
	});
	return answer.get();
}
