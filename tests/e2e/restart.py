#!/usr/bin/env python3
"""--on-hang restart: everybody is gone before the next start, which finds everything as the first one did."""
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import HANGDOG, ROOT, Cases, check, hangdog, main, need, scratch, wait_until

PROGRAM = os.path.join(ROOT, "tests", "fixtures", "restarts.py")
CASES = case = Cases()


def environment(folder, **more):
    return dict(os.environ, PYTHONPATH=os.path.join(ROOT, "tests", "lib"), PYTHONDONTWRITEBYTECODE="1", XDG_RUNTIME_DIR=folder,
                **more)


def arguments(folder, starts, *options, actions="restart"):
    return ["run", "--incident-dir", os.path.join(folder, "state"), "--restart-delay", "0", "--term-timeout", "0.5", "--stall", "0",
            "--cure", "none", "--on-hang", actions, *options, "--", sys.executable, PROGRAM, folder, str(starts)]


def guard(folder, starts, *options, actions="restart", **env):
    return hangdog(*arguments(folder, starts, *options, actions=actions), env=environment(folder, **env))


def lines(folder, name):
    try:
        return open(os.path.join(folder, name)).read().splitlines()
    except FileNotFoundError:
        return []


def left(folder):
    """Of the families: who still runs."""
    found = []
    for line in lines(folder, "family"):
        pid, start = line.split()
        try:
            rest = open(f"/proc/{pid}/stat", errors="replace").read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if rest[19] == start and rest[0] not in "ZX":
            found.append(pid)
    return found


@case
def nobody_is_left_when_it_starts_again():
    with scratch() as d:
        r = guard(d, 3, "--resume-args", "--resume 'last one'")
        check(r.status == 6, r)
        check(lines(d, "starts") == ["0 incident=False left=0 terminal=none args=",
                                     "1 incident=True left=0 terminal=none args=--resume last one",
                                     "2 incident=True left=0 terminal=none args=--resume last one"], lines(d, "starts"))
        check(len(lines(d, "family")) == 6 and left(d) == [], lines(d, "family"))


@case
def three_restarts_in_vain_are_enough():
    with scratch() as d:
        r = guard(d, 99, "--max-restarts", "50")
        check(r.status == 124 and len(lines(d, "starts")) == 4, r)
        check("giving up: it hung in the same place after three restarts without any progress" in r.err, r)
        check(left(d) == [], left(d))


@case
def max_restarts_ends_it_or_leads_to_the_next_action():
    with scratch() as d:
        r = guard(d, 99, "--max-restarts", "1")
        check(r.status == 124 and len(lines(d, "starts")) == 2 and "giving up: --max-restarts is used up" in r.err, r)
    with scratch() as d:
        r = guard(d, 99, "--max-restarts", "1", actions="restart,kill")
        check(r.status == 124 and "giving up" not in r.err and "--max-restarts is used up" in r.err, r)


@case
def a_checkpoint_each_time_keeps_restarts_going():
    with scratch() as d:
        r = guard(d, 6, "--max-restarts", "50", "--progress", f"file:{d}/checkpoint", SAVES="1")
        check(r.status == 6 and len(lines(d, "starts")) == 6, r)


@case
def a_hang_that_is_only_reported_restarts_nothing():
    with scratch() as d:
        p = subprocess.Popen([HANGDOG, *arguments(d, 99, actions="report")], env=environment(d), stdin=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, text=True)
        try:
            wait_until(lambda: os.path.isdir(os.path.join(d, "state")) and os.listdir(os.path.join(d, "state")), "it is recorded")
            root = int(open(f"/proc/{p.pid}/task/{p.pid}/children").read().split()[0])
            check(len(lines(d, "starts")) == 1, lines(d, "starts"))
            r = hangdog("ctl", root, "kill", env=environment(d))
            check(r.status == 0, r)
            p.wait(timeout=30)
            check(left(d) == [], left(d))
        finally:
            p.kill()
            p.wait()


# Takes one line of its input at each start, no byte more, and hangs twice.
READS = """
import os, sys, threading
line = b""
while not line.endswith(b"\\n"):
    line += os.read(0, 1)
print(line.decode().strip(), flush=True)
if os.environ.get("HANGDOG_RESTART") != "2":
    l = threading.Lock(); l.acquire(); l.acquire()
print(sys.stdin.read().strip(), flush=True)
"""


def check_input(d, **stdin):
    p = subprocess.run([HANGDOG, "run", "-q", "--incident-dir", os.path.join(d, "state"), "--restart-delay", "0", "--cure", "none", "--on-hang",
                        "restart", "--", sys.executable, "-c", READS], env=environment(d), capture_output=True, text=True, timeout=60, **stdin)
    check(p.returncode == 0 and p.stdout == "one\ntwo\nthree\nfour five\n" and p.stderr == "", (p.returncode, p.stdout, p.stderr))


@case
def the_input_goes_on_where_the_last_start_left_it():
    text = "one\ntwo\nthree\nfour five\n"
    with scratch() as d:
        check_input(d, input=text)  # a pipe
        with open(os.path.join(d, "input"), "w") as f:
            f.write(text)
        with open(os.path.join(d, "input")) as f:
            check_input(d, stdin=f)


@case
def quiet_keeps_restarts_quiet_but_not_giving_up():
    with scratch() as d:
        r = guard(d, 2, "-q")
        check(r.status == 6 and r.err == "", r)
        r = guard(d, 99, "-q")
        check(r.status == 124 and [line for line in r.err.splitlines() if not line.startswith("hangdog: giving up: ")] == [], r)


@case
def the_report_of_a_restart_is_on_disk_before_the_first_signal():
    """The command itself looks when it gets SIGTERM."""
    with scratch() as d:
        code = ("import os, signal, sys, threading\n"
                "def told(*_):\n"
                f"    ids = [i for i in os.listdir({os.path.join(d, 'state')!r}) if i[0].isdigit()] if os.path.isdir({os.path.join(d, 'state')!r}) else []\n"
                f"    open({os.path.join(d, 'seen')!r}, 'w').write(str(len(ids)))\n"
                "    os._exit(1)\n"
                "if 'HANGDOG_RESTART' in os.environ: sys.exit(6)\n"
                "if os.fork() == 0:\n"
                "    signal.signal(signal.SIGTERM, told)\n"
                "    signal.alarm(100)\n"
                "    while True: signal.pause()\n"
                "l = threading.Lock(); l.acquire(); l.acquire()\n")
        r = hangdog("run", "--incident-dir", os.path.join(d, "state"), "--restart-delay", "0", "--stall", "0", "--cure", "none", "--on-hang", "restart",
                    "--", sys.executable, "-c", code, env=environment(d))
        check(r.status == 6 and open(os.path.join(d, "seen")).read() == "1", r)


class Terminal:
    """A shell with job control on a terminal of its own."""

    def __init__(self, env):
        self.text = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored where the tests run in the background
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"], dict(env, PS1="$ ", TERM="dumb", HISTFILE=""))

    def send(self, text):
        os.write(self.fd, text.encode())

    def expect(self, pattern, timeout=30):
        end = time.monotonic() + timeout
        while not (m := re.search(pattern, self.text)):
            ready, _, _ = select.select([self.fd], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise AssertionError(f"'{pattern}' did not come; there is:\n{self.text[-2000:]}")
            try:
                self.text += os.read(self.fd, 4096).decode(errors="replace")
            except OSError:
                raise AssertionError(f"'{pattern}' did not come before the end:\n{self.text[-2000:]}")
        self.text = self.text[m.end():]
        return m

    def close(self):
        os.close(self.fd)
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        os.waitpid(self.pid, 0)


@case
def the_terminal_is_as_it_was_and_job_control_works():
    with scratch() as d:
        t = Terminal(environment(d))
        try:
            command = " ".join(f"'{a}'" for a in [HANGDOG, *arguments(d, 2, "-q")])
            t.expect(r"\$ ")
            t.send(command + "\n")
            t.expect("ready")
            check(lines(d, "starts")[0].split()[3] == "terminal=good", lines(d, "starts"))
            check(lines(d, "starts")[1] == "1 incident=True left=0 terminal=good args=", lines(d, "starts"))
            t.send("\x1a")
            t.expect("Stopped")
            t.send("fg\n")
            t.expect("python|restarts")
            t.send("hello\n")
            t.expect("line hello")
            t.expect("waiting")
            t.send("\x03")
            t.expect("interrupted")
            t.send("echo status=$?\n")
            check(t.expect(r"status=(\d+)").group(1) == "6", t.text)
        finally:
            t.close()


need("run")
main(CASES)
