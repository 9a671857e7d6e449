#!/usr/bin/env python3
"""Workers that crash or are ended by the kernel for want of memory, in the middle: what the report says of them, besides
that their parent waits for ever."""
import json
import os
import resource
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import HANGDOG, ROOT, Skip, check, main, need, run, scratch

LIMIT = 48 << 20


def memory_group():
    """A control group with little memory, (folder, how to limit it), of version 2 or 1; or a reason why there is none."""
    for parent, limit, swap in (("/sys/fs/cgroup", "memory.max", "memory.swap.max"),
                                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.swappiness")):
        folder = os.path.join(parent, f"hangdog-test-{os.getpid()}")
        try:
            os.mkdir(folder)
        except OSError:
            continue
        if os.path.exists(os.path.join(folder, limit)):
            open(os.path.join(folder, limit), "w").write(str(LIMIT))
            if os.path.exists(os.path.join(folder, swap)):
                open(os.path.join(folder, swap), "w").write("0")
            return folder
        os.rmdir(folder)
    raise Skip("no control group for memory can be made here")


def report_of(d, program, env=None):
    need("run")
    path = os.path.join(d, "report.json")
    r = run(HANGDOG, "run", "--interval", "20", "--on-hang", "kill", "--term-timeout", "1", "--stall", "0", "--report", path, "--",
            sys.executable, "-c", program, cwd=d, timeout=90,
            env=dict(os.environ, PYTHONPATH=os.path.join(ROOT, "tests", "lib"), XDG_STATE_HOME=d, XDG_RUNTIME_DIR=d, **(env or {})))
    check(r.status == 124, r)
    return json.load(open(path)), r.err


OUT_OF_MEMORY = """
import fixture, multiprocessing, os
fixture.begin()
def work(results):
    fixture.begin()
    open(os.path.join(os.environ["GROUP"], "cgroup.procs"), "w").write(str(os.getpid()))
    hoard = []
    while True:
        hoard.append(bytearray(os.urandom(1 << 20)))
context = multiprocessing.get_context("fork")
results = context.Queue()
context.Process(target=work, args=(results,)).start()
results.get()
"""


def the_kernel_ended_a_worker_for_want_of_memory():
    group = memory_group()
    try:
        with scratch() as d:
            report, text = report_of(d, OUT_OF_MEMORY, {"GROUP": group})
            lost = report["children_lost"]
            check(len(lost) == 1 and lost[0]["signal"] == 9, lost)
            check(lost[0]["oom_kills"] is not None and lost[0]["oom_kills"] >= 1, lost)
            check("for want of memory" in " ".join(text.replace("hangdog:", "").split()), text)
            check(report["verdict"] == "deadlock", report["summary"])
    finally:
        os.rmdir(group)


CRASHED = """
import fixture, multiprocessing, os, resource, signal
fixture.begin()
def work(lock, results):
    fixture.begin()
    with lock:
        os.kill(os.getpid(), signal.SIGSEGV)
context = multiprocessing.get_context("fork")
lock, results = context.Lock(), context.Queue()
worker = context.Process(target=work, args=(lock, results))
worker.start()
worker.join()
lock.acquire()
"""


def a_worker_that_crashed_is_told_with_its_core_and_what_it_left():
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if hard != resource.RLIM_INFINITY:
        raise Skip("core dumps are forbidden here")
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    try:
        with scratch() as d:
            report, text = report_of(d, CRASHED)
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))
    lost = report["children_lost"]
    check(len(lost) == 1 and lost[0]["signal"] == 11 and lost[0]["core_dumped"], lost)
    check(lost[0]["core_pattern"] == open("/proc/sys/kernel/core_pattern").read().rstrip("\n"), lost)
    check(lost[0]["left"] and "no living process holds it" in lost[0]["left"][0], lost)
    check(report["cause"] == "dead-holder", report["summary"])
    check("dumped core" in text and "left something behind" in " ".join(text.replace("hangdog:", "").split()), text)


PASSED_ON = """
import fixture, multiprocessing, os, signal
fixture.begin()
def give_back(lock, other):
    fixture.begin()
    lock.release()
    other.acquire()
def die(taken):
    fixture.begin()
    os.kill(os.getpid(), signal.SIGKILL)
context = multiprocessing.get_context("fork")
lock, other = context.Lock(), context.Lock()
dead = context.Process(target=die, args=(lock,))
dead.start()
dead.join()
lock.acquire()
other.acquire()
worker = context.Process(target=give_back, args=(lock, other))
worker.start()
lock.acquire()
lock.acquire()
"""


def a_lock_that_the_living_hold_was_not_left_by_the_dead():
    with scratch() as d:
        report, _ = report_of(d, PASSED_ON)
        lost = report["children_lost"]
        check(len(lost) == 1 and lost[0]["left"] == [], lost)
        check(report["cause"] != "dead-holder", report["summary"])


main([(f.__name__, f) for f in (the_kernel_ended_a_worker_for_want_of_memory, a_worker_that_crashed_is_told_with_its_core_and_what_it_left,
                                a_lock_that_the_living_hold_was_not_left_by_the_dead)])
