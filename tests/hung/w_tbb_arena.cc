// EXPECT: verdict=deadlock cause=no-waker|inherited-lock|missing-thread|lock-cycle|self-lock certainty=proven|owned scope=process
// TRY: -ltbb
// Work of oneTBB in a forked child waits for the workers that stayed in the parent, or goes on alone: only a mutex, taken
// before the fork by a task, can hang it for sure.
#include <mutex>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include "fixture.h"

int main()
{
	fixture_begin();
	std::mutex mutex;
	mutex.lock();
	oneapi::tbb::task_arena arena(2);
	arena.execute([&] {
		oneapi::tbb::parallel_for(0, 4, [&](int) { std::lock_guard<std::mutex> lock(mutex); });
	});
}
