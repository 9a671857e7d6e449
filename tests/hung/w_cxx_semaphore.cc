// EXPECT: verdict=deadlock cause=no-waker certainty=proven scope=process kind=futex|semaphore|condition
// OBJECT: a std::counting_semaphore
// BUILD: -std=c++20
// Two threads wait for each other's std::binary_semaphore.
#include <semaphore>
#include <thread>

#include "fixture.h"

int main()
{
	fixture_begin();
	std::binary_semaphore a(0), b(0);
	std::thread other([&] { a.acquire(); b.release(); });
	b.acquire();
	a.release();
	other.join();
}
