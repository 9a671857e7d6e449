#!/usr/bin/env python3
"""A command under the tracer behaves as it would without, its whole tree is followed, and nobody is harmed.

Each transparency case compares with the same command run bare.  The driver is the tracer without the rest of hangdog;
where the build has `hangdog run`, its cases run through that as well."""
import collections
import ctypes
import fcntl
import os
import pty
import re
import resource
import select
import signal
import subprocess
import sys
import termios
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import HANGDOG, O, Cases, Skip, check, commands, main, run, scratch, wait_until

DRIVER = os.path.join(O, "tests/lib/tracer_driver")
PROBE = os.path.join(O, "tests/lib/tracer_probe")
FORMS = [("ptrace", [DRIVER, "--"]), ("observe", [DRIVER, "-o", "--"])]
if "run" in commands():
    FORMS.append(("run", [HANGDOG, "run", "--"]))

CASES = case = Cases()


def each_form(function):
    """One case a form: the function gets the words to put before the command."""
    for name, words in FORMS:
        CASES.append((f"{function.__name__.replace('_', ' ')} ({name})", lambda words=words: function(words)))
    return function


def shell_status(returncode):
    return returncode if returncode >= 0 else 128 - returncode


def status_of(pid, field):
    try:
        with open(f"/proc/{pid}/status") as f:
            return next((line.split(":", 1)[1].strip() for line in f if line.startswith(field + ":")), None)
    except (FileNotFoundError, ProcessLookupError):
        return None


def state_of(pid):
    return (status_of(pid, "State") or "gone").split()[0]


def children_of(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(word) for word in f.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def descendants_of(pid):
    found = []
    for child in children_of(pid):
        found += [child] + descendants_of(child)
    return found


def alive(pid):
    return state_of(pid) not in ("gone", "Z", "X")


class Started:
    """A command in the background: killed at the end with all that it started."""

    def __init__(self, *args, **kw):
        kw.setdefault("stdout", subprocess.PIPE)
        kw.setdefault("stderr", subprocess.PIPE)
        self.process = subprocess.Popen([str(a) for a in args], stdin=subprocess.DEVNULL, **kw)
        self.pid = self.process.pid
        self.others = set()
        self.text = b""

    def __enter__(self):
        return self

    def line(self, timeout=20):
        out = self.process.stdout.fileno()
        while b"\n" not in self.text:
            check(select.select([out], [], [], timeout)[0], f"no line came; so far: {self.text}")
            more = os.read(out, 4096)
            check(more, f"the output ended; so far: {self.text}")
            self.text += more
        line, self.text = self.text.split(b"\n", 1)
        return line.decode().strip()

    def is_quiet(self):
        """Nothing comes in four times the time in which a doubled signal would."""
        return self.text == b"" and not select.select([self.process.stdout], [], [], 0.2)[0]

    def wait(self, timeout=30):
        return self.process.wait(timeout)

    def child(self):
        wait_until(lambda: children_of(self.pid), "a child")
        return children_of(self.pid)[0]

    def __exit__(self, *_):
        for pid in {*self.others, *descendants_of(self.pid), self.pid}:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.stdout.close()
        self.process.stderr.close()
        self.process.wait(20)


# ---- what the command sees ------------------------------------------------------------------------------------------


@each_form
def every_exit_status_passes(words):
    for status in 0, 1, 2, 37, 124, 125, 126, 127, 128, 200, 255:
        check(run(*words, "sh", "-c", f"exit {status}").status == status, status)


@each_form
def death_by_a_signal_is_seen_as_such(words):
    for sig in signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGUSR1, signal.SIGSEGV, signal.SIGRTMIN:
        def no_core():
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        r = run(*words, "sh", "-c", f"kill -{int(sig)} $$", preexec_fn=no_core)
        check(shell_status(r.status) == 128 + sig, f"{sig}: {r}")


@each_form
def what_cannot_be_run_is_126_or_127_and_named(words):
    r = run(*words, "/nonexistent/command")
    check(r.status == 127 and "/nonexistent/command" in r.err and r.err.count("\n") == 1, r)
    r = run(*words, "/etc/passwd")
    check(r.status == 126 and "/etc/passwd" in r.err and r.err.count("\n") == 1, r)


@each_form
def a_script_without_a_first_line_runs(words):
    with scratch() as folder:
        open(f"{folder}/script", "w").write("echo hello; exit 4\n")
        os.chmod(f"{folder}/script", 0o755)
        r = run(*words, f"{folder}/script")
        check(r.status == 4 and r.out == "hello\n", r)


@each_form
def streams_pass_unchanged(words):
    data = "".join(chr(32 + i % 90) for i in range(300000))
    r = run(*words, "sh", "-c", "cat; echo to stderr >&2", stdin=data)
    check(r.out == data and r.err == "to stderr\n" and r.status == 0, r)


def state_lines(words, **kw):
    r = run(*words, PROBE, "state", **kw)
    check(r.status == 0, r)
    # What differs from run to run by itself: the inodes of the pipes that the test made.
    return sorted(re.sub(r"(pipe|socket):\[\d+\]", r"\1", line) for line in r.out.splitlines())


def odd_inheritance():
    """A mask, ignored signals, limits, a niceness, closed and extra descriptors, a group of its own."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2, signal.SIGALRM, signal.SIGRTMIN + 3])
    for sig in signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTSTP, signal.SIGCHLD:
        signal.signal(sig, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_NOFILE, (300, 400))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 1000))
    os.nice(3)
    os.close(0)
    os.dup2(os.open("/dev/null", os.O_RDONLY), 77)
    os.set_inheritable(77, True)


@case
def the_command_finds_what_it_would_find_without():
    for name, words in FORMS:
        for prepare in None, odd_inheritance:
            bare = state_lines([], preexec_fn=prepare)
            under = state_lines(words, preexec_fn=prepare)
            diff = sorted(set(bare) ^ set(under))
            # The process group is hangdog's own: the first process of it has another number in each run.
            check(diff == [], f"{name}, {prepare and prepare.__name__}: {diff}")


@each_form
def the_command_is_in_the_group_and_session_of_hangdog(words):
    with Started(*words, PROBE, "wait", start_new_session=True) as p:
        check(p.line() == "ready", "started")
        root = p.child()
        check(os.getpgid(root) == p.pid and os.getsid(root) == p.pid, f"group {os.getpgid(root)}, not {p.pid}")


@each_form
def no_descriptor_of_hangdog_leaks(words):
    def extra(pid):
        return sorted(os.listdir(f"/proc/{pid}/fd"), key=int)
    with Started(*words, PROBE, "wait") as p:
        check(p.line() == "ready", "started")
        check(extra(p.child()) == ["0", "1", "2"], extra(p.child()))


# ---- signals --------------------------------------------------------------------------------------------------------

LISTENER = r"""
import ctypes, os, signal, sys
wanted = [int(w) for w in sys.argv[1:]]
signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
print("ready", flush=True)
while True:
    info = signal.sigwaitinfo(wanted)
    print(info.si_signo, info.si_code, info.si_pid, flush=True)
"""
# print() in a handler that comes while "ready" is being printed would be an error.
COUNTER = r"""
import os, signal, sys
def note(sig, frame):
    os.write(1, b"got %d\n" % sig)
for w in sys.argv[1:]:
    signal.signal(int(w), note)
os.write(1, b"ready\n")
while True:
    signal.pause()
"""


@each_form
def a_signal_to_hangdog_alone_reaches_the_command_once(words):
    signals = [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT, signal.SIGQUIT, signal.SIGALRM]
    with Started(*words, sys.executable, "-c", COUNTER, *map(int, signals), start_new_session=True) as p:
        check(p.line().startswith("ready"), "started")
        for sig in signals:
            os.kill(p.pid, sig)
            check(p.line() == f"got {int(sig)}", f"{sig} was not passed on")
        os.kill(p.pid, signal.SIGUSR1)
        check(p.line() == f"got {int(signal.SIGUSR1)}", "something came twice")


@case
def a_signal_to_the_group_reaches_the_command_once():
    for name, words in FORMS:
        if name == "observe":
            continue  # who got what is not known there: rather twice than never
        with Started(*words, sys.executable, "-c", COUNTER, *range(1, 3), 15, start_new_session=True) as p:
            check(p.line().startswith("ready"), "started")
            for sig in signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGTERM:
                os.killpg(p.pid, sig)
                check(p.line() == f"got {int(sig)}", "the group's signal")
                check(p.is_quiet(), f"{name}: {sig} came twice")


@case
def a_queued_signal_keeps_its_value_and_its_sender():
    libc = ctypes.CDLL(None, use_errno=True)
    code = LISTENER.replace("info.si_pid", "info.si_pid == os.getppid()")
    for name, words in FORMS:
        with Started(*words, sys.executable, "-c", LISTENER, int(signal.SIGRTMIN) + 1, int(signal.SIGUSR1)) as p:
            check(p.line() == "ready", code)
            root = p.child()
            libc.sigqueue(root, int(signal.SIGRTMIN) + 1, ctypes.c_void_p(4711))
            check(p.line() == f"{int(signal.SIGRTMIN) + 1} -1 {os.getpid()}", name)
            os.kill(root, signal.SIGUSR1)
            check(p.line() == f"{int(signal.SIGUSR1)} 0 {os.getpid()}", name)
            libc.sigqueue(p.pid, int(signal.SIGRTMIN) + 1, ctypes.c_void_p(4712))
            check(p.line() == f"{int(signal.SIGRTMIN) + 1} -1 {os.getpid()}", f"{name}: through hangdog")


@case
def an_ignored_interrupt_stays_ignored_as_nohup_wants():
    for name, words in FORMS:
        with Started(*words, PROBE, "wait", start_new_session=True,
                     preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as p:
            check(p.line() == "ready", "started")
            root = p.child()
            os.killpg(p.pid, signal.SIGHUP)
            os.kill(root, signal.SIGHUP)
            time.sleep(0.3)
            check(alive(root) and p.process.poll() is None, name)


# ---- births and ends ------------------------------------------------------------------------------------------------


def events_of(*command, options=(), timeout=120):
    with scratch() as folder:
        r = run(DRIVER, "-s", "-e", f"{folder}/events", *options, "--", *command, timeout=timeout)
        rows = []
        for line in open(f"{folder}/events"):
            kind, *fields = line.rstrip("\n").split(" ", 8)
            rows.append((kind, dict(f.split("=", 1) for f in fields)))
    return r, rows


def check_births(rows, n_processes, birth=None):
    """Each process is told of once, before anything else about it, and its end is told of once, last."""
    living, ended = set(), collections.Counter()
    born = []
    for kind, f in rows:
        if kind == "process":
            check(f["other"] not in living, f"told twice: {f}")
            living.add(f["other"])
            born.append(f)
        elif kind == "exit" and f["tid"] == f["pid"]:
            check(f["tid"] in living, f"ended without birth: {f}")
            living.remove(f["tid"])
            ended[f["tid"]] += 1
        elif kind == "exec":
            check(f["tid"] in living, f"exec of nobody: {f}")
    check(len(born) == n_processes, f"{len(born)} births, not {n_processes}")
    check(not living, f"never ended: {living}")
    if birth is not None:
        check({f["birth"] for f in born[1:]} == {birth}, collections.Counter(f["birth"] for f in born[1:]))


@case
def ten_thousand_forks_are_all_seen_and_all_reaped():
    r, rows = events_of(PROBE, "forks", 10000)
    check(r.status == 0, r)
    check_births(rows, 10001, "fork")


@case
def seven_threads_that_fork_at_once():
    r, rows = events_of(PROBE, "forkers", 7, 300)
    check(r.status == 0, r)
    check_births(rows, 2101, "fork")


@case
def vfork_and_posix_spawn_are_told_from_fork():
    r, rows = events_of(PROBE, "vforks", 200)
    check(r.status == 0, r)
    check_births(rows, 201, "vfork")
    r, rows = events_of(PROBE, "spawns", 100)
    check(r.status == 0, r)
    check_births(rows, 101, "vfork")
    check(sum(kind == "exec" for kind, _ in rows) == 101, "execs")


@case
def a_clone_that_shares_memory_is_no_fork():
    r, rows = events_of(PROBE, "clonevm")
    check(r.status == 0, r)
    check_births(rows, 2, "clone-vm")


@case
def a_clone_with_the_callers_parent_belongs_to_its_creator():
    r, rows = events_of(PROBE, "cloneparent")
    check(r.status == 0, r)
    check_births(rows, 3, "fork")
    born = [f for kind, f in rows if kind == "process"]
    check(born[2]["pid"] == born[1]["other"], born)


@case
def newborns_killed_before_their_first_instruction():
    r, rows = events_of(PROBE, "killnewborn", 300)
    check(r.status == 0, r)
    check_births(rows, 301, "fork")
    ends = collections.Counter(f["status"] for kind, f in rows if kind == "exit")
    check(ends["9"] == 300, ends)


@case
def a_thousand_threads():
    r, rows = events_of(PROBE, "threads", 1000)
    check(r.status == 0, r)
    check(sum(kind == "thread" for kind, _ in rows) == 1000, "births")
    check(sum(kind == "exit" and f["tid"] != f["pid"] for kind, f in rows) == 1000, "ends")


@case
def exec_from_a_thread_and_a_chain_of_execs():
    r, rows = events_of(PROBE, "execthread", PROBE, "forks", 3)
    check(r.status == 0, r)
    check_births(rows, 4, "fork")
    execs = [f for kind, f in rows if kind == "exec"]
    check(len(execs) == 2 and execs[1]["other"] != execs[1]["tid"], execs)
    r, rows = events_of(PROBE, "execchain", 50)
    check(r.status == 42 and sum(kind == "exec" for kind, _ in rows) == 51, r)


@case
def a_process_whose_main_thread_has_left():
    r, rows = events_of(PROBE, "zombieleader")
    check(r.status == 7, r)
    check_births(rows, 1)


@case
def deep_pipes_of_a_shell():
    r, rows = events_of("sh", "-c", "for i in 1 2 3 4 5 6 7 8 9 10; do echo $i | cat | cat | cat >/dev/null; done; exit 3")
    check(r.status == 3, r)
    check_births(rows, 1 + 40)


# ---- job control ----------------------------------------------------------------------------------------------------


class Shell:
    """bash with job control on a terminal of its own."""

    def __init__(self):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(PS1="@@ ", PS2="", TERM="dumb")
            os.environ.pop("PROMPT_COMMAND", None)
            os.execvp("bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"])
        self.text = ""
        self.expect("@@ ")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for pid in descendants_of(self.pid) + [self.pid]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        os.waitpid(self.pid, 0)
        os.close(self.fd)

    def expect(self, words, timeout=20):
        end = time.monotonic() + timeout
        while words not in self.text:
            if not select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"'{words}' never came; so far: {self.text!r}")
            try:
                self.text += os.read(self.fd, 4096).decode(errors="replace")
            except OSError:
                raise AssertionError(f"the terminal closed before '{words}'; so far: {self.text!r}")
        before, self.text = self.text.split(words, 1)
        return before

    def more(self, timeout):
        """What comes within that time, "" = nothing."""
        return os.read(self.fd, 4096).decode() if select.select([self.fd], [], [], timeout)[0] else ""

    def type(self, text):
        os.write(self.fd, text.encode())

    def command(self, text):
        self.type(text + "\n")
        self.expect(text)

    def foreground(self):
        return os.tcgetpgrp(self.fd)


def job(shell, words, *command):
    """Starts a foreground job and gives hangdog's pid and the command's."""
    shell.command(" ".join(map(str, [*words, *command])))
    shell.expect("ready\r\n")
    wait_until(lambda: shell.foreground() != shell.pid, "the job in the foreground")
    leader = shell.foreground()
    return leader, children_of(leader)[0]


@each_form
def ctrl_z_stops_the_job_and_fg_goes_on_with_it(words):
    with Shell() as shell:
        leader, root = job(shell, words, PROBE, "wait")
        for _ in range(3):
            shell.type("\x1a")
            shell.expect("Stopped")
            shell.expect("@@ ")
            check(state_of(leader) == "T" and state_of(root) in "tT", f"{state_of(leader)} {state_of(root)}")
            shell.command("fg")
            wait_until(lambda: state_of(root) == "S" and state_of(leader) == "S", "both going on")
            check(shell.foreground() == leader, "not in the foreground")
        shell.type("\x03")
        shell.expect("@@ ")
        shell.command("echo status=$?")
        shell.expect("status=130")


@each_form
def a_job_with_many_threads_stops_and_goes_on(words):
    with Shell() as shell:
        leader, root = job(shell, words, PROBE, "threadswait", 40)
        for _ in range(3):
            shell.type("\x1a")
            shell.expect("Stopped")
            check(state_of(leader) == "T", state_of(leader))
            shell.command("fg")
            tasks = os.listdir(f"/proc/{root}/task")
            wait_until(lambda: {state_of(tid) for tid in tasks} == {"S"} and state_of(leader) == "S", "all going on")
        shell.type("\x03")
        shell.expect("@@ ")


@each_form
def a_stop_sent_to_the_group_by_another_process_stops_the_job(words):
    for sig in signal.SIGTSTP, signal.SIGSTOP:
        with Shell() as shell:
            leader, root = job(shell, words, PROBE, "wait")
            os.killpg(leader, sig)
            shell.expect("Stopped")
            wait_until(lambda: state_of(leader) == "T" and state_of(root) in "tT", "both stopped")
            os.killpg(leader, signal.SIGCONT)
            wait_until(lambda: state_of(leader) == "S" and state_of(root) == "S", "both going on")


@each_form
def ctrl_c_and_ctrl_backslash_end_the_command(words):
    for key, status in ("\x03", 130), ("\x1c", 131):
        with Shell() as shell:
            shell.command("ulimit -c 0")
            shell.expect("@@ ")
            job(shell, words, PROBE, "wait")
            shell.type(key)
            shell.expect("@@ ")
            shell.command("echo status=$?")
            shell.expect(f"status={status}")


@each_form
def a_command_that_handles_ctrl_c_gets_it_once_and_lives(words):
    with Shell() as shell:
        with scratch() as folder:
            open(f"{folder}/counter.py", "w").write(COUNTER)
            leader, root = job(shell, words, sys.executable, f"{folder}/counter.py", 2)
            for _ in range(3):
                shell.type("\x03")
                shell.expect("got 2\r\n")
                shell.text += shell.more(0.2)
                check(shell.text == "", f"came after it: {shell.text!r}")
            check(alive(root) and alive(leader), "it should live")


@each_form
def a_stopped_job_can_go_on_in_the_background_and_be_killed(words):
    with Shell() as shell:
        leader, root = job(shell, words, PROBE, "wait")
        shell.type("\x1a")
        shell.expect("Stopped")
        shell.command("bg")
        wait_until(lambda: state_of(root) == "S" and state_of(leader) == "S", "both going on")
        shell.command("kill %1; wait; echo done")
        shell.expect("done\r\n")
        wait_until(lambda: not alive(root) and not alive(leader), "the end of both")


@each_form
def a_background_job_that_reads_the_terminal_is_stopped_and_gets_it_by_fg(words):
    with Shell() as shell:
        shell.command(" ".join([*map(str, words), "sh -c 'read word; echo got=$word' &"]))
        shell.expect("@@ ")
        shell.command("jobs -l; while ! jobs -s | grep -q Stopped; do sleep 0.05; done; echo is-stopped")
        shell.expect("is-stopped\r\n")
        shell.command("fg")
        shell.type("hello\n")
        shell.expect("got=hello")


@each_form
def the_terminal_is_the_commands_own(words):
    with Shell() as shell:
        shell.command(" ".join([*map(str, words), "sh -c 'stty size; test -t 0 && test -t 1 && echo is-tty; ps -o stat= -p $$'"]))
        shell.expect("is-tty")
        shell.expect("+")  # in the foreground
        fcntl.ioctl(shell.fd, termios.TIOCSWINSZ, b"\x11\0\x22\0\0\0\0\0")
        shell.expect("@@ ")
        shell.command(" ".join([*map(str, words), "stty size"]))
        shell.expect("17 34")


@case
def a_stop_from_a_stranger_does_not_stop_hangdog():
    """Tools like cpulimit stop and continue a process by its pid: hangdog must be there to let it go on."""
    for name, words in FORMS:
        with Shell() as shell:
            leader, root = job(shell, words, PROBE, "wait")
            for _ in range(20):
                os.kill(root, signal.SIGSTOP)
                wait_until(lambda: state_of(root) in "tT", "a stop")
                os.kill(root, signal.SIGCONT)
                wait_until(lambda: state_of(root) == "S", f"{name}: going on after a stranger's SIGCONT")
            check(state_of(leader) in ("S", "R"), "hangdog itself")


@each_form
def a_command_that_stops_itself_stops_the_job(words):
    with Shell() as shell:
        shell.command(" ".join([*map(str, words), "sh -c 'kill -TSTP $$; echo goes-on'"]))
        shell.expect("Stopped")
        shell.command("fg")
        shell.expect("goes-on")


@each_form
def hangup_of_the_terminal_ends_the_command(words):
    shell = Shell()
    try:
        leader, root = job(shell, words, PROBE, "wait")
    finally:
        os.close(shell.fd)
    os.waitpid(shell.pid, 0)
    wait_until(lambda: not alive(root) and not alive(leader), "the end of both")


@each_form
def no_terminal_and_a_new_session_work(words):
    r = run("setsid", "-w", *words, "sh", "-c", "echo out; exit 5")
    check(r.status == 5 and r.out == "out\n", r)
    r = run("sh", "-c", 'nohup "$@" </dev/null 2>&1 & wait $!', "sh", *words, "sh", "-c", "echo out; exit 6")
    check(r.status == 6 and "out\n" in r.out, r)


@each_form
def as_pid_1_of_a_namespace(words):
    unshare = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    if run(*unshare, "true").status != 0:
        raise Skip("no new PID namespaces here")
    code = "for i in 1 2 3 4 5; do (sleep 0.1 &) ; done; sleep 0.3; exit 9"
    check(run(*unshare, *words, "sh", "-c", code).status == 9, "exit status")
    check(shell_status(run(*unshare, *words, "sh", "-c", "kill -9 $$").status) == 137, "death by a signal")
    with Started(*unshare, *words, sys.executable, "-c", COUNTER, 15) as p:
        check(p.line().startswith("ready"), "started")
        init = p.child()
        os.kill(init, signal.SIGTERM)
        check(p.line() == "got 15", "SIGTERM for pid 1 goes to the command")


# ---- no harm --------------------------------------------------------------------------------------------------------


def busy_tree(*words, **kw):
    """A tree with blocked, forking and signalled processes; prints 'ready' when it is all there."""
    code = f"""{PROBE} forks 1000000 & {PROBE} forkers 3 1000000 & {PROBE} vforks 1000000 & {PROBE} threads 1000000 &
        (while :; do kill -URG $$; done) & setsid sleep 1000 & {PROBE} wait"""
    return Started(*words, "sh", "-c", code, **kw)


def long_lived(pid):
    """The members of the tree that stay: each of its processes that exists at two looks."""
    first = set(descendants_of(pid))
    time.sleep(0.1)
    return first & set(descendants_of(pid))


def check_unharmed(pids, kept, what):
    for pid in kept:
        check(alive(pid), f"{what}: {pid} is dead")
    wait_until(lambda: all(state_of(pid) not in "tT" for pid in pids), f"{what}: nobody stopped")
    wait_until(lambda: all(status_of(pid, "TracerPid") in (None, "0") for pid in pids), f"{what}: nobody traced")


@case
def kill_9_of_the_tracer_leaves_everybody_running():
    for _ in range(5):
        with busy_tree(DRIVER, "--") as p:
            check(p.line() == "ready", "started")
            kept = long_lived(p.pid)
            check(len(kept) >= 7, kept)
            p.others = kept
            os.kill(p.pid, signal.SIGKILL)
            p.wait()
            for root in kept:
                p.others = p.others | set(descendants_of(root))
            check_unharmed(p.others, kept, "after kill -9")


@case
def with_die_with_me_everybody_is_killed():
    with busy_tree(DRIVER, "-d", "--") as p:
        check(p.line() == "ready", "started")
        p.others = long_lived(p.pid)
        os.kill(p.pid, signal.SIGKILL)
        p.wait()
        wait_until(lambda: not any(alive(pid) for pid in p.others), "the end of all")


@case
def attach_finds_all_and_detach_leaves_nobody_stopped():
    for round in range(5):
        with busy_tree() as p, scratch() as folder:
            check(p.line() == "ready", "started")
            kept = long_lived(p.pid)
            tracer = Started(DRIVER, "-e", f"{folder}/events", "-p", p.pid, "-x", 500)
            with tracer:
                wait_until(lambda: all(status_of(pid, "TracerPid") == str(tracer.pid) for pid in kept), "all traced")
                tasks = [tid for pid in kept for tid in os.listdir(f"/proc/{pid}/task")]
                wait_until(lambda: all(status_of(tid, "TracerPid") in (str(tracer.pid), None) for tid in tasks), "all threads")
                check(tracer.wait() == 0, "detached")
            check_unharmed(set(descendants_of(p.pid)) | {p.pid}, kept, f"after detach, round {round}")
            text = open(f"{folder}/events").read()
            check(all(f"other={pid} " in text for pid in kept), "told of all")


@case
def a_job_stopped_before_stays_stopped_after_detach():
    with Started(PROBE, "wait") as p:
        check(p.line() == "ready", "started")
        os.kill(p.pid, signal.SIGSTOP)
        wait_until(lambda: state_of(p.pid) == "T", "a stop")
        with Started(DRIVER, "-p", p.pid, "-x", 300) as tracer:
            wait_until(lambda: state_of(p.pid) == "t", "traced")
            check(tracer.wait() == 0, "detached")
        check(state_of(p.pid) == "T", "still stopped")
        os.kill(p.pid, signal.SIGCONT)
        wait_until(lambda: state_of(p.pid) == "S", "going on")


@case
def attach_says_who_is_in_the_way():
    with Started(DRIVER, "--", PROBE, "wait") as p:
        check(p.line() == "ready", "started")
        r = run(DRIVER, "-p", p.child())
        check(r.status == 125 and str(p.pid) in r.err and "tracer_driver" in r.err, r)
    r = run(DRIVER, "-p", 2 ** 22 - 1)
    check(r.status == 125 and r.err.count("\n") == 1, r)


@case
def observing_sees_the_tree_without_tracing_it():
    with Started(DRIVER, "-o", "-s", "--", "sh", "-c", f"setsid {PROBE} wait & (sleep 1000 &); wait") as p, scratch():
        check(p.line() == "ready", "started")
        kept = long_lived(p.pid)
        p.others = kept
        wait_until(lambda: len(descendants_of(p.pid)) == 3, "three processes")
        check(all(status_of(pid, "TracerPid") == "0" for pid in kept), "nobody traced")


# ---- ending a tree --------------------------------------------------------------------------------------------------


@each_form
def a_thousand_processes_are_ended_at_once(words):
    if words[0] != DRIVER:
        raise Skip("the driver's own option")
    code = "for i in $(seq 1000); do sleep 1000 & done; wait"
    r = run(*words[:-1], "-k", 4000, "--", "sh", "-c", code, timeout=60)
    found = re.search(r"killed (\d+) in (\d+) ms: all gone", r.err)
    check(found and int(found[1]) == 1001, r)


@case
def whoever_ignores_sigterm_or_is_stopped_or_has_moved_is_ended_too():
    code = """trap '' TERM; sleep 1000 & setsid sh -c 'sleep 1000 & sleep 1000' & (setsid sleep 1000 &)
        sh -c 'kill -STOP $$' & sleep 1000"""
    with scratch() as folder:
        for options in [], ["-o"]:
            mark = f"HANGDOG_TEST={folder}{len(options)}"
            r = run("env", mark, DRIVER, *options, "-k", "500:300", "--", "sh", "-c", code)
            check("all gone" in r.err, r)
            check(not any(pid.isdigit() and marked(pid, mark) for pid in os.listdir("/proc")), "some are left")


def marked(pid, mark):
    try:
        with open(f"/proc/{pid}/environ", "rb") as f:
            return mark.encode() in f.read().split(b"\0") and alive(int(pid))
    except OSError:
        return False


@case
def sigterm_gives_time_to_end_well():
    code = "trap 'echo ended well; exit 0' TERM; echo ready; while :; do sleep 0.01; done"
    r = run(DRIVER, "-k", "300:20000", "--", "sh", "-c", code)
    check("ended well" in r.out and "all gone" in r.err, r)


@case
def children_of_parents_killed_in_the_middle_of_a_fork_run_on_and_are_known():
    with scratch() as folder:
        mark = f"HANGDOG_TEST={folder}"
        with Started("env", mark, DRIVER, "-k", "6000", "--", PROBE, "killforkers", 150) as p:
            check(p.line() == "ready", "started")
            members = [pid for pid in os.listdir("/proc") if pid.isdigit() and marked(pid, mark)]
            check(len(members) > 10, members)
            wait_until(lambda: not any(state_of(pid) == "t" for pid in members), "nobody stopped")
            p.wait()
            err = p.process.stderr.read().decode()
            check("all gone" in err, err)
            check(not any(pid.isdigit() and marked(pid, mark) for pid in os.listdir("/proc")), "some are left")


@case
def a_fork_bomb_is_ended():
    r = run(DRIVER, "-k", "100:100", "--", PROBE, "bomb", timeout=50)
    check("all gone" in r.err, r)


main(CASES, parallel=1)
