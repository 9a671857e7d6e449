// abseil synchronisation (the C++ library of gRPC, TensorFlow, JAX).
#include "zoo.h"

#include <absl/base/call_once.h>
#include <absl/synchronization/mutex.h>
#include <absl/synchronization/notification.h>

static absl::Mutex mutex(absl::kConstInit);
static absl::CondVar cond;
static absl::Notification *notification;
static absl::once_flag once;

static void *lock(void *arg)
{
	mutex.Lock();
	return arg;
}

static void *reader_lock(void *arg)
{
	mutex.ReaderLock();
	return arg;
}

static void *cond_wait(void *arg)
{
	mutex.Lock();
	cond.Wait(&mutex);
	return arg;
}

static void *notification_wait(void *arg)
{
	notification->WaitForNotification();
	return arg;
}

static void *call_once(void *arg)
{
	absl::call_once(once, zoo_stay);
	return arg;
}

static void absl_mutex()
{
	mutex.Lock();
	zoo_say("waiter=%d kind=MUTEX family=absl base=%p owner=0 held=1\n", zoo_thread(lock, NULL), (void *)&mutex);
}

static void absl_mutex_reader()
{
	mutex.Lock();
	zoo_say("waiter=%d kind=MUTEX family=absl base=%p owner=0 held=1\n", zoo_thread(reader_lock, NULL),
		(void *)&mutex);
}

static void absl_condvar()
{
	zoo_say("waiter=%d kind=CONDITION family=absl owner=0\n", zoo_thread(cond_wait, NULL));
}

static void absl_notification()
{
	notification = new absl::Notification;
	zoo_say("waiter=%d kind=CONDITION family=absl owner=0\n", zoo_thread(notification_wait, NULL));
}

static void absl_call_once()
{
	zoo_wait_asleep(zoo_thread(call_once, NULL));
	zoo_say("waiter=%d kind=ONCE family=absl base=%p owner=0\n", zoo_thread(call_once, NULL), (void *)&once);
}

#define C(name)                                                                                                        \
	{                                                                                                              \
#name, name                                                                                            \
	}
static const struct zoo_case cases[] = {
	C(absl_mutex), C(absl_mutex_reader), C(absl_condvar), C(absl_notification), C(absl_call_once),
};

int main(int argc, char **argv)
{
	return zoo_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
