/* Advice: stacks as they were seen in public threads and on a test machine must find their rule, and no other. */
#include <criterion/criterion.h>
#include <regex.h>

#include "../lib/sample_verdicts.h"
#include "hangdog/cure.h"
#include "hangdog/report.h"

TestSuite(advise, .timeout = 30);

#define GOMP "?@/usr/lib/x86_64-linux-gnu/libgomp.so.1\n"
#define TORCH "/opt/v/lib/python3.11/site-packages/torch/lib/libtorch_cpu.so"
#define SEM "__new_sem_wait_slow64.constprop.0@" LIBC "\nPyThread_acquire_lock_timed@" PYTHON "\n"
#define LLL "__lll_lock_wait_private@" LIBC "\n"
#define MUTEX_WAIT "__lll_lock_wait@" LIBC "\npthread_mutex_lock@" LIBC "\n"
#define POPEN_FORK "py Popen._launch /usr/lib/python3.11/multiprocessing/popen_fork.py:71\n"

struct example {
	const char *rule, *cure, *stack;
	enum hd_lock_kind lock;
	enum hd_cause cause;
	char state;
	const char *thread; /* another thread's name */
};

/* Innermost first, as the reporters posted them. */
static const struct example examples[] = {
	{"openblas-prefork", "blas-threads=1",
	 "__pthread_clockjoin_ex@" LIBC "\nblas_thread_shutdown_@/usr/lib/libopenblas.so.0\n__run_prefork_handlers@" LIBC "\nfork@" LIBC, HD_LOCK_JOIN,
	 HD_CAUSE_NO_WAKER, 'S', NULL},
	{"grpc-prefork", "grpc-fork=off",
	 "grpc_prefork()@/x/cygrpc.so\n__run_prefork_handlers@" LIBC "\nfork@" LIBC, HD_LOCK_CONDITION, HD_CAUSE_NO_WAKER, 'S', NULL},
	{"prefork-handler", NULL, MUTEX_WAIT "my_prepare@/x/libmine.so\n__run_prefork_handlers@" LIBC "\nfork@" LIBC, HD_LOCK_MUTEX,
	 HD_CAUSE_LOCK_CYCLE, 'S', NULL},
	{"grpc-child-handler", "grpc-fork=off",
	 SEM "rlock_acquire@" PYTHON "\n?@/x/grpc/_cython/cygrpc.cpython-311.so\n__run_postfork_handlers@" LIBC "\nfork@" LIBC, HD_LOCK_PYTHON,
	 HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"child-handler", NULL, MUTEX_WAIT "srt::child@/x/libsrt.so\n__run_postfork_handlers@" LIBC "\nfork@" LIBC, HD_LOCK_MUTEX,
	 HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"torch-openmp", "omp-threads=1", GOMP GOMP "at::TensorIteratorBase::for_each@" TORCH, HD_LOCK_TEAM, HD_CAUSE_MISSING_THREAD, 'S', NULL},
	{"sklearn-openmp", "omp-threads=1",
	 GOMP "?@/v/sklearn/cluster/_k_means_lloyd.cpython-311.so\nGOMP_parallel@/usr/lib/libgomp.so.1", HD_LOCK_TEAM, HD_CAUSE_MISSING_THREAD, 'S', NULL},
	{"lightgbm-openmp", "omp-threads=1",
	 "__kmp_suspend_64@/v/libiomp5.so\n__kmp_api_GOMP_parallel_40_alias@/v/libiomp5.so\nLightGBM::GBDT::LoadModel@/v/lib_lightgbm.so",
	 HD_LOCK_CONDITION, HD_CAUSE_MISSING_THREAD, 'S', NULL},
	{"openblas-openmp", "omp-threads=1",
	 "__sched_yield@" LIBC "\nexec_blas@/usr/lib/libopenblas.so.0\ndgemm_thread_nn@/usr/lib/libopenblas.so.0", HD_LOCK_UNKNOWN, HD_CAUSE_UNKNOWN, 'R', NULL},
	{"openblas-lock", "blas-threads=1", MUTEX_WAIT "exec_blas_async@/v/numpy.libs/libopenblas64.so\ndgetrf_parallel@/v/numpy.libs/libopenblas64.so",
	 HD_LOCK_MUTEX, HD_CAUSE_SELF_LOCK, 'S', NULL},
	{"intel-openmp-lock", NULL,
	 MUTEX_WAIT "__kmp_lock_suspend_mx@/v/libiomp5.so\n__kmp_free_thread@/v/libiomp5.so\nat::set_num_threads(int)@" TORCH, HD_LOCK_MUTEX,
	 HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"openmp-after-fork", "omp-threads=1", GOMP GOMP "compute@/home/ann/a.out\nmain@/home/ann/a.out", HD_LOCK_TEAM, HD_CAUSE_MISSING_THREAD, 'S', NULL},
	{"rayon-after-fork", "tokenizers=off",
	 "std::sys_common::condvar::Condvar::wait@/x/t.so\nrayon_core::latch::LockLatch::wait_and_reset@/x/t.so\nrayon::iter::plumbing::"
	 "bridge_producer_consumer@/x/t.so", HD_LOCK_PARKER, HD_CAUSE_MISSING_THREAD, 'S', NULL},
	{"tokenizers-rayon", "tokenizers=off", "rayon_core::latch::LockLatch::wait_and_reset@/v/tokenizers/tokenizers.abi3.so", HD_LOCK_PARKER,
	 HD_CAUSE_MISSING_THREAD, 'S', NULL},
	{"polars-fork", NULL, "rayon_core::latch::LockLatch::wait_and_reset@/v/polars/polars.abi3.so", HD_LOCK_PARKER, HD_CAUSE_MISSING_THREAD, 'S', NULL},
	{"tokio-after-fork", NULL, "tokio::runtime::park::CachedParkThread::block_on@/v/deltalake/_internal.abi3.so", HD_LOCK_PARKER,
	 HD_CAUSE_MISSING_THREAD, 'S', NULL},
	{"parking-lot-lock", NULL, "syscall@" LIBC "\nparking_lot::raw_mutex::RawMutex::lock_slow@/x/a.so", HD_LOCK_PARKER, HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"rust-lock", NULL, "syscall@" LIBC "\nstd::sys::sync::mutex::futex::Mutex::lock_contended@/x/a.so", HD_LOCK_RUST, HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"jax-fork", NULL,
	 "AbslInternalPerThreadSemWait@/v/jaxlib/xla_extension.so\nabsl::Mutex::Block@/v/jaxlib/xla_extension.so\nabsl::Mutex::Await@/v/jaxlib/xla_extension.so",
	 HD_LOCK_PARKER, HD_CAUSE_MISSING_THREAD, 'S', NULL},
	{"grpc-after-fork", "grpc-fork=on", "epoll_wait@" LIBC "\n?@/v/grpc/_cython/cygrpc.cpython-311.so\npy _blocking /v/grpc/_channel.py:1178", HD_LOCK_UNKNOWN,
	 HD_CAUSE_UNKNOWN, 'S', NULL},
	{"grpc-after-fork", "grpc-fork=on", "AbslInternalPerThreadSemWait@/x/libabsl_sync.so", HD_LOCK_PARKER, HD_CAUSE_MISSING_THREAD, 'S', "grpc_global_tim"},
	{"tensorflow-after-fork", NULL, "pthread_cond_wait@" LIBC "\ntensorflow::DirectSession::Run@/v/tf.so\nTF_Run@/v/tf.so", HD_LOCK_CONDITION,
	 HD_CAUSE_MISSING_THREAD, 'S', NULL},
	{"absl-lock", NULL, "AbslInternalPerThreadSemWait@/x/libabsl_sync.so\nabsl::Mutex::LockSlowLoop@/x/libabsl_sync.so", HD_LOCK_PARKER,
	 HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"glibc-tz-lock", "fork-gate", LLL "__tz_convert@" LIBC "\nserverLogRaw@/usr/bin/redis-server", HD_LOCK_LIBC, HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"glibc-tz-lock", "fork-gate", LLL "__tz_convert@" LIBC "\ngoogle::LogMessageTime::init@/usr/lib/libglog.so", HD_LOCK_LIBC, HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"glibc-atexit-lock", "fork-gate", LLL "__internal_atexit@" LIBC "\n__cxa_atexit@" LIBC "\ncv::imdecode@/v/cv2.so", HD_LOCK_LIBC,
	 HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"glibc-resolver-lock", "fork-gate",
	 LLL "get_locked_global@" LIBC "\n__resolv_conf_get_current@" LIBC "\n__res_vinit@" LIBC "\ngetaddrinfo@" LIBC, HD_LOCK_LIBC, HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"glibc-locale-lock", "fork-gate", "__pthread_rwlock_wrlock_full64@" LIBC "\nsetlocale@" LIBC "\nmain@/x/a", HD_LOCK_RWLOCK_WRITE, HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"glibc-locale-lock", "fork-gate", LLL "__gconv_find_transform@" LIBC "\niconv_open@" LIBC, HD_LOCK_LIBC, HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"glibc-loader-lock", "fork-gate", MUTEX_WAIT "_dl_add_to_namespace_list@/lib64/ld-linux-x86-64.so.2\n_dl_open@/lib64/ld-linux-x86-64.so.2", HD_LOCK_LOADER,
	 HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"glibc-lock", "fork-gate", LLL "__add_to_environ@" LIBC "\nsetenv@" LIBC, HD_LOCK_LIBC, HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"glibc-lock", "fork-gate", LLL "__vsyslog_internal@" LIBC "\nsyslog@" LIBC, HD_LOCK_LIBC, HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"glibc-lock", "fork-gate", LLL "__random@" LIBC "\nmain@/x/a", HD_LOCK_LIBC, HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"malloc-after-raw-clone", NULL, LLL "malloc@" LIBC "\nmain@/x/a", HD_LOCK_MALLOC, HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"malloc-after-raw-clone", NULL, LLL "_IO_link_in@" LIBC "\nfopen@" LIBC, HD_LOCK_STDIO, HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"jemalloc-lock", "jemalloc-background=off", MUTEX_WAIT "je_malloc_mutex_lock_slow@/x/libjemalloc.so.2\nextent_recycle@/x/libjemalloc.so.2", HD_LOCK_MUTEX,
	 HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"jemalloc-lock", "jemalloc-background=off", MUTEX_WAIT "?@/x/libjemalloc.so.2\nmain@/x/a", HD_LOCK_MUTEX, HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"jemalloc-spin", NULL, "rtree_node_init@/x/libjemalloc.so.2", HD_LOCK_UNKNOWN, HD_CAUSE_UNKNOWN, 'R', NULL},
	{"tcmalloc-lock", "heap-profile=off", "syscall@" LIBC "\nbase::internal::SpinLockDelay@/x/libtcmalloc.so.4\nSpinLock::SlowLock@/x/libtcmalloc.so.4", HD_LOCK_UNKNOWN,
	 HD_CAUSE_UNKNOWN, 'S', NULL},
	{"profiler-unwind-lock", "heap-profile=off", MUTEX_WAIT "?@/x/libunwind.so.8\nGetStackTrace@/x/libtcmalloc.so.4", HD_LOCK_MUTEX, HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"openssl-lock", NULL, "pthread_rwlock_wrlock@" LIBC "\nCRYPTO_THREAD_write_lock@/x/libcrypto.so.3\nossl_rand_drbg_new@/x/libcrypto.so.3", HD_LOCK_RWLOCK_WRITE,
	 HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"cxx-static", NULL, "syscall@" LIBC "\n__cxa_guard_acquire@/x/libstdc++.so.6\ntable()@/x/a", HD_LOCK_CXX_GUARD, HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"datadog-fork", NULL, MUTEX_WAIT "Datadog::Sampler::register_thread@/v/_stack.so", HD_LOCK_MUTEX, HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"asio-fork", NULL, MUTEX_WAIT "boost::asio::detail::epoll_reactor::notify_fork@/x/a", HD_LOCK_MUTEX, HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"go-after-fork", NULL, "runtime.futex@/x/lib.so\nruntime.futexsleep@/x/lib.so\nruntime.notesleep@/x/lib.so\nruntime.mPark@/x/lib.so", HD_LOCK_UNKNOWN,
	 HD_CAUSE_MISSING_THREAD, 'S', NULL},
	{"cxx-future", NULL, "syscall@" LIBC "\nstd::__atomic_futex_unsigned_base::_M_futex_wait_until@/x/libstdc++.so.6", HD_LOCK_FUTURE, HD_CAUSE_MISSING_THREAD, 'S', NULL},
	{"spin-lock", NULL, "pthread_spin_lock@" LIBC "\nmain@/x/a", HD_LOCK_UNKNOWN, HD_CAUSE_UNKNOWN, 'R', NULL},
	{"buffered-writer-lock", "mp-start=spawn", SEM "_enter_buffered_busy@" PYTHON "\n_io_BufferedWriter_write_impl@" PYTHON "\npy work /x/a.py:3\n" POPEN_FORK, HD_LOCK_PYTHON,
	 HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"import-lock", "mp-start=spawn", SEM "lock@" PYTHON "\nPyImport_ImportModuleLevelObject@" PYTHON "\npy work /x/a.py:3\n" POPEN_FORK, HD_LOCK_PYTHON,
	 HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"import-lock", NULL, SEM "py _ModuleLock.acquire <frozen importlib._bootstrap>:129\npy work /x/a.py:3", HD_LOCK_PYTHON, HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"uwsgi-lock", NULL, SEM "rlock_acquire@" PYTHON "\npython_call@/usr/bin/uwsgi\nuwsgi_request_wsgi@/usr/bin/uwsgi", HD_LOCK_PYTHON, HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"gunicorn-preload", NULL, SEM "py Handler.acquire /usr/lib/python3.11/logging/__init__.py:927\npy run /v/gunicorn/workers/base.py:1", HD_LOCK_PYTHON,
	 HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"logging-lock", "mp-start=spawn", SEM "rlock_acquire@" PYTHON "\npy Handler.acquire /usr/lib/python3.6/logging/__init__.py:810\npy work /x/a.py:3\n" POPEN_FORK,
	 HD_LOCK_PYTHON, HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"h5py-phil", NULL, SEM "?@/v/h5py/_objects.cpython-311.so\n?@/v/h5py/h5f.cpython-311.so\npy read /x/a.py:9", HD_LOCK_PYTHON, HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"fsspec-loop", NULL, SEM "py Event.wait /usr/lib/python3.11/threading.py:629\npy sync /v/fsspec/asyn.py:95", HD_LOCK_PYTHON, HD_CAUSE_MISSING_THREAD, 'S', NULL},
	{"executor-after-fork", NULL,
	 SEM "py Condition.wait /usr/lib/python3.12/threading.py:355\npy Future.result /usr/lib/python3.12/concurrent/futures/_base.py:451", HD_LOCK_PYTHON,
	 HD_CAUSE_MISSING_THREAD, 'S', NULL},
	{"preexec-fn", NULL, SEM "lock_PyThread_acquire_lock@" PYTHON "\nchild_exec@" PYTHON "\ndo_fork_exec@" PYTHON, HD_LOCK_PYTHON, HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"multiprocessing-killed-worker", NULL,
	 "do_futex_wait@" LIBC "\nsem_wait@" LIBC "\n_multiprocessing_SemLock_acquire_impl@" PYTHON "\npy Queue.get /usr/lib/python3.13/multiprocessing/queues.py:386",
	 HD_LOCK_SEMAPHORE, HD_CAUSE_NO_WAKER, 'S', NULL},
	{"multiprocessing-queue-join", NULL, "__write@" LIBC "\npy Connection._send /usr/lib/python3.11/multiprocessing/connection.py:384", HD_LOCK_UNKNOWN,
	 HD_CAUSE_WAIT_CYCLE, 'S', NULL},
	{"user-python-lock", "mp-start=spawn", SEM "py load /home/ann/train.py:41\n" POPEN_FORK, HD_LOCK_PYTHON, HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"user-python-lock", NULL, SEM "py load /home/ann/train.py:41", HD_LOCK_PYTHON, HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"inherited-mutex", NULL, MUTEX_WAIT "lookup@/home/ann/server\nmain@/home/ann/server", HD_LOCK_MUTEX, HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"lock-order", NULL, MUTEX_WAIT "transfer@/home/ann/bank", HD_LOCK_MUTEX, HD_CAUSE_LOCK_CYCLE, 'S', NULL},
	{"stall", NULL, "__read@" LIBC "\nmain@/x/a", HD_LOCK_UNKNOWN, HD_CAUSE_UNKNOWN, 'S', NULL},
	{"intel-openmp-after-fork", "omp-threads=1", "pthread_cond_wait@" LIBC "\n__kmp_suspend_64@/v/libiomp5.so\n__kmp_hyper_barrier_release@/v/libiomp5.so\nwork@/x/a",
	 HD_LOCK_TEAM, HD_CAUSE_MISSING_THREAD, 'S', NULL},
	{"xgboost-openmp", "omp-threads=1", GOMP "GOMP_parallel@/usr/lib/libgomp.so.1\nXGBoosterPredict@/v/xgboost/lib/libxgboost.so", HD_LOCK_TEAM,
	 HD_CAUSE_MISSING_THREAD, 'S', NULL},
	{"opencv-openmp", "omp-threads=1", GOMP "GOMP_parallel@/usr/lib/libgomp.so.1\ncv::parallel_for_@/usr/lib/libopencv_core.so.406\ncv::cvtColor@/v/cv2.abi3.so",
	 HD_LOCK_TEAM, HD_CAUSE_MISSING_THREAD, 'S', NULL},
	{"openblas-openmp", "omp-threads=1", "exec_blas@/usr/lib/libopenblas.so.0\ndgemm_thread_nn@/usr/lib/libopenblas.so.0", HD_LOCK_UNKNOWN, HD_CAUSE_UNKNOWN, 'R', NULL},
	{"openmp-after-fork", "omp-threads=1", "GOMP_parallel@/opt/static/a.out\nmain@/opt/static/a.out", HD_LOCK_UNKNOWN, HD_CAUSE_UNKNOWN, 'R', NULL},
	{"jax-fork", NULL, "pthread_cond_wait@" LIBC "\n?@/v/jaxlib/libjax_common.so\npy _value /v/jax/_src/array.py:628", HD_LOCK_CONDITION,
	 HD_CAUSE_MISSING_THREAD, 'S', NULL},
	{"glog-fork", NULL, MUTEX_WAIT "google::LogMessage::Flush@/usr/lib/libglog.so.1\nserve@/x/a", HD_LOCK_MUTEX, HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"datadog-fork", NULL, SEM "py Handler.acquire /usr/lib/python3.11/logging/__init__.py:927\npy _after_fork /v/ddtrace/internal/forksafe.py:71", HD_LOCK_PYTHON,
	 HD_CAUSE_INHERITED_LOCK, 'S', NULL},
	{"tbbmalloc-exit", NULL, "sched_yield@" LIBC "\n?@/usr/lib/libtbbmalloc.so.2\nexit@" LIBC, HD_LOCK_UNKNOWN, HD_CAUSE_UNKNOWN, 'R', NULL},
	{"tensorstore-fork", NULL, "pthread_cond_wait@" LIBC "\n?@/v/tensorstore/_tensorstore.cpython-311.so\npy load /x/a.py:9", HD_LOCK_CONDITION,
	 HD_CAUSE_MISSING_THREAD, 'S', NULL},
	{"wait-cycle", NULL, "__read@" LIBC "\nmain@/x/a", HD_LOCK_UNKNOWN, HD_CAUSE_WAIT_CYCLE, 'S', NULL},
	{"self-lock", NULL, MUTEX_WAIT "twice@/x/a", HD_LOCK_MUTEX, HD_CAUSE_SELF_LOCK, 'S', NULL},
	{"dead-holder", NULL, MUTEX_WAIT "shared@/x/a", HD_LOCK_MUTEX, HD_CAUSE_DEAD_HOLDER, 'S', NULL},
	{"no-waker", NULL, "pthread_cond_wait@" LIBC "\nwork@/x/a", HD_LOCK_CONDITION, HD_CAUSE_NO_WAKER, 'S', NULL},
	{"thread-left-behind", NULL, "pthread_cond_wait@" LIBC "\nwork@/x/a", HD_LOCK_CONDITION, HD_CAUSE_MISSING_THREAD, 'S', NULL},
};

static uint32_t advise_example(const struct example *e, struct hd_snapshot **ret_snap, struct hd_advice ret[HD_ADVICE_MAX])
{
	struct hd_snapshot *s = sample_new();
	sample_proc(s, 10, 1, "parent", "parent", NULL);
	sample_thread(s, 10, "parent", 'S');
	sample_proc(s, 20, 10, "child", "child", NULL);
	struct hd_thread *t = sample_thread(s, 20, "child", e->state);
	if (e->lock != HD_LOCK_UNKNOWN)
		sample_futex(s, t, 0x1000, e->lock);
	t->stack = sample_stack(s, e->stack);
	struct hd_fork *fork = sample_fork(s, 10, 10, 1);
	fork->others[0].name = e->thread;
	struct hd_verdict *v = sample_verdict(s, e->cause, HD_CERT_PROVEN, 1);
	if (e->cause == HD_CAUSE_UNKNOWN)
		v->kind = HD_VERDICT_STALL;
	*ret_snap = s;
	return hd_advise(s, v, ret);
}

Test(advise, stacks_from_public_threads_find_their_rule)
{
	for (size_t i = 0; i < HD_COUNTOF(examples); i++) {
		const struct example *e = &examples[i];
		struct hd_advice advice[HD_ADVICE_MAX];
		struct hd_snapshot *s;
		uint32_t n = advise_example(e, &s, advice);
		cr_expect(n >= 1, "example %zu (%s): no advice", i, e->rule);
		if (n >= 1) {
			cr_expect_str_eq(advice[0].rule, e->rule, "example %zu: got %s, not %s, for\n%s", i, advice[0].rule, e->rule, e->stack);
			cr_expect((advice[0].cure == NULL) == (e->cure == NULL) && (e->cure == NULL || strcmp(advice[0].cure, e->cure) == 0),
				  "example %zu (%s): cure %s, not %s", i, e->rule, advice[0].cure, e->cure);
		}
		for (uint32_t k = 0; k < n; k++)
			cr_expect(advice[k].cure == NULL || hd_cure_find(advice[k].cure, strlen(advice[k].cure)) != NULL,
				  "rule %s offers a cure that --cure does not know: %s", advice[k].rule, advice[k].cure);
		hd_snapshot_free(s);
	}
}

/* The same scene gives the same rules in the same order, each time, whoever else is in the tree. */
Test(advise, the_first_match_is_always_the_same)
{
	for (size_t i = 0; i < HD_COUNTOF(examples); i++) {
		struct hd_advice first[HD_ADVICE_MAX], again[HD_ADVICE_MAX];
		struct hd_snapshot *s, *t;
		uint32_t n = advise_example(&examples[i], &s, first), m = advise_example(&examples[i], &t, again);
		cr_assert_eq(n, m);
		for (uint32_t k = 0; k < n; k++)
			cr_expect_str_eq(first[k].rule, again[k].rule);
		hd_snapshot_free(s);
		hd_snapshot_free(t);
	}
}

Test(advise, who_made_the_fork_and_who_held_the_lock_count_too)
{
	const struct example loader = {"torch-dataloader", NULL, MUTEX_WAIT "f@/opt/x/libx.so", HD_LOCK_MUTEX, HD_CAUSE_INHERITED_LOCK, 'S', NULL};
	struct hd_advice advice[HD_ADVICE_MAX];
	struct hd_snapshot *s;
	advise_example(&loader, &s, advice);
	s->procs[1].fork->stack = sample_stack(s, "fork@" LIBC "\npy _MultiProcessingDataLoaderIter.__init__ /v/torch/utils/data/dataloader.py:1041");
	struct hd_verdict *v = sample_verdict(s, HD_CAUSE_INHERITED_LOCK, HD_CERT_PROVEN, 1);
	cr_assert_geq(hd_advise(s, v, advice), 1);
	cr_expect_str_eq(advice[0].rule, "torch-dataloader");
	s->procs[1].fork->stack.n = 0;
	v->threads[1].owner.state = HD_OWNER_FORKER;
	cr_assert_geq(hd_advise(s, v, advice), 1);
	cr_expect_str_eq(advice[0].rule, "fork-inside-lock");
	hd_snapshot_free(s);
}

Test(advise, a_healthy_tree_gets_none)
{
	struct hd_advice advice[HD_ADVICE_MAX];
	struct hd_snapshot *s = sample_healthy();
	cr_assert_eq(hd_advise(s, sample_healthy_verdict(s), advice), 0);
	hd_snapshot_free(s);
}

Test(advise, without_a_fork_no_fork_is_blamed)
{
	struct hd_advice advice[HD_ADVICE_MAX];
	struct hd_snapshot *s = sample_new();
	sample_proc(s, 10, 1, "alone", "alone", NULL);
	struct hd_thread *t = sample_thread(s, 10, "alone", 'S');
	sample_futex(s, t, 0x1000, HD_LOCK_MUTEX);
	t->stack = sample_stack(s, GOMP "AbslInternalPerThreadSemWait@/x/libabsl_sync.so\nmain@/x/a");
	cr_assert_eq(hd_advise(s, sample_verdict(s, HD_CAUSE_NO_WAKER, HD_CERT_PROVEN, 0), advice), 1);
	cr_assert_str_eq(advice[0].rule, "no-waker");
	hd_snapshot_free(s);
}

Test(advise, a_worker_that_crashed_comes_first)
{
	const struct example e = {NULL, NULL, "__read@" LIBC "\nmain@/x/a", HD_LOCK_UNKNOWN, HD_CAUSE_WAIT_CYCLE, 'S', NULL};
	struct hd_advice advice[HD_ADVICE_MAX];
	struct hd_lost crashed = {.pid = 21, .comm = "worker", .signal = 11, .status = -1, .ppid = 20};
	uint32_t waiter = 20;
	struct hd_snapshot *s;
	cr_assert_geq(advise_example(&e, &s, advice), 1);
	cr_assert_str_eq(advice[0].rule, "wait-cycle");
	struct hd_verdict *v = sample_verdict(s, HD_CAUSE_WAIT_CYCLE, HD_CERT_PROVEN, 1);
	s->lost = &crashed;
	s->n_lost = 1;
	v->lost_waiters = &waiter;
	cr_assert_geq(hd_advise(s, v, advice), 1);
	cr_assert_str_eq(advice[0].rule, "lost-worker");
	hd_snapshot_free(s);
}

Test(advise, an_unknown_place_is_said_to_be_unknown)
{
	const struct example e = {NULL, NULL, MUTEX_WAIT "frobnicate@/opt/x/libx.so", HD_LOCK_MUTEX, HD_CAUSE_INHERITED_LOCK, 'S', NULL};
	struct hd_advice advice[HD_ADVICE_MAX];
	struct hd_snapshot *s;
	cr_assert_eq(advise_example(&e, &s, advice), 1);
	cr_assert(strstr(advice[0].text, "hangdog does not know this place") != NULL);
	cr_assert_null(advice[0].source);
	hd_snapshot_free(s);
}

Test(advise, every_cause_has_something_to_say)
{
	for (unsigned cause = HD_CAUSE_INHERITED_LOCK; cause < HD_CAUSE_COUNT; cause++) {
		const struct example e = {NULL, NULL, "f@/opt/x/libx.so", HD_LOCK_UNKNOWN, (enum hd_cause)cause, 'S', NULL};
		struct hd_advice advice[HD_ADVICE_MAX];
		struct hd_snapshot *s;
		cr_assert_eq(advise_example(&e, &s, advice), 1, "cause %s", hd_cause_name((enum hd_cause)cause));
		hd_snapshot_free(s);
	}
}

Test(advise, another_cure_for_workers_comes_second)
{
	const struct example e = {NULL, NULL, GOMP "py work /x/a.py:3\n" POPEN_FORK, HD_LOCK_TEAM, HD_CAUSE_MISSING_THREAD, 'S', NULL};
	struct hd_advice advice[HD_ADVICE_MAX];
	struct hd_snapshot *s;
	cr_assert_eq(advise_example(&e, &s, advice), 2);
	cr_assert_str_eq(advice[0].rule, "openmp-after-fork");
	cr_assert_str_eq(advice[1].rule, "multiprocessing-spawn");
	cr_assert_str_eq(advice[1].cure, "mp-start=spawn");
	hd_snapshot_free(s);
}

Test(advise, a_stall_without_a_lead_is_searched_for_a_pattern)
{
	struct hd_snapshot *s = sample_openmp();
	struct hd_verdict *v = sample_openmp_verdict(s);
	struct hd_advice advice[HD_ADVICE_MAX];
	v->kind = HD_VERDICT_STALL;
	v->cause = HD_CAUSE_UNKNOWN;
	v->lead = HD_NONE;
	cr_assert_eq(hd_advise(s, v, advice), 1);
	cr_assert_str_eq(advice[0].rule, "torch-openmp");
	hd_snapshot_free(s);
}

Test(advise, hostile_names_are_no_danger)
{
	static char huge[200000];
	memset(huge, 'a', sizeof(huge) - 1);
	struct hd_snapshot *s = sample_openmp();
	struct hd_verdict *v = sample_openmp_verdict(s);
	struct hd_advice advice[HD_ADVICE_MAX];
	for (uint32_t i = 0; i < s->threads[1].stack.n; i++) {
		s->threads[1].stack.at[i].function = huge;
		s->threads[1].stack.at[i].module = "\xff\xfe\n((((((((";
	}
	cr_assert_geq(hd_advise(s, v, advice), 1);
	hd_snapshot_free(s);
}
