#!/usr/bin/env python3
"""kill -9 of hangdog, of the command and of one of its processes at every step of a restart and of a heal.

A step is a system call of hangdog's that changes something outside of it, between the report and the end of the action; strace
counts them in one run, and stops or kills hangdog right before the N-th of a kind in the next ones.  HD_STEPS=N: how many steps
of a kind are tried at most (default 3; 0 = all)."""
import collections
import glob
import json
import os
import re
import shutil
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from fire import FIXTURES, Tree, build, how_it_goes_on, stat_of
from harness import Cases, Skip, check, main, need, run, scratch, wait_until

CASES = case = Cases()
MOST = int(os.environ.get("HD_STEPS", "3"))
CALLS = "pidfd_send_signal,ptrace,wait4,waitid,clone,clone3,vfork,pwrite64,rename,renameat,renameat2,unlink,unlinkat,kill,tgkill"
HEAL = build("heal.c")
# The leak sanitizer is a tracer too: it cannot work in a hangdog that strace traces.
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"


def strace(log, *options):
    if shutil.which("strace") is None or run("strace", "-o", "/dev/null", "true").status != 0:
        raise Skip("no strace here")
    return ["strace", "-qq", "-o", log, "-e", f"trace={CALLS}", *options]


def restarting(d, *under):
    return Tree(d, "restart", sys.executable, os.path.join(FIXTURES, "restarts.py"), d, "2", under=under)


def healing(d, *under):
    # A shell in between: the fixture itself ends with its parent.
    return Tree(d, "heal", "sh", "-c", f"{HEAL} normal; exit $?", under=under)


def steps_of(action):
    """[(system call, how often it had been called)] from the report to the end of the action, thinned out."""
    with scratch() as d:
        log = os.path.join(d, "log")
        with action(d, *strace(log)) as t:
            t.hangdog.wait(timeout=60)
        calls = [m.group(1) for m in re.finditer(r"^(\w+)\(", open(log).read(), re.M)]
    seen, steps, has_report = collections.Counter(), collections.defaultdict(list), False
    for call in calls:
        seen[call] += 1
        has_report |= call.startswith("rename")
        if has_report:
            steps[call].append(seen[call])
    check(steps, f"no step after the report in {len(calls)} calls")
    found = []
    for call, at in steps.items():
        every = max(1, len(at) // MOST) if MOST else 1
        found += [(call, n) for n in at[::every]]
    return found


def report_is_whole(d):
    for path in glob.glob(os.path.join(d, "state", "*", "report.json")):
        json.load(open(path))


def killed_at(action, step, look):
    """hangdog itself dies right before the step."""
    call, n = step
    with scratch() as d:
        with action(d, *strace(os.path.join(d, "log"), "-e", f"inject={call}:signal=KILL:when={n}")) as t:
            t.hangdog.wait(timeout=60)
            t.nobody_stays_stopped()
            if call == "pidfd_send_signal":
                check(glob.glob(os.path.join(d, "state", "*", "report.json")), "the report is on disk before the first signal")
            report_is_whole(d)
            look(t)


def stopped_at(action, step, shoot, look):
    """hangdog stands still right before the step while somebody else is killed."""
    call, n = step
    with scratch() as d:
        log = os.path.join(d, "log")
        with action(d, *strace(log, "-e", f"inject={call}:signal=STOP:when={n}")) as t:
            wait_until(lambda: t.hangdog.poll() is not None or "stopped by SIGSTOP" in open(log).read() if os.path.exists(log) else False,
                       f"hangdog stops at {step}", timeout=60)
            for pid in shoot(t, d):
                try:
                    os.kill(pid, signal.SIGKILL)
                    wait_until(lambda: (stat_of(pid) or "Z")[0] in "ZX", "it is dead")
                except ProcessLookupError:
                    pass
            for pid in children(t.hangdog.pid):
                os.kill(pid, signal.SIGCONT)
            status = t.hangdog.wait(timeout=60)
            look(t, d, status, step)


def children(pid):
    try:
        return [int(c) for c in open(f"/proc/{pid}/task/{pid}/children").read().split()]
    except OSError:
        return []


def root_of(t):
    return [root for supervisor in children(t.hangdog.pid) for root in children(supervisor)]


def each(action, what, *how):
    steps = steps_of(action)
    for step in steps:
        what(action, step, *how)
    print(f"{len(steps)} steps", flush=True)


@case
def hangdog_dies_at_each_step_of_a_restart():
    each(restarting, killed_at, lambda t: None)


@case
def hangdog_dies_at_each_step_of_a_heal():
    def look(t):
        # Freed it ends with 5, else it hangs on, unharmed.
        outcomes = [how_it_goes_on(pid) for pid in sorted(t.others())[:1]]
        check(set(outcomes) <= {"hangs", "reaped", 5}, outcomes)
    each(healing, killed_at, look)


def started_again(t, d, status, step):
    starts = open(os.path.join(d, "starts")).read().splitlines()
    # Killed before anything was done, the command has just ended, by a signal: nobody restarts what does not hang.
    check((status == 6 and len(starts) == 2 and "left=0" in starts[1]) or (status == 128 + 9 and len(starts) == 1), (step, status, starts))
    check(t.others() == {}, t.others())


@case
def the_root_dies_at_each_step_of_a_restart():
    each(restarting, stopped_at, lambda t, d: root_of(t), started_again)


@case
def a_process_in_between_dies_at_each_step_of_a_restart():
    def family(t, d):
        return [int(line.split()[0]) for line in open(os.path.join(d, "family"))][:3][1:2]
    each(restarting, stopped_at, family, started_again)


@case
def the_stuck_child_dies_at_each_step_of_a_heal():
    def look(t, d, status, step):
        check(status in (5, 128 + 9), (step, status))
    each(healing, stopped_at, lambda t, d: [pid for root in root_of(t) for pid in children(root) for pid in children(pid)], look)


@case
def the_command_dies_at_each_step_of_a_heal():
    def look(t, d, status, step):
        check(status in (5, 128 + 9), (step, status))
    each(healing, stopped_at, lambda t, d: root_of(t), look)


need("run")
main(CASES)
