#!/usr/bin/env python3
"""hangdog, the command or one of its processes dies in the middle of an action; trees that resist being ended."""
import os
import random
import re
import shutil
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from fire import FIXTURES, LIB, Tree, build, how_it_goes_on
from harness import HANGDOG, Cases, Skip, check, main, need, run, scratch, wait_until

CASES = case = Cases()
ROUNDS = 6


HEAL, UNDERFIRE = build("heal.c"), build("underfire.c")


@case
def hangdog_dies_in_the_middle_of_a_restart():
    rng = random.Random(1)
    for _ in range(ROUNDS):
        with scratch() as d, Tree(d, "restart", sys.executable, os.path.join(FIXTURES, "restarts.py"), d, "99") as t:
            t.wait_for_report()
            time.sleep(rng.random() * 0.5)  # anywhere between the first SIGTERM and the next start
            t.hangdog.kill()
            t.hangdog.wait()
            t.nobody_stays_stopped()


@case
def hangdog_dies_in_the_middle_of_a_heal():
    rng = random.Random(2)
    outcomes = {}
    for _ in range(ROUNDS * 2):
        # A shell in between: the fixture itself ends with its parent.
        with scratch() as d, Tree(d, "heal", "sh", "-c", f"{HEAL} normal; exit $?") as t:
            seen = {}
            wait_until(lambda: seen.update(t.others()) or seen, "it runs")
            root = min(seen)
            time.sleep(0.1 + rng.random() * 0.3)
            t.hangdog.kill()
            t.hangdog.wait()
            t.nobody_stays_stopped()
            # Freed it ends with 5 (glibc ends a program whose mutex is half free by SIGABRT), else it hangs on, unharmed.
            outcome = how_it_goes_on(root)
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
            check(outcome in ("hangs", "reaped", 5), f"status {outcome}")
    print(f"after the kill: {outcomes}", flush=True)


def kill(pid):
    """It may have ended by itself; 0: there was none."""
    try:
        if pid:
            os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


@case
def the_root_is_killed_in_the_middle_of_a_restart():
    rng = random.Random(3)
    for _ in range(ROUNDS):
        with scratch() as d, Tree(d, "restart", sys.executable, os.path.join(FIXTURES, "restarts.py"), d, "2") as t:
            t.wait_for_report()
            root = min(t.others(), default=0)
            time.sleep(rng.random() * 0.2)
            kill(root)
            check(t.hangdog.wait(timeout=30) == 6, t.hangdog.returncode)
            check(len(open(os.path.join(d, "starts")).read().splitlines()) == 2, "starts")


@case
def a_process_in_between_is_killed_in_the_middle_of_a_restart():
    rng = random.Random(4)
    for _ in range(ROUNDS):
        with scratch() as d, Tree(d, "restart", sys.executable, os.path.join(FIXTURES, "restarts.py"), d, "2") as t:
            t.wait_for_report()
            family = [int(line.split()[0]) for line in open(os.path.join(d, "family"))]
            time.sleep(rng.random() * 0.2)
            kill(rng.choice(family))
            check(t.hangdog.wait(timeout=30) == 6, t.hangdog.returncode)
            check("left=0" in open(os.path.join(d, "starts")).read().splitlines()[1], "somebody was left")


@case
def the_stuck_child_is_killed_in_the_middle_of_a_heal():
    rng = random.Random(5)
    for _ in range(ROUNDS):
        with scratch() as d, Tree(d, "heal,kill", HEAL, "normal") as t:
            t.wait_for_report()
            child = max(t.others(), default=0)
            time.sleep(rng.random() * 0.006)
            kill(child)
            # The command ends with what became of its child, or hangdog ended it all.
            check(t.hangdog.wait(timeout=30) in (5, 128 + 9, 124), t.hangdog.returncode)


@case
def who_ignores_sigterm_gets_sigkill():
    with scratch() as d, Tree(d, "kill", UNDERFIRE, "stubborn") as t:
        check(t.hangdog.wait(timeout=30) == 124, t.hangdog.returncode)
        check(t.others() == {}, t.others())


@case
def nobody_is_left_in_whatever_state_it_was():
    """Suspended in vfork (D), stopped, in another session, in another group, without a parent, deaf to SIGTERM."""
    for follow in "ptrace", "observe":
        with scratch() as d, Tree(d, "restart", UNDERFIRE, "states", os.path.join(d, "pids"), options=("--follow", follow)) as t:
            check(t.hangdog.wait(timeout=60) == 6, (follow, t.hangdog.returncode, t.hangdog.stderr.read()))
            check(t.others() == {}, (follow, t.others()))


@case
def a_fork_bomb_is_ended():
    """SIGTERM sets it off; RLIMIT_NPROC keeps it to 60 processes of a user of its own."""
    if os.geteuid() != 0:
        raise Skip("needs root, to give the bomb a user of its own")
    with scratch() as d, Tree(d, "kill", UNDERFIRE, "bomb", "60") as t:
        status = t.hangdog.wait(timeout=60)
        check(status == 124, f"{status}\n{t.hangdog.stderr.read()}")
        check(t.others() == {}, t.others())


@case
def a_thousand_processes_are_ended_at_once():
    with scratch() as d, Tree(d, "kill", UNDERFIRE, "many", "1000") as t:
        t.wait_for_report()
        start = time.monotonic()
        check(t.hangdog.wait(timeout=60) == 124, t.hangdog.returncode)
        took = time.monotonic() - start
        print(f"1000 processes ended in {took:.2f} s", flush=True)
        check(t.others() == {}, f"left: {t.others()}")


@case
def a_pid_that_is_used_again_is_never_hit():
    unshare = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    if shutil.which("unshare") is None or run(*unshare, "true").status != 0:
        raise Skip("no PID namespaces here")
    if run(*unshare, "sh", "-c", "echo 500 > /proc/sys/kernel/pid_max").status != 0 or \
            int(open("/proc/sys/kernel/pid_max").read()) == 500:
        raise Skip("this kernel has one pid_max for all namespaces")
    with scratch() as d:
        r = run(*unshare, sys.executable, os.path.join(LIB, "pid_churn.py"), HANGDOG, UNDERFIRE, os.path.join(d, "state"), timeout=120)
        m = re.search(r"rounds=(\d+) ended=(\d+) innocent=(\d+) harmed=(\d+) reused=(\d+)", r.out)
        check(m, r)
        rounds, ended, innocent, harmed, reused = map(int, m.groups())
        print(f"{innocent} innocent processes, {reused} numbers used again", flush=True)
        check(ended == rounds and harmed == 0, r)
        check(reused > 20, r)


need("run")
main(CASES)
