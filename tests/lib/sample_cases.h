/* The situations that the tests of the report, the advice and the snapshot format share. */
#ifndef HANGDOG_TESTS_SAMPLE_CASES_H
#define HANGDOG_TESTS_SAMPLE_CASES_H

#include "sample.h"

#define LIBC "/usr/lib/x86_64-linux-gnu/libc.so.6"
#define PYTHON "/usr/bin/python3.11"

/* A pool worker waits for a threading.Lock that a thread of its parent held at the fork; the parent waits for the worker. */
HD_UNUSED static struct hd_snapshot *sample_python_lock(void)
{
	struct hd_snapshot *s = sample_new();
	sample_proc(s, 4242, 4000, "python3", "python3", "train.py", "--workers", "2", NULL);
	struct hd_thread *main = sample_thread(s, 4242, "python3", 'S');
	sample_wait_child(main, 4251);
	main->py_name = "MainThread";
	main->stack = sample_stack(s, "wait4@" LIBC "\n"
				      "py Popen.poll /usr/lib/python3.11/multiprocessing/popen_fork.py:27\n"
				      "py Popen.wait /usr/lib/python3.11/multiprocessing/popen_fork.py:43\n"
				      "py BaseProcess.join /usr/lib/python3.11/multiprocessing/process.py:149\n"
				      "py main /home/ann/train.py:71\n"
				      "py <module> /home/ann/train.py:75\n"
				      "Py_RunMain@" PYTHON "\nPy_BytesMain@" PYTHON "\n__libc_start_main@" LIBC "\n_start@" PYTHON);
	struct hd_thread *refill = sample_thread(s, 4250, "python3", 'S');
	refill->py_name = "refill";
	refill->nr = SAMPLE_NR_NANOSLEEP;
	refill->is_still = false;
	refill->stack = sample_stack(s, "clock_nanosleep@" LIBC "\npy refill /home/ann/train.py:22\n"
					"py Thread.run /usr/lib/python3.11/threading.py:982\n"
					"py Thread._bootstrap_inner /usr/lib/python3.11/threading.py:1045\nstart_thread@" LIBC);
	sample_proc(s, 4251, 4242, "python3", "python3", "train.py", "--workers", "2", NULL)->python = "3.11.2";
	struct hd_thread *worker = sample_thread(s, 4251, "python3", 'S');
	struct hd_lock *lock = sample_futex(s, worker, 0x55d0c81a2f40, HD_LOCK_PYTHON);
	lock->family = "cpython";
	lock->name = "cache_lock (in train.py)";
	lock->held_at_fork = HD_YES;
	lock->fork_owner_tid = 4250;
	lock->fork_owner_confidence = HD_CONF_HIGH;
	worker->stack = sample_stack(s, "__futex_abstimed_wait_common@" LIBC "\n__new_sem_wait_slow64.constprop.0@" LIBC "\n"
					"PyThread_acquire_lock_timed@" PYTHON "\nacquire_timed@" PYTHON "\n"
					"lock_PyThread_acquire_lock@" PYTHON "\n"
					"py load_item /home/ann/train.py:41\n"
					"py work /home/ann/train.py:57\n"
					"py BaseProcess.run /usr/lib/python3.11/multiprocessing/process.py:108\n"
					"py BaseProcess._bootstrap /usr/lib/python3.11/multiprocessing/process.py:314\n"
					"py Popen._launch /usr/lib/python3.11/multiprocessing/popen_fork.py:71\n"
					"py Popen.__init__ /usr/lib/python3.11/multiprocessing/popen_fork.py:19\n"
					"py Context._Popen /usr/lib/python3.11/multiprocessing/context.py:281\n"
					"py BaseProcess.start /usr/lib/python3.11/multiprocessing/process.py:121\n"
					"py main /home/ann/train.py:69\n"
					"py <module> /home/ann/train.py:75\n"
					"Py_RunMain@" PYTHON "\nPy_BytesMain@" PYTHON "\n__libc_start_main@" LIBC "\n_start@" PYTHON);
	struct hd_fork *fork = sample_fork(s, 4242, 4242, 1);
	fork->stack = sample_stack(s, "_Fork@" LIBC "\n__libc_fork@" LIBC "\nos_fork@" PYTHON "\n"
				      "py Popen._launch /usr/lib/python3.11/multiprocessing/popen_fork.py:66\n"
				      "py Popen.__init__ /usr/lib/python3.11/multiprocessing/popen_fork.py:19\n"
				      "py BaseProcess.start /usr/lib/python3.11/multiprocessing/process.py:121\n"
				      "py main /home/ann/train.py:69\npy <module> /home/ann/train.py:75");
	fork->others[0] = (struct hd_fork_other){.tid = 4250, .ns_tid = 4250, .name = "refill", .how = HD_HOW_PYTHON,
						 .nr = SAMPLE_NR_NANOSLEEP, .args = {0, 0, 0x7ffd8, 0, 0, 0}, .tls = 0x7f12};
	fork->others[0].stack = sample_stack(s, "clock_nanosleep@" LIBC "\npy refill /home/ann/train.py:22\n"
						"py Thread.run /usr/lib/python3.11/threading.py:982");
	return s;
}

/* A child calls into OpenMP whose team of threads was not copied by the fork. */
HD_UNUSED static struct hd_snapshot *sample_openmp(void)
{
	struct hd_snapshot *s = sample_new();
	sample_proc(s, 900, 1, "python3", "python3", "fit.py", NULL);
	sample_wait_child(sample_thread(s, 900, "python3", 'S'), 910);
	sample_proc(s, 910, 900, "python3", "python3", "fit.py", NULL);
	struct hd_thread *t = sample_thread(s, 910, "python3", 'S');
	sample_futex(s, t, 0x55d0c81a2f40, HD_LOCK_TEAM)->family = "libgomp";
	t->stack = sample_stack(s, "?@/usr/lib/x86_64-linux-gnu/libgomp.so.1\n?@/usr/lib/x86_64-linux-gnu/libgomp.so.1\n"
				   "at::TensorIteratorBase::for_each(c10::function_ref<void (char**, long const*, long, long)>, long)"
				   "@/opt/venv/lib/python3.11/site-packages/torch/lib/libtorch_cpu.so\n"
				   "at::native::randperm@/opt/venv/lib/python3.11/site-packages/torch/lib/libtorch_cpu.so\n"
				   "py sample /home/ann/fit.py:12\npy <module> /home/ann/fit.py:30");
	struct hd_fork *fork = sample_fork(s, 900, 900, 3);
	for (uint32_t i = 0; i < 3; i++) {
		fork->others[i].name = "python3";
		fork->others[i].stack = sample_stack(s, "?@/usr/lib/x86_64-linux-gnu/libgomp.so.1\nstart_thread@" LIBC);
	}
	return s;
}

/* Two threads take two mutexes in opposite order. */
HD_UNUSED static struct hd_snapshot *sample_lock_cycle(void)
{
	struct hd_snapshot *s = sample_new();
	sample_proc(s, 700, 1, "bank", "./bank", NULL);
	struct hd_thread *main = sample_thread(s, 700, "bank", 'S');
	sample_futex(s, main, 0x7f55aa0, HD_LOCK_JOIN);
	main->stack = sample_stack(s, "__pthread_clockjoin_ex@" LIBC "\nstd::thread::join()@/usr/lib/libstdc++.so.6\nmain@/home/ann/bank");
	for (int i = 0; i < 2; i++) {
		struct hd_thread *t = sample_thread(s, 701 + i, i == 0 ? "payer" : "payee", 'S');
		struct hd_lock *lock = sample_futex(s, t, 0x4040a0 + (uint64_t)i * 0x28, HD_LOCK_MUTEX);
		lock->name = i == 0 ? "accounts_b (in bank)" : "accounts_a (in bank)";
		lock->owner_tid = i == 0 ? 702 : 701;
		lock->owner_releases = true;
		lock->api = "pthread_mutex_lock";
		t->stack = sample_stack(s, "futex_wait@" LIBC "\n__lll_lock_wait@" LIBC "\npthread_mutex_lock@" LIBC "\n"
					   "transfer(Account&, Account&, long)@/home/ann/bank\nworker(int)@/home/ann/bank\n"
					   "start_thread@" LIBC "\nclone3@" LIBC);
	}
	return s;
}

/* Parent and child each read from the pipe that the other one should write to. */
HD_UNUSED static struct hd_snapshot *sample_pipes(void)
{
	struct hd_snapshot *s = sample_new();
	sample_proc(s, 800, 1, "ask", "./ask", NULL);
	struct hd_thread *a = sample_thread(s, 800, "ask", 'S');
	sample_proc(s, 801, 800, "ask", "./ask", NULL);
	struct hd_thread *b = sample_thread(s, 801, "ask", 'S');
	struct hd_object *down = sample_object(s, HD_OBJ_PIPE, 5001, "pipe:[5001]"), *up = sample_object(s, HD_OBJ_PIPE, 5002, "pipe:[5002]");
	sample_holder(down, 0, 4, false, true);
	sample_holder(down, 1, 3, true, false);
	sample_holder(up, 0, 5, true, false);
	sample_holder(up, 1, 6, false, true);
	sample_read_object(s, a, up);
	sample_read_object(s, b, down);
	a->stack = sample_stack(s, "__read@" LIBC "\nask_child@/home/ann/ask\nmain@/home/ann/ask");
	b->stack = sample_stack(s, "__read@" LIBC "\nserve@/home/ann/ask\nmain@/home/ann/ask");
	return s;
}

/* A shell, make and a sleep: nothing wrong. */
HD_UNUSED static struct hd_snapshot *sample_healthy(void)
{
	struct hd_snapshot *s = sample_new();
	sample_proc(s, 600, 1, "bash", "bash", "-c", "make -j2", NULL);
	sample_wait_child(sample_thread(s, 600, "bash", 'S'), -1);
	sample_proc(s, 601, 600, "make", "make", "-j2", NULL);
	sample_wait_child(sample_thread(s, 601, "make", 'S'), -1);
	sample_proc(s, 602, 601, "cc1", "cc1", "-O2", "big.c", NULL);
	sample_thread(s, 602, "cc1", 'R');
	sample_proc(s, 603, 601, "sleep", "sleep", "60", NULL);
	struct hd_thread *t = sample_thread(s, 603, "sleep", 'S');
	t->nr = SAMPLE_NR_NANOSLEEP;
	t->has_timeout = HD_YES;
	t->timeout_ns = 60 * HD_NS_PER_S;
	return s;
}

#endif
