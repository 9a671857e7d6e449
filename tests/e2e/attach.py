#!/usr/bin/env python3
"""hangdog attach: running programs are guarded as launched ones are, and let go unharmed at any moment."""
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import HANGDOG, O, Cases, Skip, check, hangdog, main, need, run, scratch, wait_until

PROBE = os.path.join(O, "tests", "lib", "tracer_probe")
CASES = case = Cases()

HUNG = """
import multiprocessing as mp, signal, threading
lock = threading.Lock()
def work():
    with lock:
        pass
if __name__ == "__main__":
    signal.alarm(120)
    lock.acquire()
    p = mp.get_context("fork").Process(target=work)
    p.start()
    print(p.pid, flush=True)
    p.join()
"""
# Forks a worker that hangs only once it is told to.
HANGS_LATER = HUNG.replace("    lock.acquire()\n", "    print('ready', flush=True)\n    input()\n    lock.acquire()\n")
VFORK = """
import ctypes, os, signal
signal.alarm(120)
libc = ctypes.CDLL(None)
pid = os.posix_spawn("/bin/sleep", ["sleep", "0"], os.environ)
os.waitpid(pid, 0)
print("ready", flush=True)
if libc.vfork() == 0:
    libc.pause()
"""


def status_of(pid, field):
    try:
        with open(f"/proc/{pid}/status") as f:
            return next((line.split(":", 1)[1].strip() for line in f if line.startswith(field + ":")), None)
    except OSError:
        return None


def state_of(pid):
    return (status_of(pid, "State") or "gone").split()[0]


def tracer_of(pid):
    return int(status_of(pid, "TracerPid") or 0)


def tree_of(pid):
    found = [pid]
    try:
        for tid in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{tid}/children") as f:
                for child in f.read().split():
                    found += tree_of(int(child))
    except OSError:
        pass
    return found


def threads_of(pids):
    found = []
    for pid in pids:
        try:
            found += [int(tid) for tid in os.listdir(f"/proc/{pid}/task")]
        except OSError:
            pass
    return found


class Started:
    """A program in the background; killed at the end with all that it started."""

    def __init__(self, *args, **kw):
        self.process = subprocess.Popen([str(a) for a in args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)
        self.pid = self.process.pid

    def line(self):
        check(select.select([self.process.stdout], [], [], 30)[0], "a line in time")
        return self.process.stdout.readline().decode().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for pid in tree_of(self.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait(20)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()


def python(text):
    return Started(sys.executable, "-c", text)


def attached(folder, *args):
    return Started(HANGDOG, "attach", "--incident-dir", os.path.join(folder, "state"), "--report", os.path.join(folder, "report.json"),
                   "--term-timeout", "0", *args)


def wait_traced(pids, tracer):
    wait_until(lambda: all(tracer_of(tid) == tracer for tid in threads_of(pids)), "everybody is traced")


def check_let_go(pids):
    """Alive, untraced, not stopped."""
    for pid in pids:
        check(state_of(pid) not in ("gone", "Z", "X"), f"{pid} is dead")
    wait_until(lambda: all(tracer_of(tid) == 0 and state_of(tid) not in "tT" for tid in threads_of(pids)), "nobody is traced or stopped")


def script(folder, text):
    path = os.path.join(folder, "prog.py")
    with open(path, "w") as f:
        f.write(text)
    return path


@case
def a_hang_that_is_there_already_is_found_and_ended():
    with scratch() as d, Started(sys.executable, script(d, HUNG)) as p:
        worker = int(p.line())
        with attached(d, "--on-hang", "kill", p.pid) as h:
            check(h.process.wait(30) == 124, h.process.stderr.read())
            report = json.load(open(f"{d}/report.json"))
            check(report["verdict"] == "deadlock" and report["culprits"] == [worker] and report["root"] == p.pid, report)
            check(report["command"][1].endswith("prog.py"), report["command"])
            check(p.process.wait(20) == -9 or p.process.returncode == -15, p.process.returncode)


@case
def a_hang_that_comes_later_is_found_too():
    with scratch() as d, Started(sys.executable, script(d, HANGS_LATER)) as p:
        check(p.line() == "ready", "started")
        with attached(d, "--on-hang", "kill", p.pid) as h:
            wait_traced([p.pid], h.pid)
            p.process.stdin.write(b"\n")
            p.process.stdin.flush()
            check(h.process.wait(30) == 124, h.process.stderr.read())
            report = json.load(open(f"{d}/report.json"))
            worker = next(x for x in report["processes"] if x["pid"] in report["culprits"])
            check(worker["fork"]["parent_pid"] == p.pid and worker["fork"]["time"] is not None, worker["fork"])


@case
def several_processes_are_guarded_by_one_hangdog():
    with scratch() as d, Started("sleep", "100") as a, Started("sleep", "100") as b:
        with attached(d, a.pid, b.pid) as h:
            wait_traced([a.pid, b.pid], h.pid)
            os.kill(a.pid, signal.SIGKILL)
            a.process.wait()
            check(hangdog("ps").status == 0 and str(h.pid) in hangdog("ps").out, "it still guards")
            check(tracer_of(b.pid) == h.pid and h.process.poll() is None, "the other one is guarded on")
            os.kill(b.pid, signal.SIGKILL)
            check(h.process.wait(20) == 0, "over when all have ended: " + h.process.stderr.read().decode())


@case
def once_tells_by_its_exit_status():
    with Started(sys.executable, "-c", "import signal; signal.alarm(100); print(1, flush=True); input()") as p:
        check(p.line() == "1", "started")
        r = hangdog("attach", "--once", p.pid)
        check(r.status == 0, r)
    with scratch() as d, Started(sys.executable, script(d, HUNG)) as p:
        p.line()
        seen = []
        wait_until(lambda: seen.append(hangdog("attach", "-1", "--json", "--incident-dir", d, p.pid)) or seen[-1].status == 1, "the hang")
        check(json.loads(seen[-1].out)["verdict"] == "deadlock", seen[-1])
        r = hangdog("attach", "-1", "--report", "-", "--incident-dir", d, p.pid)
        check(r.out.count("DEADLOCK (") == 1, "one report on stdout\n" + str(r))
        check_let_go(tree_of(p.pid))


@case
def it_can_be_asked_to_leave_and_killed_at_any_moment():
    words = f"{PROBE} forks 1000000 & {PROBE} forkers 3 1000000 & {PROBE} threads 1000000 & {PROBE} vforks 1000000 & {PROBE} wait"
    with scratch() as d, Started("sh", "-c", words) as p:
        check(p.line() == "ready", "started")
        wait_until(lambda: len(tree_of(p.pid)) >= 6, "the tree")
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL):
            for delay in (0, 0.02, 0.3):
                first = set(tree_of(p.pid))
                with attached(d, "--stall", "0", p.pid) as h:
                    wait_until(lambda: tracer_of(p.pid) == h.pid, "begun")
                    time.sleep(delay)  # any moment will do
                    os.kill(h.pid, number)
                    status = h.process.wait(20)
                    check(status == -9 if number == signal.SIGKILL else status in (0, 128 + number, -number), (number, status))
                check_let_go(set(tree_of(p.pid)) & first)


@case
def everybody_is_traced_although_threads_and_processes_come_and_go():
    words = f"{PROBE} forks 1000000 & {PROBE} threads 1000000 & (setsid sleep 1000 &) ; {PROBE} wait"
    with scratch() as d, Started("sh", "-c", words) as p:
        check(p.line() == "ready", "started")
        for _ in range(3):
            with attached(d, "--stall", "0", p.pid) as h:
                # Whoever is born is traced from its first instruction: at no look is anybody free for two looks.
                wait_until(lambda: all(tracer_of(pid) == h.pid for pid in tree_of(p.pid) if state_of(pid) not in ("gone", "Z")), "all")
                r = hangdog("ctl", p.pid, "detach")
                check(r.status == 0 and f"process {p.pid}" in r.out, r)
                check(h.process.wait(20) == 0, "hangdog ends after a detach")
            check_let_go({p.pid})


@case
def ctl_and_why_go_through_the_one_who_guards():
    with scratch() as d, Started("sleep", "100") as p, attached(d, p.pid) as h:
        wait_until(lambda: hangdog("ps").out.count(str(p.pid)) > 0, "it is listed")
        row = next(line for line in hangdog("ps").out.splitlines() if line.startswith(f"{h.pid} "))
        check(row.endswith("sleep 100"), row)
        r = hangdog("why", p.pid)
        check(r.status == 0 and "sleep" in r.out, r)
        r = hangdog("attach", p.pid)
        check(r.status == 125 and f"{h.pid} (hangdog)" in r.err and r.err.count("\n") == 1, r)
        r = hangdog("ctl", p.pid, "restart")
        check(r.status == 125 and "attached to, not started" in r.err, r)
        r = hangdog("ctl", p.pid, "detach")
        check(r.status == 0, r)
        check_let_go([p.pid])
        check(hangdog("ctl", p.pid, "detach").status == 125, "nobody guards it any more")


@case
def a_vfork_in_progress_is_no_hang_and_survives():
    with scratch() as d, python(VFORK) as p:
        check(p.line() == "ready", "started")
        wait_until(lambda: len(tree_of(p.pid)) == 2, "a child")
        with attached(d, "--on-hang", "kill", "--certainty", "owned", "--stall", "0", p.pid) as h:
            pids = tree_of(p.pid)
            wait_until(lambda: all(tracer_of(pid) == h.pid for pid in pids), "both are traced")
            os.kill(h.pid, signal.SIGTERM)
            h.process.wait(20)
        for pid in pids:
            check(tracer_of(pid) == 0 and state_of(pid) in "SD", (pid, state_of(pid)))
        os.kill(pids[1], signal.SIGKILL)


@case
def a_stopped_process_stays_stopped():
    with scratch() as d, Started(PROBE, "wait") as p:
        check(p.line() == "ready", "started")
        os.kill(p.pid, signal.SIGSTOP)
        wait_until(lambda: state_of(p.pid) == "T", "a stop")
        with attached(d, "--stall", "1", "--on-hang", "kill", "--certainty", "suspected", p.pid) as h:
            wait_until(lambda: tracer_of(p.pid) == h.pid, "traced")
            time.sleep(2)  # twice the stall time: to be stopped is no stall
            check(h.process.poll() is None, "nothing was done")
            os.kill(h.pid, signal.SIGINT)
            h.process.wait(20)
        check(state_of(p.pid) == "T", state_of(p.pid))
        os.kill(p.pid, signal.SIGCONT)
        wait_until(lambda: state_of(p.pid) == "S", "going on")


def refused(pid, *words, **kw):
    r = hangdog("attach", pid, **kw)
    check(r.status == 125 and r.out == "" and r.err.count("\n") == 1 and r.err.startswith("hangdog: "), r)
    for word in words:
        check(str(word) in r.err, (word, r))


@case
def what_cannot_be_attached_to_is_named_with_the_reason():
    refused(2 ** 22 - 1, 2 ** 22 - 1, "does not exist")
    if status_of(2, "Name") == "kthreadd":
        refused(2, "kthreadd", "thread of the kernel")
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    wait_until(lambda: state_of(pid) == "Z", "a zombie")
    refused(pid, pid, "has ended already", os.getpid())
    os.waitpid(pid, 0)


@case
def a_debugger_in_the_way_is_named():
    tool = shutil.which("gdb")
    if tool is None:
        raise Skip("gdb is not installed")
    with Started("sleep", "100") as p:
        with Started(tool, "-q", "-nx", "-p", p.pid) as debugger:
            wait_until(lambda: tracer_of(p.pid) != 0, "gdb is attached")
            refused(p.pid, debugger.pid, "gdb", "only one tracer")
            check(tracer_of(p.pid) == debugger.pid, "gdb was left alone")


@case
def a_process_of_another_user_is_refused_with_the_remedy():
    if os.geteuid() != 0:
        raise Skip("needs root, to have two users")
    with Started("sleep", "100") as p, scratch() as d:
        os.chmod(d, 0o755)
        tool = shutil.copy(HANGDOG, f"{d}/hangdog")
        r = run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", tool, "attach", "--incident-dir", f"{d}/state", p.pid)
        check(r.status == 125 and r.err.count("\n") == 1, r)
        check(str(p.pid) in r.err and ("root" in r.err or "another user" in r.err), r)
        check(tracer_of(p.pid) == 0, "nobody traces it")


if __name__ == "__main__":
    need("attach", "ctl", "ps")
    main(CASES)
