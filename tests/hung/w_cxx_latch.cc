// EXPECT: verdict=deadlock cause=no-waker certainty=proven scope=process kind=futex|barrier|condition
// OBJECT: a std::latch
// BUILD: -std=c++20
// A latch that nobody counts down, with two threads that wait for it.
#include <latch>
#include <thread>

#include "fixture.h"

int main()
{
	fixture_begin();
	std::latch all(1);
	std::thread other([&] { all.wait(); });
	all.wait();
	other.join();
}
