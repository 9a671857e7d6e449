#!/usr/bin/env python3
"""What the live view does to programs, in a real terminal: each key asks first, says what will happen, and it happens; and a
supervisor that does not answer holds nobody up."""
import json
import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import HANGDOG, Skip, check, hangdog, main, scratch, wait_until
from terminal import Terminal

# A parent that waits for a child that waits for a lock nobody can release; ends with its starter, or after five minutes.
PROGRAM = """
import ctypes, os, signal, threading, time
ctypes.CDLL(None).prctl(1, 9); signal.alarm(300)
registry = threading.Lock()
def hold():
    with registry: time.sleep(1000)
threading.Thread(target=hold, daemon=True).start()
while not registry.locked(): pass
pid = os.fork()
if pid == 0:
    ctypes.CDLL(None).prctl(1, 9)
    with registry: pass
    os._exit(0)
os.waitpid(pid, 0)
"""



CASES = []


def case(function):
    def skipping():
        if shutil.which("tmux") is None:
            raise Skip("there is no tmux")
        with scratch() as d:
            function(d, dict(os.environ, XDG_RUNTIME_DIR=d, XDG_STATE_HOME=d))
    CASES.append((function.__name__.replace("_", " "), skipping))
    return function


class Program:
    """A child of ours that is gone when the test is over."""

    def __init__(self, *command, env=None):
        self.process = subprocess.Popen(list(command), env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()


def hang(env):
    return Program(sys.executable, "-c", PROGRAM, env=env)


def root_of(env, guard):
    """The process that this hangdog guards, once it answers."""
    def rows():
        return [r for r in json.loads(hangdog("ps", "--json", env=env).out) if r["supervisor"] == guard.pid and (r["root"] or 0) > 0]
    wait_until(rows, "a supervisor that answers")
    return rows()[0]["root"]


def attached(env, pid):
    return Program(HANGDOG, "attach", "--quiet", "--stall", "0", str(pid), env=env)


def guarded(env, *options):
    return Program(HANGDOG, "run", "--quiet", "--stall", "0", *options, "--", sys.executable, "-c", PROGRAM, env=env)


def top(folder, *words, **kw):
    return Terminal(f"sh -c 'cd {folder} && exec {HANGDOG} top {' '.join(map(str, words))}'",
                    env=(f"XDG_RUNTIME_DIR={folder}", f"XDG_STATE_HOME={folder}"), **kw)


def is_untraced(pid):
    return "TracerPid:\t0" in open(f"/proc/{pid}/status").read()


@case
def k_asks_then_kills_a_tree_that_nobody_guards(folder, env):
    with hang(env) as p, top(folder, p.pid) as t:
        t.shows("DEADLOCK (proven)", "PROVEN", "python-lock registry")
        t.keys("k")
        t.shows(f"Kill the whole tree of {p.pid}", "2 processes", "SIGKILL", "y = yes")
        t.keys("x")
        t.shows("nothing was done")
        check(p.process.poll() is None, "it was killed without a yes")
        t.keys("k", "y")
        check(p.process.wait(30) == -signal.SIGTERM, p.process.returncode)
        t.shows("ended 2 processes")
        t.quits()


@case
def keys_work_while_a_program_takes_its_time_to_end(folder, env):
    ignores = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.alarm(300); print(flush=True); time.sleep(1000)"
    with Program(sys.executable, "-c", ignores, env=env) as p, top(folder, p.pid) as t:
        t.shows("sleeps")
        t.keys("k", "y")
        t.shows("working")
        t.keys("t")
        t.shows("list, worst first")
        t.keys("?")
        t.shows("PgDn Ctrl-F")
        t.keys("x", "k", "y")
        t.shows("is not done yet")
        check(p.process.wait(30) == -signal.SIGKILL, p.process.returncode)
        t.shows("ended 1 process")
        t.quits()


@case
def k_is_done_by_the_supervisor_of_a_guarded_tree(folder, env):
    with hang(env) as p, attached(env, p.pid) as guard:
        root_of(env, guard)
        with top(folder, p.pid) as t:
            t.shows("DEADLOCK (proven)", "PROVEN", "python-lock registry")
            t.keys("k", "y")
            check(p.process.wait(30) == -signal.SIGTERM, p.process.returncode)
            t.shows("ended ")
            t.quits()


@case
def r_asks_then_starts_it_again(folder, env):
    with guarded(env) as guard:
        before = root_of(env, guard)
        with top(folder, before) as t:
            t.shows("DEADLOCK (proven)")
            t.keys("r")
            t.shows(f"Restart the whole tree of {before}", "started again", "is lost")
            t.keys("n")
            t.shows("nothing was done")
            t.keys("r", "y")
            t.shows("started again as process")
            now = root_of(env, guard)
            check(now != before and not os.path.exists(f"/proc/{before}"), (before, now))
            t.shows(f"pid {now}", "DEADLOCK (proven)")
            t.keys("k", "y")
            guard.process.wait(30)
            t.quits()


@case
def what_was_not_started_by_hangdog_is_not_started_again(folder, env):
    with hang(env) as p, attached(env, p.pid) as guard:
        root_of(env, guard)
        with top(folder, p.pid, width=120) as t:
            t.shows("DEADLOCK (proven)")
            t.keys("r", "y")
            t.shows("start it again yourself")
            check(p.process.poll() is None, "it was ended")
            t.quits()


@case
def capital_h_asks_then_heals(folder, env):
    with guarded(env) as guard:
        pid = root_of(env, guard)
        with top(folder, pid) as t:
            t.shows("DEADLOCK (proven)")
            t.keys("H")
            t.shows(f"Heal the tree of {pid}", "changes the memory", "half done")
            t.keys("n")
            t.shows("nothing was done")
            check(os.path.exists(f"/proc/{pid}"), "it went on without a yes")
            t.keys("H", "y")
            check(guard.process.wait(30) == 0, f"the healed program ended with {guard.process.returncode}")
            t.keys("L")
            t.shows("freed")
            t.quits()


@case
def capital_d_asks_then_stops_guarding(folder, env):
    with guarded(env) as guard:
        pid = root_of(env, guard)
        check(not is_untraced(pid), "it is not traced to begin with")
        with top(folder, pid) as t:
            t.shows("DEADLOCK (proven)")
            t.keys("D")
            t.shows(f"Stop guarding the tree of {pid}", "nobody watches for hangs")
            t.keys("n")
            t.shows("nothing was done")
            check(not is_untraced(pid), "it was let go without a yes")
            t.keys("D", "y")
            t.shows("not guarded any more")
            check(is_untraced(pid) and guard.process.poll() is None, "still traced, or run did not stay its parent")
            t.quits()
        os.kill(pid, signal.SIGTERM)
        check(guard.process.wait(30) == 128 + signal.SIGTERM, guard.process.returncode)


@case
def d_writes_the_stacks_to_a_file(folder, env):
    def files():
        return [os.path.join(folder, f) for f in os.listdir(folder) if f.startswith("hangdog-dump-")]
    with hang(env) as p:
        with top(folder, p.pid) as t:
            t.shows("DEADLOCK (proven)")
            t.keys("d")
            t.shows("stacks written to hangdog-dump-")
            t.quits()
        with attached(env, p.pid) as guard:
            root_of(env, guard)
            os.rename(files()[0], os.path.join(folder, "first"))
            with top(folder, p.pid) as t:
                t.shows("DEADLOCK (proven)")
                t.keys("d")
                t.shows("stacks written to hangdog-dump-")
                t.keys("q")
                t.ends()
        for text in open(os.path.join(folder, "first")).read(), open(files()[0]).read():
            check("hold" in text and "<string>" in text and str(p.pid) in text, text)


@case
def attach_top_guards_and_leaves_the_program_running(folder, env):
    with hang(env) as p:
        with Terminal(f"{HANGDOG} attach --top {p.pid}", env=(f"XDG_RUNTIME_DIR={folder}", f"XDG_STATE_HOME={folder}")) as t:
            t.shows("DEADLOCK (proven)", "python-lock registry", "output")
            t.keys("Tab", "Home")
            t.shows("hangdog: DEADLOCK (proven)")
            check(not is_untraced(p.pid), "it is not traced")
            t.keys("q")
            t.shows("stops guarding", "runs on as")
            t.keys("n")
            t.shows("nothing was done")
            t.keys("q", "y")
            t.shows("ended")
        wait_until(lambda: is_untraced(p.pid), "the program is let go")
        check(p.process.poll() is None, f"it has ended with {p.process.returncode}")


@case
def a_supervisor_that_does_not_answer_is_spoken_of_and_holds_nobody_up(folder, env):
    with hang(env) as p, hang(env) as other, attached(env, p.pid) as guard, attached(env, other.pid) as second:
        root_of(env, guard), root_of(env, second)
        with top(folder, width=100) as t:
            t.shows("2 trees", str(p.pid), str(other.pid), "DEADLOCK (proven)")
            os.kill(guard.pid, signal.SIGSTOP)
            t.shows(f"no answer from the supervisor of {p.pid} (hangdog {guard.pid}) for ", " s")
            t.keys("t")
            t.shows("list, worst first")
            t.keys("?")
            t.shows("PgDn Ctrl-F")
            t.keys("Escape")
            r = hangdog("ps", env=env)
            check(r.status == 0 and f"{guard.pid}" in r.out and "does not answer" in r.out and str(other.pid) in r.out, r)
            r = hangdog("ctl", other.pid, "why", env=env)
            check(r.status == 1 and "DEADLOCK" in r.out, r)
            with top(folder) as late:
                late.shows(f"no answer from hangdog {guard.pid} for ", str(other.pid))
                late.keys("q")
                late.ends()
            os.kill(guard.pid, signal.SIGCONT)
            t.hides("no answer from")
            t.quits()


if __name__ == "__main__":
    main(CASES)
