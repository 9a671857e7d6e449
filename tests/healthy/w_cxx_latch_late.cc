// EXPECT: verdict=none
// BUILD: -std=c++20
// A latch, a semaphore, a future and an atomic, each of which a sleeping thread serves.
#include <atomic>
#include <future>
#include <latch>
#include <semaphore>
#include <thread>

#include "fixture.h"

int main()
{
	fixture_begin();
	std::latch all(2);
	std::binary_semaphore sem(0);
	std::promise<int> promise;
	std::atomic<int> word(0);
	std::thread other([&] {
		fixture_sleep(0.4);
		all.count_down();
		fixture_sleep(0.4);
		sem.release();
		fixture_sleep(0.4);
		promise.set_value(1);
		fixture_sleep(0.4);
		word = 1;
		word.notify_one();
	});
	all.arrive_and_wait();
	sem.acquire();
	promise.get_future().get();
	word.wait(0);
	other.join();
}
