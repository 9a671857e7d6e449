#!/usr/bin/env python3
"""--cure: a program that hangs after a fork is started again so that it does not, with real interpreters."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import Cases, check, hangdog, main, need, scratch

CASES = case = Cases()

# A worker wants a lock that a thread of its parent holds at the fork.
HANG = """
import multiprocessing as mp, signal, sys, threading
lock = threading.Lock()
def hold(taken):
    with lock:
        taken.set()
        threading.Event().wait()
def work():
    with lock:
        pass
{guard}
    signal.alarm(60)
    if len(sys.argv) > 1:
        mp.set_start_method(sys.argv[1])
    taken = threading.Event()
    threading.Thread(target=hold, args=(taken,), daemon=True).start()
    taken.wait()
    p = mp.Process(target=work)
    p.start()
    p.join()
    print("finished")
"""
GUARD = 'if __name__ == "__main__":'


def program(folder, guard=GUARD):
    path = os.path.join(folder, "prog.py")
    with open(path, "w") as f:
        f.write(HANG.replace("{guard}", guard))
    return path


def forks_by_default():
    return sys.version_info < (3, 14)


def guard_run(folder, *args, env=None):
    return hangdog("run", "--incident-dir", os.path.join(folder, "state"), "--restart-delay", "0", "--stall", "0", *args, env=env)


@case
def a_hang_is_restarted_with_the_cure_that_its_advice_names():
    with scratch() as d:
        r = guard_run(d, "--on-hang", "restart", "--max-restarts", "1", "--", sys.executable, program(d))
        if not forks_by_default():
            check(r.status == 0, r)
            return
        check(r.status == 0 and r.out == "finished\n", r)
        check("DEADLOCK" in r.err and "cure mp-start=spawn:" in r.err, r)


@case
def what_hangdog_ended_before_a_restart_is_not_told_as_lost_later():
    with scratch() as d:
        r = guard_run(d, "--on-hang", "restart,kill", "--max-restarts", "1", "--cure", "none", "--", sys.executable, program(d), "fork")
        check(r.status == 124 and r.err.count("DEADLOCK") == 2 and "Children that ended badly" not in r.err, r)


@case
def without_a_cure_it_hangs_again():
    with scratch() as d:
        r = guard_run(d, "--on-hang", "restart,kill", "--max-restarts", "1", "--cure", "none", "--", sys.executable, program(d), "fork")
        check(r.status == 124 and r.out == "", r)


@case
def a_named_cure_holds_from_the_first_start():
    with scratch() as d:
        r = guard_run(d, "--on-hang", "kill", "--cure", "mp-start=forkserver", "--", sys.executable, program(d))
        check(r.status == 0 and r.out == "finished\n" and "DEADLOCK" not in r.err, r)


@case
def a_method_that_the_program_chooses_wins():
    with scratch() as d:
        r = guard_run(d, "--on-hang", "kill", "--cure", "mp-start=spawn", "--", sys.executable, program(d, GUARD), "fork")
        check(r.status == 124, r)


@case
def a_program_without_the_guard_is_left_alone():
    with scratch() as d:
        r = guard_run(d, "--on-hang", "kill", "--cure", "mp-start=spawn", "--", sys.executable, program(d, "if True:"), "fork")
        check(r.status == 124 and "not used" in r.err and "prog.py" in r.err, r)


@case
def the_users_own_sitecustomize_still_runs():
    with scratch() as d:
        mine = os.path.join(d, "mine")
        os.mkdir(mine)
        with open(os.path.join(mine, "sitecustomize.py"), "w") as f:
            f.write("print('mine')\n")
        env = dict(os.environ, PYTHONPATH=mine)
        r = guard_run(d, "--cure", "mp-start=spawn", "--", sys.executable, "-c", "print('main')", env=env)
        check(r.status == 0 and r.out == "mine\nmain\n", r)


@case
def what_the_user_set_is_left_as_it_is():
    with scratch() as d:
        show = ("--", "sh", "-c", "echo $OMP_NUM_THREADS $OMP_THREAD_LIMIT $MKL_NUM_THREADS $OPENBLAS_NUM_THREADS")
        env = dict(os.environ, OMP_NUM_THREADS="7", MKL_NUM_THREADS="3")
        env.pop("OMP_THREAD_LIMIT", None)
        r = guard_run(d, "--cure", "omp-threads=1,blas-threads=1", *show, env=env)
        check(r.status == 0 and r.out == "7 3 1\n", r)
        check("left as you set it: OMP_NUM_THREADS, MKL_NUM_THREADS" in r.err, r)


@case
def its_files_are_found_from_any_working_directory():
    with scratch() as d:
        r = hangdog("run", "--incident-dir", "state", "--cure", "mp-start=spawn,omp-pause,fork-gate", "--", "sh", "-c",
                    "cd / && echo $PYTHONPATH:$LD_PRELOAD", cwd=d)
        check(r.status == 0 and all(os.path.isabs(p) and os.path.exists(p) for p in r.out.strip().split(":")), r)


@case
def an_unknown_cure_starts_nothing():
    with scratch() as d:
        r = guard_run(d, "--cure", "snakeoil", "--", "echo", "started")
        check(r.status == 125 and r.out == "" and "'snakeoil' is no cure" in r.err, r)


@case
def where_incidents_cannot_be_kept_its_files_go_to_tmp():
    with scratch() as d:
        with open(os.path.join(d, "state"), "w") as f:
            f.write("in the way")
        r = guard_run(d, "--cure", "mp-start=spawn", "--", "sh", "-c", "ls ${PYTHONPATH%%:*}")
        check(r.status == 0 and "sitecustomize.py" in r.out and f"/tmp/hangdog-{os.getuid()}-cure" in r.err, r)


need("run")
main(CASES)
