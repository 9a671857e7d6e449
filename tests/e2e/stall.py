#!/usr/bin/env python3
"""--stall and --progress: nothing moves, nothing is proven, and what counts as moving is the user's choice."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import Cases, check, hangdog, main, need, scratch

CASES = case = Cases()

# Waits with a time limit again and again, and never gets anywhere.
POLLER = """
import signal, threading
signal.alarm(60)
threading.Thread(target=lambda: [None for _ in iter(lambda: threading.Event().wait(0.05), True)], name="poller", daemon=True).start()
lock = threading.Lock()
lock.acquire()
print("begun", flush=True)
while not lock.acquire(timeout=0.1):
    pass
"""
TALKER = """
import signal, sys, time
signal.alarm(60)
end = time.monotonic() + 4
while time.monotonic() < end:
    print("step", flush=True)
    time.sleep(0.1)
"""
WORKER = """
import signal, time
signal.alarm(60)
end = time.monotonic() + float("SECONDS")
while time.monotonic() < end:
    pass
"""
SAVER = """
import os, signal, time
signal.alarm(60)
end = time.monotonic() + 4
while time.monotonic() < end:
    with open(os.environ["CKPT"], "a") as f:
        f.write("x")
    time.sleep(0.1)
"""


def guard(folder, text, *options, env=None):
    program = os.path.join(folder, "prog.py")
    with open(program, "w") as f:
        f.write(text)
    report = os.path.join(folder, "report.json")
    r = hangdog("run", "--incident-dir", os.path.join(folder, "state"), "--certainty", "suspected", "--on-hang", "kill",
                "--term-timeout", "0", "--report", report, *options, "--", sys.executable, program, env=env)
    return r, json.load(open(report)) if os.path.exists(report) else None


def stalled(r, report):
    check(r.status == 124 and report is not None, r)
    check(report["verdict"] == "stall" and report["certainty"] == "suspected" and report["cause"] == "unknown", report)
    check(report["assumes"] == [] or report["assumes"] is not None, report)
    check("This is no proof of a deadlock" in " ".join(r.err.replace("hangdog:", " ").split()), r)


@case
def a_poller_that_never_gets_anywhere_is_suspected():
    with scratch() as d:
        r, report = guard(d, POLLER, "--stall", "2")
        stalled(r, report)
        check("begun" in r.out, r)
        main_thread = report["processes"][0]["threads"][0]
        check(main_thread["wait"]["kind"] == "python-lock" and main_thread["wait"]["repeats"] >= 3, main_thread)
        check("lock (in prog.py)" in main_thread["wait"]["object"], main_thread)
        check(any(f["file"] and f["file"].endswith("prog.py") for f in main_thread["stack"]), main_thread)
        check("and goes back to that each time: it woke up" in " ".join(r.err.replace("hangdog:", " ").split()), r)


# A trainer that looks at its worker now and then; the worker can never go on.
TRAINER = """
import multiprocessing as mp, signal, threading
lock = threading.Lock()
def work():
    with lock:
        pass
if __name__ == "__main__":
    signal.alarm(60)
    ctx = mp.get_context("fork")
    lock.acquire()
    p = ctx.Process(target=work, name="worker")
    p.start()
    while p.is_alive():
        p.join(2)
"""


@case
def a_parent_that_polls_a_dead_worker_is_shown_as_stuck_with_it():
    with scratch() as d:
        r, report = guard(d, TRAINER, "--stall", "0", "--certainty", "owned")
        check(r.status == 124 and report["verdict"] == "deadlock" and report["scope"] == "process", r)
        parent, worker = report["processes"]
        check(worker["status"] == "deadlocked" and parent["status"] == "waiting-on-deadlock", report)
        check([t["starved"] for t in parent["threads"]] == [True] and worker["threads"][0]["starved"] is False, report)
        check("looks up now and then" in " ".join(r.err.replace("hangdog:", " ").split()), r)


# A handler that runs before (or, in the copy, after) each fork waits for a lock that its own thread holds.
FORK_HANDLER = """
import os, signal, threading
signal.alarm(60)
lock = threading.Lock()
lock.acquire()
os.register_at_fork(WHEN=lambda: lock.acquire())
if os.fork() != 0:
    os.wait()
"""


@case
def a_fork_that_does_not_come_back_is_told_as_that():
    for when, phase, words in (("before", "before", "so no copy was made"), ("after_in_child", "after", "right after the copy was made")):
        with scratch() as d:
            r, report = guard(d, FORK_HANDLER.replace("WHEN", when), "--stall", "0")
            check(r.status == 124 and report["verdict"] == "deadlock", r)
            stuck = [t for p in report["processes"] if p["pid"] in report["culprits"] for t in p["threads"]]
            check([t["in_fork"] for t in stuck] == [phase], stuck)
            check("This is inside fork() itself" in r.err and words in " ".join(r.err.replace("hangdog:", " ").split()), r)


@case
def suspicion_alone_ends_nothing_unless_it_is_asked_for():
    with scratch() as d:
        r, report = guard(d, POLLER.replace("alarm(60)", "alarm(5)"), "--stall", "1", "--certainty", "owned")
        check(r.status == 128 + 14, r)
        check(report["verdict"] == "stall" and report["action"] is None, report)
        check(r.err.count("STALLED") == 1, "a quiet phase is told once: " + str(r))


@case
def output_is_progress():
    with scratch() as d:
        r, report = guard(d, TALKER, "--stall", "2", "--progress", "output")
        check(r.status == 0 and report is None, r)


@case
def work_is_progress_unless_only_output_counts():
    with scratch() as d:
        r, report = guard(d, WORKER.replace("SECONDS", "5"), "--stall", "2")
        check(r.status == 0 and report is None, r)
        r, report = guard(d, WORKER.replace("SECONDS", "60"), "--stall", "1", "--progress", "output")
        stalled(r, report)
        text = " ".join(r.err.replace("hangdog:", " ").split())
        check("of a CPU all the time" in text and "prog.py:" in text, text)


@case
def a_file_that_grows_is_progress():
    with scratch() as d:
        env = dict(os.environ, CKPT=os.path.join(d, "model.ckpt"))
        r, report = guard(d, SAVER, "--stall", "2", "--progress", f"file:{d}/*.ckpt", env=env)
        check(r.status == 0 and report is None, r)
        r, report = guard(d, SAVER, "--stall", "1", "--progress", f"file:{d}/*.other", env=env)
        stalled(r, report)


@case
def zero_means_never():
    with scratch() as d:
        r, report = guard(d, POLLER.replace("alarm(60)", "alarm(3)"), "--stall", "0")
        check(r.status == 128 + 14 and report is None, r)


@case
def a_gpu_is_said_to_be_out_of_sight():
    with scratch() as d:
        r, report = guard(d, "print(1)", "--progress", "gpu")
        check(r.status == 0 and "--progress gpu: a GPU's work cannot be seen from here" in r.err, r)


if __name__ == "__main__":
    need("run")
    main(CASES)
