// EXPECT: verdict=deadlock cause=no-waker certainty=proven scope=process kind=futex|barrier|condition
// BUILD: -std=c++20
// A latch that waits for three when there are two.
#include <latch>
#include <thread>

#include "fixture.h"

int main()
{
	fixture_begin();
	std::latch all(3);
	std::thread other([&] { all.arrive_and_wait(); });
	all.arrive_and_wait();
	other.join();
}
