// EXPECT: verdict=none
// TRY: -labsl_synchronization -labsl_base -labsl_raw_logging_internal -labsl_graphcycles_internal -labsl_symbolize -labsl_stacktrace -labsl_malloc_internal -labsl_time
// An absl notification and an absl mutex that a sleeping thread serves late.
#include <absl/synchronization/mutex.h>
#include <absl/synchronization/notification.h>
#include <thread>

#include "fixture.h"

int main()
{
	fixture_begin();
	absl::Notification go;
	absl::Mutex mutex;
	std::thread other([&] {
		mutex.Lock();
		fixture_sleep(0.6);
		go.Notify();
		fixture_sleep(0.6);
		mutex.Unlock();
	});
	go.WaitForNotification();
	mutex.Lock();
	mutex.Unlock();
	other.join();
}
