// EXPECT: verdict=deadlock cause=no-waker certainty=proven scope=process kind=futex|barrier
// BUILD: -std=c++20
// OBJECT: a std::barrier
// A std::barrier for three that only two threads ever reach.
#include <barrier>
#include <thread>

#include "fixture.h"

int main()
{
	fixture_begin();
	std::barrier<> all(3);
	std::thread other([&] { all.arrive_and_wait(); });
	all.arrive_and_wait();
	other.join();
}
