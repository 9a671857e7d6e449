// EXPECT: verdict=none
// BUILD: -std=c++20
// A std::barrier that the last of three threads reaches late, three times.
#include <barrier>
#include <thread>

#include "fixture.h"

int main()
{
	fixture_begin();
	std::barrier<> all(3);
	auto body = [&](double late) {
		for (int i = 0; i < 3; i++) {
			fixture_sleep(late);
			all.arrive_and_wait();
		}
	};
	std::thread a(body, 0.0), b(body, 0.4);
	body(0.0);
	a.join();
	b.join();
}
