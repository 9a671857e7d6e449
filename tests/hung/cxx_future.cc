// EXPECT: verdict=deadlock cause=missing-thread|inherited-lock certainty=proven scope=process kind=condition
// OBJECT: the result of a std::future
// A std::future whose promise another thread would have kept.
#include <future>

#include "fixture.h"

int main()
{
	fixture_begin();
	std::promise<void> go;
	std::shared_future<void> gate = go.get_future().share();
	std::future<int> answer = std::async(std::launch::async, [gate] { gate.wait(); return 0; });
	pid_t child = fixture_fork();
	if (child == 0)
		_exit(answer.get());
	go.set_value();
	answer.get();
	return fixture_wait(child);
}
