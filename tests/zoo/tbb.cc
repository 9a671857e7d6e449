// oneTBB: the waiter waits on its own stack, the mutex is one byte elsewhere.
#include "zoo.h"

#include <oneapi/tbb/mutex.h>
#include <oneapi/tbb/rw_mutex.h>

static tbb::mutex mutex;
static tbb::rw_mutex rw_mutex;

static void *lock(void *arg)
{
	mutex.lock();
	return arg;
}

static void *write_lock(void *arg)
{
	rw_mutex.lock();
	return arg;
}

static void tbb_mutex()
{
	mutex.lock();
	zoo_say("waiter=%d kind=MUTEX family=tbb base=%p owner=0 held=1 releases=0\n", zoo_thread(lock, NULL),
		(void *)&mutex);
}

static void tbb_rw_mutex()
{
	rw_mutex.lock();
	zoo_say("waiter=%d kind=MUTEX family=tbb base=%p owner=0 held=1\n", zoo_thread(write_lock, NULL),
		(void *)&rw_mutex);
}

#define C(name)                                                                                                        \
	{                                                                                                              \
#name, name                                                                                            \
	}
static const struct zoo_case cases[] = {
	C(tbb_mutex),
	C(tbb_rw_mutex),
};

int main(int argc, char **argv)
{
	return zoo_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
