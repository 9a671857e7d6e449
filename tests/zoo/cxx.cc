// C++ standard library synchronisation, g++ 7 or later.
#include "zoo.h"

#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <shared_mutex>
#include <thread>

static std::mutex mutex;
static std::recursive_mutex recursive;
static std::timed_mutex timed;
static std::shared_timed_mutex shared;
static std::condition_variable cond;
static std::once_flag once;

template <typename F> static int start(F fn)
{
	volatile int tid = 0;
	auto body = [&tid, fn]() {
		F mine = fn;
		__atomic_store_n(const_cast<int *>(&tid), zoo_tid(), __ATOMIC_SEQ_CST);
		mine();
	};
	std::thread(body).detach();
	while (__atomic_load_n(const_cast<int *>(&tid), __ATOMIC_SEQ_CST) == 0)
		usleep(100);
	return tid;
}

static void std_mutex()
{
	mutex.lock();
	zoo_say("waiter=%d kind=MUTEX base=%p owner=%d held=1\n", start([] { mutex.lock(); }), (void *)&mutex,
		zoo_tid());
}

static void std_recursive_mutex()
{
	recursive.lock();
	zoo_say("waiter=%d kind=MUTEX base=%p owner=%d held=1 recursive=1\n", start([] { recursive.lock(); }),
		(void *)&recursive, zoo_tid());
}

static void std_timed_mutex()
{
	timed.lock();
	zoo_say("waiter=%d kind=MUTEX base=%p owner=%d held=1\n",
		start([] { (void)timed.try_lock_for(std::chrono::seconds(50)); }), (void *)&timed, zoo_tid());
}

static void std_shared_mutex_write()
{
	shared.lock();
	zoo_say("waiter=%d kind=RWLOCK_WRITE base=%p owner=%d\n", start([] { shared.lock(); }), (void *)&shared,
		zoo_tid());
}

static void std_shared_mutex_read()
{
	shared.lock();
	zoo_say("waiter=%d kind=RWLOCK_READ base=%p owner=%d\n", start([] { shared.lock_shared(); }), (void *)&shared,
		zoo_tid());
}

static void std_condition_variable()
{
	int waiter = start([] {
		std::unique_lock<std::mutex> lock(mutex);
		cond.wait(lock);
	});
	zoo_say("waiter=%d kind=CONDITION base=%p mutex=%p api=std::condition_variable::wait\n", waiter, (void *)&cond,
		(void *)&mutex);
}

static void std_condition_variable_exit()
{
	zoo_wait_asleep(start([] {
		std::unique_lock<std::mutex> lock(mutex);
		cond.wait(lock);
	}));
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(60);
		zoo_say("pid=%d waiter=%d kind=COND_DESTROY base=%p api=exit\n", getpid(), zoo_tid(), (void *)&cond);
		exit(0);
	}
}

static void std_future()
{
	static std::promise<int> promise;
	static std::future<int> future = promise.get_future();
	zoo_say("waiter=%d kind=FUTURE owner=0 family=libstdc++ api=std::future::wait\n", start([] { future.wait(); }));
}

static void std_call_once()
{
	zoo_wait_asleep(start([] { std::call_once(once, zoo_stay); }));
	zoo_say("waiter=%d kind=ONCE base=%p owner=0\n", start([] { std::call_once(once, zoo_stay); }), (void *)&once);
}

static void std_thread_join()
{
	static std::thread *thread;
	static volatile int owner;
	thread = new std::thread([] {
		owner = zoo_tid();
		zoo_stay();
	});
	while (owner == 0)
		usleep(100);
	pthread_t tcb = thread->native_handle();
	zoo_say("waiter=%d kind=JOIN base=%p owner=%d releases=1 api=std::thread::join\n",
		start([] { thread->join(); }), (void *)tcb, owner);
}

struct slow {
	slow()
	{
		zoo_stay();
	}
};

static void local_static()
{
	auto init = [] { static slow object; };
	zoo_wait_asleep(start(init));
	zoo_say("waiter=%d kind=CXX_GUARD owner=0 held=1 api=__cxa_guard_acquire\n", start(init));
}

#define C(name)                                                                                                        \
	{                                                                                                              \
#name, name                                                                                            \
	}
static const struct zoo_case cases[] = {
	C(std_mutex),
	C(std_recursive_mutex),
	C(std_timed_mutex),
	C(std_shared_mutex_write),
	C(std_shared_mutex_read),
	C(std_condition_variable),
	C(std_condition_variable_exit),
	C(std_future),
	C(std_call_once),
	C(std_thread_join),
	C(local_static),
};

int main(int argc, char **argv)
{
	return zoo_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
