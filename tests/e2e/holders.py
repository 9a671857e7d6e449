#!/usr/bin/env python3
"""Who held a lock that has no owner word when the process was forked: named, and no surer than the evidence is."""
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import O, ROOT, Cases, Skip, check, hangdog, main, need, run, scratch, wait_until
from pythons import interpreters

CASES = case = Cases()

PROGRAM = """
import multiprocessing as mp, signal, threading
cache_lock = threading.Lock()
gate = threading.Event()

class Pool:
    def __init__(self):
        self._lock = threading.Lock()
        self._rlock = threading.RLock()
    def with_attribute(self, inside=None):
        with self._lock:
            stay(inside)
    def with_rlock(self, inside=None):
        with self._rlock:
            stay(inside)
    def acquire_attribute(self, inside=None):
        self._lock.acquire()
        stay(inside)
        self._lock.release()

pool = Pool()

def stay(inside):
    if inside:
        inside.set()
        gate.wait()

def with_global(inside=None):
    with cache_lock:
        stay(inside)

def acquire_global(inside=None):
    cache_lock.acquire()
    stay(inside)
    cache_lock.release()

def idle(gave_back):
    # Names both locks and took both, but has neither any more.
    cache_lock.acquire()
    pool._lock.acquire()
    pool._lock.release()
    cache_lock.release()
    gave_back.set()
    gate.wait()

if __name__ == "__main__":
    signal.alarm(60)
    inside = threading.Event()
    gave_back = threading.Event()
    threading.Thread(target=idle, args=(gave_back,), name="bystander", daemon=True).start()
    gave_back.wait()
    threading.Thread(target=WHAT, args=(inside,), name="keeper", daemon=True).start()
    inside.wait()
    p = mp.get_context("fork").Process(target=WHAT)
    p.start()
    p.join()
"""

EXACT = "does not exist in the child"
PYTHON = {
    "with_global": ("cache_lock (in prog.py)", True),
    "acquire_global": ("cache_lock (in prog.py)", False),
    "pool.with_attribute": ("self._lock of Pool (in prog.py)", True),
    "pool.with_rlock": ("self._rlock of Pool (in prog.py)", True),
    "pool.acquire_attribute": ("self._lock of Pool (in prog.py)", False),
}


def report_of(folder, *command, options=()):
    path = os.path.join(folder, "report.json")
    r = hangdog("run", "--incident-dir", os.path.join(folder, "state"), "--stall", "0", "--on-hang", "kill", "--term-timeout", "0",
                "--report", path, *options, "--", *command)
    check(r.status == 124, r)
    return json.load(open(path)), " ".join(r.err.replace("hangdog:", " ").split())


def culprit_wait(report):
    process = next(p for p in report["processes"] if p["pid"] in report["culprits"])
    return process, next(t["wait"] for t in process["threads"] if t["deadlocked"])


@case
def a_python_lock_has_its_name_and_its_holder_on_every_version():
    for version, python in interpreters().items():
        for what, (name, is_sure) in PYTHON.items():
            with scratch() as d:
                # Not as a file: the interpreter may be in another root.
                program = "exec(compile(%r, 'prog.py', 'exec'))" % PROGRAM.replace("WHAT", what)
                report, text = report_of(d, python, "-c", program)
                process, wait = culprit_wait(report)
                keeper = next(o for o in process["fork"]["others"] if o["name"] == "keeper")
                where = (version, what, text)
                check(report["cause"] == "inherited-lock", where)
                check(wait["object"] == name, where)
                check(f"waits for ever for the lock {name}: thread {keeper['tid']} (keeper)" in text, where)
                check(("probably held" in text) == (not is_sure), where)
                check((wait["owner"] is not None and wait["owner"]["tid"] == keeper["tid"]) == is_sure, where)
                check(any(f["function"].endswith(what.split(".")[-1]) for f in keeper["stack"] if f["function"]), where)
                check(any(f["kind"] == "python" and f["function"] == "<module>" for f in process["fork"]["stack"]), where)


OWN_LOCK = """
import os, signal, sys, threading, time
signal.alarm(60)
lock, other = threading.Lock(), threading.Lock()
class Guard:
    def __init__(self):
        self.inner = threading.Lock()
    def __enter__(self):
        self.inner.acquire()
    def __exit__(self, *error):
        self.inner.release()
def forks():
    with lock:
        pid = os.fork()
        if pid == 0:
            lock.acquire()
        os.waitpid(pid, 0)
def forks_among_threads():
    threading.Thread(target=time.sleep, args=(1000,), daemon=True, name="bystander").start()
    forks()
def twice():
    with lock:
        lock.acquire()
def acquired_twice():
    lock.acquire()
    lock.acquire()
def twice_by_a_manager():
    guard = Guard()
    with guard:
        with guard:
            pass
def opposite():
    gate = threading.Barrier(2)
    def work(a, b):
        with a:
            gate.wait()
            with b:
                pass
    threads = [threading.Thread(target=work, args=p) for p in ((lock, other), (other, lock))]
    [t.start() for t in threads]
    [t.join() for t in threads]
def free_again():
    # What stands inside of `with` has let go of the lock for a while: nobody's own, and not in a circle.
    gate = threading.Event()
    condition = threading.Condition(lock)
    def waits():
        with condition:
            gate.set()
            condition.wait()
    threading.Thread(target=waits).start()
    gate.wait()
    lock.acquire()
    lock.acquire()
WHAT()
"""

OWN_CAUSE = {"forks": "self-lock", "forks_among_threads": "self-lock", "twice": "self-lock", "twice_by_a_manager": "self-lock",
             "acquired_twice": "no-waker", "opposite": "lock-cycle", "free_again": "no-waker"}


@case
def a_thread_that_wants_what_it_holds_is_told_from_one_that_lost_a_holder():
    for version, python in interpreters().items():
        for what, cause in OWN_CAUSE.items():
            with scratch() as d:
                report, text = report_of(d, python, "-c", OWN_LOCK.replace("WHAT", what))
                check(report["verdict"] == "deadlock" and report["certainty"] == "proven", (version, what, text))
                check(report["cause"] == cause, (version, what, text))
                check(("which it holds itself" in text) == (cause == "self-lock"), (version, what, text))
                check("does not exist in the child" not in text, (version, what, text))
                check(("probably holds the lock itself" in text) == (what in ("acquired_twice", "free_again")), (version, what, text))


GIVEN_BACK = """
import os, signal, threading, time
signal.alarm(60)
lock, other, third, fourth, fifth = [threading.Lock() for _ in range(5)]
stands = threading.Semaphore(0)
def stand():
    stands.release()
    time.sleep(1000)
def lets_go_for_a_while():
    with lock:
        lock.release()
        try:
            stand()
        finally:
            lock.acquire()
def lets_go_with_another():
    with other:
        with lock:
            lock.release()
            with third:
                stand()
def lets_go_in_a_call():
    with lock:
        work_without()
def work_without():
    lock.release()
    stand()
    lock.acquire()
def holds():
    with lock:
        stand()
def holds_after_another():
    fifth.acquire()
    fifth.release()
    with lock:
        with fourth:
            stand()
def took_it_before():
    lock.acquire()
    lock.release()
    with lock:
        stand()
def took_it_again():
    with lock:
        lock.release()
        lock.acquire()
        stand()
def gives_back_another():
    with lock:
        third.acquire()
        third.release()
        stand()
def by_hand():
    take()
    stand()
def take():
    lock.acquire()
def start(function, name):
    threading.Thread(target=function, name=name, daemon=True).start()
    stands.acquire()
    time.sleep(0.1)
FIRST and start(FIRST, "first")
start(SECOND, "second")
pid = os.fork()
if pid == 0:
    lock.acquire()
os.waitpid(pid, 0)
"""

# Who stands inside `with` but has let go of the lock, who holds it, and whether that can be known.
GIVEN_BACK_BY = [("lets_go_for_a_while", "holds", True), ("lets_go_with_another", "holds_after_another", True),
                 ("lets_go_in_a_call", "took_it_before", True), ("lets_go_for_a_while", "by_hand", False),
                 ("lets_go_for_a_while", "gives_back_another", True),
                 (None, "took_it_again", True)]


@case
def who_let_go_of_a_lock_inside_of_with_is_not_its_holder():
    for version, python in interpreters().items():
        for first, second, is_known in GIVEN_BACK_BY:
            with scratch() as d:
                program = GIVEN_BACK.replace("FIRST", str(first)).replace("SECOND", second)
                report, text = report_of(d, python, "-c", program)
                _, wait = culprit_wait(report)
                where = (version, first, second, text)
                check(report["cause"] == "inherited-lock", where)
                check("(first) held" not in text and "(first) probably held" not in text, where)
                check((wait["owner"] is not None and wait["owner"]["name"] == "second") == is_known, where)


@case
def what_a_wait_made_for_itself_is_not_a_lock_that_the_thread_holds():
    for version, python in interpreters().items():
        with scratch() as d:
            report, text = report_of(d, python, "-c", "import signal, threading; signal.alarm(60); threading.Event().wait()")
            check(report["cause"] == "no-waker", (version, text))
            check("itself" not in report["summary"], (version, text))


COPY_OF_A_COPY = """
import os, signal, sys, threading, time
signal.alarm(60)
how = sys.argv[1]
lock, other = threading.Lock(), threading.Lock()
inside = threading.Semaphore(0)
def stand_in(what):
    with what:
        inside.release()
        time.sleep(1000)
def start(what, name):
    threading.Thread(target=stand_in, args=(what,), name=name, daemon=True).start()
    inside.acquire()
start(lock, "keeper")
middle = os.fork()
if middle == 0:
    if how == "threaded":
        start(other, "bystander")
    me = os.getpid()
    last = os.fork()
    if last == 0:
        while how == "gone" and os.getppid() == me:
            time.sleep(0.01)
        lock.acquire()
    if how != "gone":
        os.waitpid(last, 0)
    os._exit(0)
os.waitpid(middle, 0)
time.sleep(1000)
"""


@case
def what_a_copy_of_a_copy_lacks_is_told_from_the_first_fork():
    """The process in the middle has one thread, or one more, or has ended."""
    for version, python in interpreters().items():
        for how in "alone", "threaded", "gone":
            with scratch() as d:
                report, text = report_of(d, python, "-c", COPY_OF_A_COPY, how)
                process, wait = culprit_wait(report)
                where = (version, how, text)
                check(report["cause"] == "inherited-lock", where)
                # The new thread of 3.13 may stand in the memory where the lost one stood: then nobody is named.
                if how == "threaded" and "whoever held it at the fork" in text:
                    continue
                check("(keeper) held it at the fork" in text, where)
                check(wait["owner"] == {"tid": wait["owner"]["tid"], "pid": report["root"], "exists": False, "inherited": True,
                                        "name": "keeper"}, (wait["owner"], where))
                keeper = next(o for o in process["fork"]["others"] if o["tid"] == wait["owner"]["tid"])
                check(keeper["pid"] == report["root"] and any(f["function"] == "stand_in" for f in keeper["stack"]), (keeper, where))
                check(f"{process['fork']['parent_pid']} was itself a copy of {report['root']}" in text, where)
                state = os.path.join(d, "state")
                again = hangdog("replay", "--json", os.path.join(state, os.listdir(state)[0], "snapshot.hds"))
                check(json.loads(again.out)["summary"] == report["summary"], again)


def compiled(folder, name, flags, text):
    """The path of a C++ program of this text."""
    source, program = os.path.join(folder, name + ".cc"), os.path.join(folder, name)
    if shutil.which("c++") is None:
        raise Skip("no C++ compiler here")
    with open(source, "w") as f:
        f.write(text)
    subprocess.run(["c++", *flags, "-pthread", "-o", program, source], check=True)
    return program


@case
def what_a_copy_of_a_copy_lacks_natively_is_told_too():
    with scratch() as d:
        program = compiled(d, "twice", ["-O1"], """
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>
static volatile int inside;
struct slow { __attribute__((noinline)) slow() { inside = 1; for (;;) pause(); } };
__attribute__((noinline)) static void *make(void *) { static slow one; return &one; }
int main()
{
	pthread_t t;
	alarm(60);
	pthread_create(&t, nullptr, make, nullptr);
	while (!inside)
		usleep(1000);
	usleep(50000);
	pid_t middle = fork();
	if (middle == 0) {
		pid_t last = fork();
		if (last == 0)
			make(nullptr);
		waitpid(last, nullptr, 0);
		_exit(0);
	}
	waitpid(middle, nullptr, 0);
}
""")
        report, text = report_of(d, program)
        process, _ = culprit_wait(report)
        keeper = process["fork"]["others"][0]
        check(report["cause"] == "inherited-lock" and keeper["pid"] == report["root"], text)
        check(f"thread {keeper['tid']} (twice) held it at the fork" in text, text)
        check(any("make" in (f["function"] or "") for f in keeper["stack"]), keeper)


TAKEN_SINCE = """
import os, signal, threading, time
signal.alarm(60)
lock, never = threading.Lock(), threading.Lock()
inside = threading.Semaphore(0)
never.acquire()
def keep():
    with lock:
        inside.release()
        time.sleep(1000)
def take():
    lock.acquire()
    inside.release()
    never.acquire()
threading.Thread(target=keep, name="keeper", daemon=True).start()
inside.acquire()
pid = os.fork()
if pid == 0:
    lock.release()      # as libraries do that repair their locks
    threading.Thread(target=take, name="taker").start()
    inside.acquire()
    with lock:
        pass
os.waitpid(pid, 0)
"""


@case
def a_lock_that_was_taken_since_is_not_surely_held_by_who_held_it_at_the_fork():
    for version, python in interpreters().items():
        with scratch() as d:
            report, text = report_of(d, python, "-c", TAKEN_SINCE, options=("--on-hang", "heal,kill"))
            process, _ = culprit_wait(report)
            taker = next(t["tid"] for t in process["threads"] if t["name"] == "taker" or t["tid"] != process["pid"])
            wait = next(t["wait"] for t in process["threads"] if t["tid"] == process["pid"])
            check("(keeper) held it" not in text and wait["owner"] is None, (version, wait, text))
            check(f"or thread {taker} has taken it since, as its code looks" in text, (version, text))
            check("released" not in text, (version, text))


UNSEEN_COPY_OF_A_COPY = COPY_OF_A_COPY.replace("    if last == 0:", "    if last == 0:\n        print(os.getpid(), flush=True)")


@case
def whose_threads_a_copy_of_a_copy_lacks_is_found_also_where_no_fork_was_seen():
    need("why")
    for version, python in interpreters().items():
        with scratch() as d:
            last = 0
            p = subprocess.Popen([python, "-c", UNSEEN_COPY_OF_A_COPY, "alone"], stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL)
            try:
                last = int(p.stdout.readline())
                r = hangdog("why", "--json", p.pid)
                for _ in range(100):
                    if r.status == 1:
                        break
                    r = hangdog("why", "--json", p.pid)
                report = json.loads(r.out)
                process = next(q for q in report["processes"] if q["pid"] == last)
                keeper = process["fork"]["others"][0]
                check(keeper["pid"] == p.pid and keeper["name"] == "keeper", (version, keeper))
                check(process["fork"]["parent_pid"] == process["ppid"] != p.pid, (version, process["fork"]))
                check(f"forked by {process['ppid']}, itself a copy of {p.pid} without its other threads" in report["summary"],
                      (version, report["summary"]))
            finally:
                if last:
                    os.kill(last, 9) # the one in the middle waits for it
                p.kill()
                p.wait()
                p.stdout.close()


@case
def a_report_tells_where_the_neighbours_of_the_stuck_stand():
    """Also those that will go on by themselves: who reads it elsewhere cannot look."""
    program = """
import multiprocessing as mp, signal, threading, time
signal.alarm(60)
lock = threading.Lock()
inside = threading.Event()
def prefetch():
    with lock:
        inside.set()
        time.sleep(1000)
threading.Thread(target=prefetch, name="prefetcher", daemon=True).start()
inside.wait()
p = mp.get_context("fork").Process(target=lock.acquire)
p.start()
p.join()
"""
    with scratch() as d:
        report, text = report_of(d, sys.executable, "-c", program)
        parent = next(p for p in report["processes"] if p["pid"] == report["root"])
        neighbour = next(t for t in parent["threads"] if t["name"] == "prefetcher")
        check(not neighbour["deadlocked"] and any(f["function"] == "prefetch" for f in neighbour["stack"]), neighbour)
        check(neighbour["wait"]["wakers"] == {"closed": False, "tids": [], "outside": "its wait has a time limit"}, neighbour)


def native(folder, name, options=()):
    binary = os.path.join(folder, "holders")
    made = subprocess.run(["c++", "-O1", "-g", "-pthread", "-o", binary, os.path.join(ROOT, "tests", "fixtures", "holders.cc")],
                          capture_output=True, text=True)
    if made.returncode != 0:
        raise Skip("no C++ compiler here: " + made.stderr[:200])
    return report_of(folder, binary, name, options=options)


@case
def a_lock_of_the_c_library_is_held_by_who_is_inside_it():
    with scratch() as d:
        report, text = native(d, "localtime")
        process, wait = culprit_wait(report)
        check(report["cause"] == "inherited-lock" and wait["owner"]["name"] == "holder", text)
        check("(holder) held it at the fork and does not exist in the child" in text, text)


@case
def a_static_variable_is_held_by_who_makes_it():
    with scratch() as d:
        report, text = native(d, "guard")
        process, wait = culprit_wait(report)
        check(report["cause"] == "inherited-lock" and wait["owner"]["name"] == "holder", text)
        check('"holder" of %d held the lock, and stood here' % process["fork"]["parent_pid"] in text, text)


@case
def of_an_inlined_static_variable_nobody_is_named_for_sure():
    """Whoever stands in the function that wants it may stand there for another reason: it is made in many functions."""
    with scratch() as d:
        program = compiled(d, "inlined", ["-O2", "-w"], """
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>
static volatile int standing;
static void stand() { standing = standing + 1; for (;;) pause(); }
struct Slow { Slow() { stand(); } };
static inline __attribute__((always_inline)) Slow *instance() { static Slow one; return &one; }
__attribute__((noinline)) static void work() { stand(); }
__attribute__((noinline)) void *maker(void *p) { return instance(), p; }
__attribute__((noinline)) void *user(void *works)
{
	if (works)
		work();
	return instance(), works;
}
static void start(void *(*function)(void *), void *arg, const char *name)
{
	pthread_t t;
	int before = standing;
	pthread_create(&t, nullptr, function, arg);
	pthread_setname_np(t, name);
	while (standing == before)
		usleep(1000);
	usleep(50000);
}
int main()
{
	alarm(60);
	start(maker, nullptr, "maker");
	start(user, &standing_in, "bystander");
	pid_t pid = fork();
	if (pid == 0)
		user(nullptr);
	waitpid(pid, nullptr, 0);
}
""".replace("&standing_in", "(void *)1"))
        report, text = report_of(d, program)
        _, wait = culprit_wait(report)
        check(report["cause"] == "inherited-lock" and "instance()::one" in wait["object"], text)
        check(wait["owner"] is None and "(bystander) held" not in text, text)


@case
def of_a_semaphore_it_is_told_where_the_others_stood():
    with scratch() as d:
        report, text = native(d, "semaphore")
        process, wait = culprit_wait(report)
        check(report["cause"] == "missing-thread" and wait["owner"] is None, text)
        check('"holder"' in text and "with_slot()" in text, text)


@case
def of_a_thread_that_ran_more_evidence_tells_more():
    expect = {"off": None, "light": ("unknown", "python"), "full": ("stopped",)}
    for level, how in expect.items():
        with scratch() as d:
            report, text = native(d, "busy", options=["--fork-evidence", level])
            process, wait = culprit_wait(report)
            check(report["verdict"] == "deadlock" and report["certainty"] == "proven", (level, text))
            fork = process["fork"]
            if how is None:
                check(fork is None or fork["time"] is None, (level, fork))
                continue
            other = next(o for o in fork["others"] if o["name"] == "holder")
            check(other["how"] in how, (level, other))
            check(fork["parent_threads"] == 2 and fork["time"] is not None, (level, fork))
            if level == "full":
                check(any(f["function"] and "busy_instance" in f["function"] for f in other["stack"]), (level, other))
                check("(holder) probably held it at the fork" in text, (level, text))
                check("ran about here" in text, (level, text))


@case
def evidence_costs_little_at_any_level():
    """Many forks beside ten computing threads: nobody is stopped for long, and all goes on as it would."""
    program = """
import os, threading, time, signal
signal.alarm(60)
for _ in range(10):
    threading.Thread(target=lambda: [sum(range(1000)) for _ in iter(int, 1)], daemon=True).start()
for _ in range(40):
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
print("forked", flush=True)
os._exit(0)
"""
    for level in ("off", "light", "full"):
        r = hangdog("run", "--stall", "0", "--fork-evidence", level, "--", sys.executable, "-c", program, timeout=60)
        check(r.status == 0 and r.out == "forked\n" and "STALLED" not in r.err and "DEADLOCK" not in r.err, (level, r))


@case
def a_holder_that_the_lock_names_is_named_also_where_only_its_stack_is_left():
    """`why` comes after the fork: the copy's memory still has the lost thread's stack, but no number beside it."""
    with scratch() as folder:
        binary = os.path.join(folder, "stuck")
        r = run("cc", "-g", "-pthread", "-I", os.path.join(ROOT, "tests", "lib"), "-o", binary, os.path.join(ROOT, "tests", "hung", "inherited_mutex_normal.c"))
        check(r.status == 0, r)
        with subprocess.Popen([binary], stdin=subprocess.DEVNULL) as p:
            try:
                wait_until(lambda: hangdog("why", p.pid).status == 1, "it hangs")
                report, text, full = json.loads(hangdog("why", "--json", p.pid).out), hangdog("why", p.pid).out, hangdog("why", "-v", p.pid).out
            finally:
                p.kill()
    _, wait = culprit_wait(report)
    words = " ".join(text.split())
    check(f"Thread {wait['owner']['tid']} of {p.pid} held the lock, and" in words and "fixture_hold" in words, text)
    check("which one is not recorded" not in words and "hread 0" not in words + full, text + full)
    for proc in report["processes"]:
        for other in proc["fork"]["others"] if proc["fork"] else ():
            check(other["tid"] is None or other["tid"] > 0, other)


if __name__ == "__main__":
    need("run")
    main(CASES)
