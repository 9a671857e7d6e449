#!/usr/bin/env python3
"""The supervisor's door: ps, why, dump and ctl go through it when a process is guarded, and no client can hurt it."""
import json
import os
import random
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import HANGDOG, check, hangdog, main, run, scratch, wait_until

BUSY = """
import threading, time
def spin():
    while True: pass
def park():
    time.sleep(1000)
threading.Thread(target=spin, daemon=True).start()
threading.Thread(target=park, daemon=True).start()
park()
"""


class Guarded:
    """`hangdog run OPTIONS -- COMMAND` with a runtime folder of its own."""

    def __init__(self, *command, options=(), stdin=subprocess.DEVNULL):
        self.folder = scratch()
        self.env = dict(os.environ, XDG_RUNTIME_DIR=self.folder.name)
        self.command, self.options, self.stdin = command, options, stdin

    def __enter__(self):
        self.process = subprocess.Popen([HANGDOG, "run", "--incident-dir", self.folder.name, *self.options, "--", *self.command],
                                        env=self.env, stdin=self.stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.socket = os.path.join(self.folder.name, "hangdog", f"{self.process.pid}.sock")
        wait_until(lambda: self.rows() and self.rows()[0]["root"] > 0, "the supervisor is listed")
        self.root = self.rows()[0]["root"]
        return self

    def __exit__(self, *_):
        try:
            os.kill(self.root, 9)
        except ProcessLookupError:
            pass
        self.process.communicate(timeout=30)
        self.folder.cleanup()

    def ask(self, *args, **kw):
        return hangdog(*args, env=self.env, **kw)

    def rows(self):
        return json.loads(self.ask("ps", "--json").out)

    def raw(self):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(30)
        s.connect(self.socket)
        return s


def ps_without_any():
    with scratch() as folder:
        r = hangdog("ps", env=dict(os.environ, XDG_RUNTIME_DIR=folder))
        check(r.status == 0 and "hangdog run -- COMMAND" in r.out, r)


def ps_lists_what_runs():
    with Guarded("sleep", "1000") as g:
        row, text = g.rows()[0], g.ask("ps").out
        check(row["supervisor"] == g.process.pid and row["command"] == ["sleep", "1000"] and row["verdict"] == "none", row)
        check(row["state"] == "guarding" and "guarding" in text and text.splitlines()[0].split()[:4] == ["SUPERVISOR", "ROOT", "STATE", "AGE"], text)
        os.kill(g.root, signal.SIGSTOP)
        wait_until(lambda: g.rows()[0]["state"] == "stopped", "ps says that it is stopped")
        os.kill(g.root, signal.SIGCONT)
        wait_until(lambda: g.rows()[0]["state"] == "guarding", "ps says that it goes on")
        check(str(g.root) in text and "sleep 1000" in text, text)


def the_socket_is_private_and_goes_with_its_supervisor():
    with Guarded("sleep", "1000") as g:
        check(os.stat(os.path.dirname(g.socket)).st_mode & 0o777 == 0o700, "folder mode")
        os.kill(g.root, 9)
        g.process.wait(30)
        check(not os.path.exists(g.socket), "the socket is left behind")


def a_stale_socket_is_cleaned():
    with scratch() as folder:
        os.mkdir(os.path.join(folder, "hangdog"), 0o700)
        stale = os.path.join(folder, "hangdog", "4194000.sock")
        s = socket.socket(socket.AF_UNIX)
        s.bind(stale)
        s.close()
        r = hangdog("ps", "--json", env=dict(os.environ, XDG_RUNTIME_DIR=folder))
        check(json.loads(r.out) == [] and not os.path.exists(stale), r)


def why_goes_through_the_supervisor():
    with Guarded("sleep", "1000") as g:
        r = g.ask("why", str(g.root))
        check(r.status == 0 and "Nothing is wrong" in r.out and "debugger" not in r.out, r)
        report = json.loads(g.ask("why", "--json", str(g.root)).out)
        check(report["verdict"] == "none" and report["root"] == g.root, report)


def ctl_why_says_what_why_says():
    with Guarded(sys.executable, "-c", "import threading; l = threading.Lock(); l.acquire(); l.acquire()") as g:
        wait_until(lambda: g.ask("ctl", str(g.root), "why").status == 1, "it hangs, and the exit status says so")
        r = g.ask("ctl", str(g.root), "why")
        check(r.out.startswith("DEADLOCK (proven)") and r.err == "", r)
        g.process.stderr.readline()  # it is reported: from now on the answer is the same at any moment
        for _ in range(20):
            r = g.ask("ctl", str(g.root), "why")
            check(r.status == 1, r)
        check(g.ask("why", "--json", str(g.process.pid)).status == 1, "the supervisor's own pid means what it guards")


def why_takes_its_options_through_the_supervisor():
    with Guarded(sys.executable, "-c", "import threading\ndef park(secret):\n    threading.Lock().acquire(); input()\npark(4711)",
                 stdin=subprocess.PIPE) as g:

        def kinds(*options):
            report = json.loads(g.ask("why", "--json", *options, str(g.root)).out)
            return {f["kind"] for t in report["processes"][0]["threads"] for f in t["stack"]}

        wait_until(lambda: kinds() == {"native", "python"}, "both kinds of frames")
        check(kinds("--native") == {"native"} and kinds("--python") == {"python"}, "one kind only")
        check("4711" in g.ask("why", "--locals", "--verbose", str(g.root)).out, "local variables")
        every = f'thread {g.root} "'
        check(every in g.ask("why", "--threads", str(g.root)).out and every not in g.ask("why", str(g.root)).out, "every thread")
    with subprocess.Popen(["sleep", "1000"]) as free:
        try:
            every = f'thread {free.pid} "sleep"'
            check(every in hangdog("why", "--threads", free.pid).out and every not in hangdog("why", free.pid).out, "unguarded too")
        finally:
            free.kill()


FAMILY = "import os, sys, time\nif os.fork() == 0:\n    if os.fork() == 0:\n        time.sleep(1000)\n    time.sleep(1000)\nprint(flush=True)\ntime.sleep(1000)"


def see_family(g):
    wait_until(lambda: g.rows()[0]["processes"] == 3, "all are there")
    child = int(open(f"/proc/{g.root}/task/{g.root}/children").read())
    grandchild = int(open(f"/proc/{child}/task/{child}/children").read())

    def pids(*args, command="dump"):
        r = g.ask(command, "--json", *map(str, args))
        check(r.err == "", r)
        report = json.loads(r.out)
        check(report["root"] == [a for a in args if isinstance(a, int)][0], report["root"])
        return [p["pid"] for p in report["processes"]]

    check(sorted(pids(g.root)) == sorted([g.root, child, grandchild]), "the tree")
    check(sorted(pids(child)) == sorted([child, grandchild]), "the tree below the child")
    check(pids("--no-tree", g.root) == [g.root] and pids("--no-tree", child) == [child], "one process")
    check(sorted(pids("--no-tree", grandchild, g.root)) == sorted([g.root, grandchild]), "two of them")
    for form in "--folded", "--merge":
        out = g.ask("dump", form, "--no-tree", str(child)).out
        check(out != "" and out.count("\n") <= g.ask("dump", form, str(g.root)).out.count("\n"), out)
    text = g.ask("dump", "--no-tree", str(child)).out
    check("1 process," in text and str(grandchild) not in text, text)


def dump_shows_what_was_asked_for_and_no_more():
    with Guarded(sys.executable, "-c", FAMILY) as g:
        try:
            see_family(g)
        finally:
            g.ask("ctl", str(g.root), "kill")


HEALED = """#include <pthread.h>
#include <unistd.h>
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int gate[2];
static void *hold(void *arg)
{
	char byte;
	pthread_mutex_lock(&lock);
	write(gate[1], "x", 1);
	sleep(2);
	pthread_mutex_unlock(&lock);
	return read(0, &byte, 1) ? arg : 0;
}
int main(void)
{
	pthread_t thread;
	char byte;
	alarm(100);
	if (pipe(gate) != 0 || pthread_create(&thread, 0, hold, 0) != 0 || read(gate[0], &byte, 1) != 1)
		return 1;
	if (fork() == 0) {
		alarm(100);
		pthread_mutex_lock(&lock);
	}
	sleep(100);
}
"""


def ps_no_longer_says_deadlock_of_what_was_healed():
    with scratch() as folder:
        source, binary = os.path.join(folder, "healed.c"), os.path.join(folder, "healed")
        open(source, "w").write(HEALED)
        check(run("cc", "-pthread", "-o", binary, source).status == 0, "it builds")
        with Guarded(binary, options=("--on-hang", "heal")) as g:
            try:
                wait_until(lambda: "heal: freed" in g.process.stderr.readline(), "it is healed")
                wait_until(lambda: g.rows()[0]["verdict"] == "none", "and ps says so")
            finally:
                g.ask("ctl", str(g.root), "kill")


def guarded_and_unguarded_ones_are_all_looked_at():
    with Guarded("sleep", "1000") as g, subprocess.Popen(["sleep", "1001"]) as free:
        try:
            for pids in (g.root, free.pid), (free.pid, g.root):
                for command in "why", "dump":
                    r = g.ask(command, *map(str, pids))
                    check(r.status == 0 and "sleep 1000" in r.out and "sleep 1001" in r.out and r.err == "", r)
        finally:
            free.kill()


def what_was_let_go_is_nobodys_any_more():
    with Guarded("sleep", "1000") as g:
        r = g.ask("ctl", str(g.root), "detach")
        check(r.status == 0, r)
        check(g.rows()[0]["state"] == "detached", g.rows())
        r = g.ask("why", str(g.root))
        check(r.status == 0 and "Nothing is wrong" in r.out, r)
        r = g.ask("ctl", str(g.root), "kill")
        check(r.status == 125 and "no hangdog of yours guards it" in r.err, r)


def dump_goes_through_the_supervisor():
    with Guarded(sys.executable, "-c", BUSY) as g:

        def seen():
            report = json.loads(g.ask("dump", "--json", str(g.root)).out)
            return {f["function"] for t in report["processes"][0]["threads"] for f in t["stack"]}

        wait_until(lambda: {"spin", "park"} <= seen(), "both threads are where the program sends them")
        check("spin" in g.ask("dump", "--folded", str(g.root)).out, "folded")
        check("spin" in g.ask("dump", "--merge", str(g.root)).out, "merged")
        check(g.process.poll() is None and g.rows(), "the supervisor goes on")


def ctl_kill_ends_the_tree():
    with Guarded("sh", "-c", "sleep 1000 & sleep 1000") as g:
        r = g.ask("ctl", str(g.root), "kill")
        check(r.status == 0 and "ended" in r.out, r)
        g.process.wait(30)
        check(not os.path.exists(f"/proc/{g.root}"), "the root lives")


def ctl_restart_starts_again():
    with Guarded("sleep", "1000") as g:
        r = g.ask("ctl", str(g.root), "restart")
        check(r.status == 0 and "started again" in r.out, r)
        old, g.root = g.root, g.rows()[0]["root"]
        check(g.root != old and os.path.exists(f"/proc/{g.root}") and not os.path.exists(f"/proc/{old}"), (old, g.root))


def ctl_detach_leaves_it_running_untraced():
    with Guarded("sleep", "1000") as g:
        r = g.ask("ctl", str(g.root), "detach")
        check(r.status == 0, r)
        status = open(f"/proc/{g.root}/status").read()
        check("TracerPid:\t0" in status and "T (stopped)" not in status, status)
        check(g.process.poll() is None, "run stays the parent, to give the command's exit status")
        os.kill(g.root, 15)
        check(g.process.wait(30) == 128 + 15, g.process.returncode)


def ctl_of_a_process_that_nobody_guards():
    with scratch() as folder:
        r = hangdog("ctl", str(os.getpid()), "kill", env=dict(os.environ, XDG_RUNTIME_DIR=folder))
        check(r.status == 125 and "no hangdog of yours guards it" in r.err, r)


def hostile_clients_are_dropped_and_nobody_waits_for_them():
    with Guarded("sleep", "1000") as g:
        silent = [g.raw() for _ in range(12)]
        flood = g.raw()
        flood.sendall(b"x" * 1024)
        check(flood.recv(1) == b"", "a line without end is cut off")
        for text in (b"\n", b"\x00\xff\n", b"guards\n", b"guards 99999999999999999999\n", b"why text 1 2 3 4 5 6 7\n", b"%s%n\n"):
            s = g.raw()
            s.sendall(text)
            check(s.recv(6).startswith((b"ok\n", b"error\n")), text)
            s.close()
        check(g.rows(), "ps still gets its answer")
        for s in silent:
            s.close()


def a_client_that_never_reads_does_not_delay():
    with Guarded(sys.executable, "-c", BUSY) as g:
        deaf = []
        for _ in range(8):
            s = g.raw()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            s.sendall(b"dump json\n")
            deaf.append(s)
        check(g.rows(), "ps still gets its answer")
        for s in deaf:
            s.close()


def looks(g):
    return g.rows()[0]["looks"]


def crowds_of_half_open_clients_change_nothing():
    """Hundreds that say nothing, half a line, or garbage, all the time while a program runs into a hang: it is found, others get
    their answers, and the looks go on."""
    hang = "import threading, sys\nl = threading.Lock(); l.acquire()\nsys.stdin.readline()\nl.acquire()"
    with Guarded(sys.executable, "-c", "import time\nprint(flush=True)\n" + hang, options=("--interval", "20", "--stall", "0"),
                 stdin=subprocess.PIPE) as g:
        rand = random.Random(4711)
        before, crowd = looks(g), []
        for i in range(600):
            s = socket.socket(socket.AF_UNIX)
            s.setblocking(False)
            try:
                s.connect(g.socket)
                s.send(rand.choice([b"", b"sta", b"view", b"\0\0", rand.randbytes(rand.randrange(1, 1500)), b"dump json\n", b"why text 80 9 9\n",
                                    b"view 99999999999\n", b"dump x y z\n"]))
            except (BlockingIOError, BrokenPipeError, ConnectionResetError):
                pass  # the queue is full, as it should be; or dropped already
            crowd.append(s)
            if i == 300:
                g.process.stdin.write("go\n")
                g.process.stdin.flush()
            if i % 100 == 0:
                check(g.rows(), "ps gets its answer")
        wait_until(lambda: g.rows() and g.rows()[0]["verdict"] == "deadlock", "the hang is found")
        check(looks(g) > before, "it looks no more")
        status = open(f"/proc/{g.process.pid}/status").read()
        check(len(os.listdir(f"/proc/{g.process.pid}/fd")) < 64, "descriptors are kept")
        check("State:\tZ" not in status, status)
        for s in crowd:
            s.close()
        check(g.ask("ctl", str(g.root), "why").status == 1, "why")


def one_folder_of_somebody_else_is_refused():
    with scratch() as folder:
        os.mkdir(os.path.join(folder, "hangdog"), 0o755)
        r = hangdog("run", "--verbose", "--", "true", env=dict(os.environ, XDG_RUNTIME_DIR=folder))
        check(r.status == 0 and "not a folder of yours alone" in r.err, r)


main([(f.__name__, f) for f in (
    ps_without_any, ps_lists_what_runs, the_socket_is_private_and_goes_with_its_supervisor, a_stale_socket_is_cleaned,
    why_goes_through_the_supervisor, dump_goes_through_the_supervisor,
    ctl_why_says_what_why_says, why_takes_its_options_through_the_supervisor, what_was_let_go_is_nobodys_any_more,
    dump_shows_what_was_asked_for_and_no_more, guarded_and_unguarded_ones_are_all_looked_at, ps_no_longer_says_deadlock_of_what_was_healed, ctl_kill_ends_the_tree, ctl_restart_starts_again,
    ctl_detach_leaves_it_running_untraced, ctl_of_a_process_that_nobody_guards,
    hostile_clients_are_dropped_and_nobody_waits_for_them, a_client_that_never_reads_does_not_delay,
    crowds_of_half_open_clients_change_nothing, one_folder_of_somebody_else_is_refused)])
