// EXPECT: verdict=deadlock cause=no-waker|lock-cycle certainty=proven scope=process
// OBJECT: an absl::Mutex
// TRY: -labsl_synchronization -labsl_base -labsl_raw_logging_internal -labsl_graphcycles_internal -labsl_symbolize -labsl_stacktrace -labsl_malloc_internal -labsl_time
// Two absl mutexes taken crosswise: absl parks its threads one by one, so the words name no lock and no owner.
#include <absl/synchronization/mutex.h>
#include <thread>

#include "fixture.h"

int main()
{
	fixture_begin();
	absl::Mutex a, b;
	absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
	pthread_barrier_t both;
	pthread_barrier_init(&both, nullptr, 2);
	std::thread other([&] {
		b.Lock();
		pthread_barrier_wait(&both);
		a.Lock();
	});
	a.Lock();
	pthread_barrier_wait(&both);
	b.Lock();
	other.join();
}
