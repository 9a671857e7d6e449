#!/usr/bin/env python3
"""--audit: is the warning about fork and threads real for this run?  Real programs, harmless and risky."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import Cases, Skip, check, hangdog, main, need, scratch

CASES = case = Cases()

HEAD = """
import logging, multiprocessing as mp, os, signal, subprocess, sys, threading, time
signal.alarm(60)
cache_lock = threading.Lock()
gate = threading.Event()
def idle(inside):
    inside.set()
    gate.wait()
def hold(inside):
    with cache_lock:
        inside.set()
        gate.wait()
class Slow(logging.Handler):
    def emit(self, record):
        inside.set()
        gate.wait()
def log(inside):
    logging.getLogger("train").warning("slow")
def child():
    pass
def worker():
    p = mp.get_context("fork").Process(target=child)
    p.start()
    p.join()
inside = threading.Event()
logging.getLogger("train").addHandler(Slow())
def thread(target):
    t = threading.Thread(target=target, args=(inside,), name=target.__name__, daemon=True)
    t.start()
    inside.wait()
    # Until it sleeps at the gate: in futex without a time limit (who waits for the GIL has one).
    while [*open(f"/proc/self/task/{t.native_id}/syscall").read().split(), *"-----"][0:5:4] != ["202", "0x0"]:
        time.sleep(0.001)
"""
# The time zone file is a FIFO that nobody writes: the thread stays inside localtime, with its lock.
TIME = """
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static pid_t stamper;
static void *stamp(void *fifo)
{
	time_t now = 0;
	stamper = gettid();
	localtime(&now);
	return fifo;
}
/* The kernel says that it sits in read(2). */
static int reads(void)
{
	char path[64], text[8] = "";
	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", stamper);
	FILE *f = fopen(path, "r");
	int is_there = f != NULL && fgets(text, sizeof(text), f) != NULL && text[0] == '0' && text[1] == ' ';
	if (f != NULL)
		fclose(f);
	return is_there;
}
int main(int argc, char **argv)
{
	char tz[256];
	pthread_t t;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(60);
	snprintf(tz, sizeof(tz), ":%s", argv[argc - 1]);
	setenv("TZ", tz, 1);
	pthread_create(&t, NULL, stamp, NULL);
	/* It has opened the FIFO for reading once a writer may open it. */
	FILE *f = fopen(argv[argc - 1], "w");
	while (!reads())
		usleep(1000);
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	_exit(f == NULL);
}
"""


def audit(folder, *command, options=()):
    path = os.path.join(folder, "audit.json")
    r = hangdog("run", "--audit", "--report", path, "--incident-dir", os.path.join(folder, "state"), *options, "--", *command)
    check(r.status == 0, r)
    return json.load(open(path)), " ".join(r.err.replace("hangdog:", " ").split())


def python(folder, text, **kw):
    program = os.path.join(folder, "prog.py")
    with open(program, "w") as f:
        f.write(HEAD + text)
    return audit(folder, sys.executable, program, **kw)


@case
def a_program_without_threads_is_cleared():
    with scratch() as d:
        report, text = python(d, "worker()\nsubprocess.run(['true'])\n")
        check(report["schema"] == "hangdog.audit/1" and report["forks_with_threads"] == 0 and report["worst"] is None, report)
        check("do not concern it" in text, text)


@case
def fork_and_exec_is_harmless_whatever_the_threads_do():
    with scratch() as d:
        report, text = python(d, "thread(hold)\nsubprocess.run(['true'], preexec_fn=lambda: None)\n")
        check(report["worst"] == "exec" and report["forks"][0]["exec"] is True, report)
        check("No danger: each of these copies became another program at once" in text, text)


@case
def an_idle_thread_is_little_risk():
    with scratch() as d:
        report, text = python(d, "thread(idle)\nworker()\n")
        check(report["worst"] == "idle" and report["forks_with_threads"] == 1, report)
        check("Little danger was seen" in text and '"idle" waited' in text, text)


@case
def a_worker_forked_while_a_thread_holds_a_python_lock_is_risky():
    with scratch() as d:
        report, text = python(d, "thread(hold)\nworker()\nworker()\n")
        check(report["worst"] == "held" and report["forks_with_threads"] == 2, report)
        check(report["forks"][0]["threads"][0]["lock"] == "cache_lock (in prog.py)", report["forks"][0]["threads"])
        check("The danger was real" in text and '"hold" held cache_lock (in prog.py)' in text and "2 times in all" in text, text)


@case
def the_lock_of_a_log_handler_is_no_risk_for_python_repairs_it():
    if sys.version_info < (3, 9):
        raise Skip("this Python does not")
    with scratch() as d:
        report, text = python(d, "thread(log)\nworker()\nos._exit(0)\n")
        check(report["worst"] == "idle", report)
        names = [f["function"] for f in report["forks"][0]["fork"]["others"][0]["stack"] if f["kind"] == "python"]
        check(any("emit" in name for name in names), names)


@case
def a_worker_forked_while_a_thread_is_in_localtime_is_risky():
    with scratch() as d:
        with open(f"{d}/time.c", "w") as f:
            f.write(TIME)
        made = subprocess.run(["cc", "-D_GNU_SOURCE", "-g", "-pthread", "-o", f"{d}/time", f"{d}/time.c"], capture_output=True, text=True)
        check(made.returncode == 0, made.stderr)
        os.mkfifo(f"{d}/zone")
        report, text = audit(d, f"{d}/time", f"{d}/zone")
        check(report["worst"] == "held" and report["forks"][0]["threads"][0]["function"] in ("localtime", "localtime_r"), report["forks"][0]["threads"])
        check("which works under the time zone lock of the C library" in text, text)


@case
def without_evidence_it_says_so():
    with scratch() as d:
        report, text = python(d, "thread(hold)\nworker()\n", options=["--fork-evidence", "off"])
        check(report["worst"] == "unknown" and report["forks"][0]["fork"] is None, report)
        check("It cannot be ruled out" in text and "nothing was noted" in text, text)


@case
def a_text_report_goes_to_the_file():
    with scratch() as d:
        path = os.path.join(d, "audit.txt")
        r = hangdog("run", "--audit", "--report", path, "--", "true")
        check(r.status == 0 and open(path).read().startswith("AUDIT: 0 of 0 forks"), r)


if __name__ == "__main__":
    need("run")
    main(CASES)
