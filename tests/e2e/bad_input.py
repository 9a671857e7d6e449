#!/usr/bin/env python3
"""Bad input from outside: each error is one line that names the thing, what is wrong and what to do; nothing is half done."""
import ctypes
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import HANGDOG, ROOT, Cases, Skip, check, commands, hangdog, main, need, run, scratch, wait_until

CASES = case = Cases()
LOOKERS = "why", "attach", "dump"


def die_with_us():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Child:
    """A program that is killed in the end."""

    def __init__(self, *args, **kw):
        self.p = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  preexec_fn=kw.pop("preexec_fn", die_with_us), **kw)
        self.pid = self.p.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.p.kill()
        self.p.wait()


def state(pid):
    try:
        return open(f"/proc/{pid}/stat", errors="replace").read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return None


def one_line(r, *words, status=125):
    check(r.status == status, r)
    check(r.err.startswith("hangdog: ") and r.err.count("\n") == 1, r)
    for word in words:
        check(re.search(word, r.err), f"/{word}/ is missing in the message\n{r}")


def each_looker(pid, *words, **kw):
    for name in LOOKERS:
        if name in commands():
            one_line(hangdog(name, pid, **kw), *words)


@case
def a_pid_that_does_not_exist():
    with Child("true") as c:
        c.p.wait()
    each_looker(c.pid, str(c.pid), "exist", "ps -e")


@case
def a_kernel_thread():
    try:
        kernel = open("/proc/2/comm").read().strip()
    except OSError:
        kernel = None
    if kernel != "kthreadd":
        raise Skip("no kernel threads are visible here")
    each_looker(2, "kernel")


@case
def a_zombie():
    with Child("true") as c:
        wait_until(lambda: state(c.pid) == "Z", "it is a zombie")
        each_looker(c.pid, str(c.pid), "zombie|ended|exited", f"look at that, {os.getpid()}")


@case
def a_thread_id_is_no_process():
    code = "import threading,time; threading.Thread(target=time.sleep, args=(60,), daemon=True).start(); time.sleep(60)"
    with Child(sys.executable, "-c", code) as c:
        wait_until(lambda: len(os.listdir(f"/proc/{c.pid}/task")) == 2, "it has two threads")
        tid = max(map(int, os.listdir(f"/proc/{c.pid}/task")))
        each_looker(tid, str(tid), "thread", str(c.pid))


@case
def another_users_process():
    if os.geteuid() != 0:
        raise Skip("only root can become somebody else")
    # As nobody, look at a process of root.  The binary must be readable for nobody.
    with scratch() as folder, Child("sleep", "60") as c:
        os.chmod(folder, 0o755)
        copy = shutil.copy(HANGDOG, folder)

        def nobody():
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        env = dict(os.environ, HOME=folder)
        for name in LOOKERS:
            if name in commands():
                one_line(run(copy, name, c.pid, preexec_fn=nobody, env=env), str(c.pid),
                         "permission|allowed|belongs|user|ptrace", "sudo|root|CAP_SYS_PTRACE|user")
        check(state(c.pid) == "S", "the process was left alone")


@case
def a_process_that_a_debugger_traces():
    if not shutil.which("strace"):
        raise Skip("strace is not installed")
    need("attach")
    with Child("sleep", "60") as c, Child("strace", "-o", "/dev/null", "-p", str(c.pid)) as tracer:
        def traced():
            return f"TracerPid:\t{tracer.pid}\n" in open(f"/proc/{c.pid}/status").read()
        wait_until(traced, "strace has it")
        one_line(hangdog("attach", c.pid), "strace", str(tracer.pid))
        check(traced(), "the other tracer was left alone")
        r = hangdog("why", c.pid)
        check(r.status == 0, r)


@case
def a_hangdog_that_is_traced_itself():
    need("run")
    # LeakSanitizer, where this build has it, traces as well.
    env = dict(os.environ, ASAN_OPTIONS="detect_leaks=0")
    r = hangdog("run", "--", HANGDOG, "run", "--", "echo", "hi", env=env)
    check(r.status == 125 and "(hangdog)" in r.err and "--follow observe" in r.err, r)
    r = hangdog("run", "--", HANGDOG, "run", "--follow", "observe", "--", "echo", "hi", env=env)
    check(r.status == 0 and r.out == "hi\n", r)


@case
def a_command_that_is_not_there():
    need("run")
    one_line(hangdog("run", "--", "/nonexistent/program"), "/nonexistent/program", "correct the path", status=127)
    one_line(hangdog("run", "--", "no-such-program-anywhere"), "no-such-program-anywhere", "PATH", status=127)
    one_line(hangdog("run", "--", ""), "COMMAND is empty", status=127)


@case
def a_command_that_cannot_be_run():
    need("run")
    with scratch() as folder:
        text = os.path.join(folder, "text")
        open(text, "w").write("no program\n")
        one_line(hangdog("run", "--", text), re.escape(text), "chmod", status=126)
        one_line(hangdog("run", "--", folder), re.escape(folder), "folder", status=126)
        script = os.path.join(folder, "script")
        open(script, "w").write("#!/nonexistent/interpreter\n")
        os.chmod(script, 0o755)
        one_line(hangdog("run", "--", script), re.escape(script), "interpreter", status=127)


SNAPSHOT = os.path.join(ROOT, "tests", "data", "snapshots")


def recorded():
    found = sorted(glob.glob(os.path.join(SNAPSHOT, "**", "*.hds"), recursive=True))
    check(found, "no recorded snapshots")
    return found[0]


@case
def damaged_snapshots():
    need("replay")
    text = open(recorded()).read()
    with scratch() as folder:
        path = os.path.join(folder, "x.hds")
        for damaged in "", "x", text[:len(text) // 2], text.replace("hangdog.snapshot/1", "hangdog.snapshot/2"), "\0" * 1000:
            open(path, "w").write(damaged)
            one_line(hangdog("replay", path), re.escape(path))
        one_line(hangdog("replay", os.path.join(folder, "absent.hds")), "absent.hds")
        one_line(hangdog("replay", folder), re.escape(folder))
        newer = text.replace("hangdog.snapshot/1", "hangdog.snapshot/9")
        open(path, "w").write(newer)
        one_line(hangdog("replay", path), "newer|snapshot/9")


def dead_program(folder):
    source, binary = os.path.join(folder, "dead.c"), os.path.join(folder, "dead")
    open(source, "w").write("#include <pthread.h>\nstatic pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;\n"
                            "int main(void) { pthread_mutex_lock(&lock); return pthread_mutex_lock(&lock); }\n")
    r = run("cc", "-g", "-pthread", "-o", binary, source)
    check(r.status == 0, r)
    return binary


@case
def an_unwritable_incident_directory_does_not_stop_the_guard():
    need("run")
    with scratch() as folder:
        dead = dead_program(folder)
        blocked = os.path.join(folder, "file")
        open(blocked, "w").close()
        r = hangdog("run", "--on-hang", "kill", "--incident-dir", os.path.join(blocked, "incidents"), "--", dead)
        check(r.status == 124, r)
        check("DEADLOCK" in r.err and blocked in r.err, r)
        check(all(line.startswith("hangdog: ") or line == "hangdog:" for line in r.err.splitlines()), r)


@case
def a_full_disk_does_not_stop_the_guard():
    need("run")
    with scratch() as folder:
        dead = dead_program(folder)
        r = hangdog("run", "--on-hang", "kill", "--incident-dir", folder + "/i", "--report", "/dev/full", "--", dead)
        check(r.status == 124 and "DEADLOCK" in r.err, r)


@case
def stripped_deleted_and_corrupt_programs_are_still_judged():
    need("run")
    with scratch() as folder:
        dead = dead_program(folder)
        run("strip", dead)
        arguments = ["run", "--on-hang", "kill", "--incident-dir", folder + "/i", "--"]
        r = hangdog(*arguments, dead)
        check(r.status == 124 and "DEADLOCK (proven)" in r.err, r)
        r = hangdog(*arguments, "sh", "-c", f"rm {dead}; exec {dead}.2" if shutil.copy(dead, dead + ".2") else "")
        check(r.status == 124 and "DEADLOCK (proven)" in r.err, r)
        with Child(dead + ".2") as c:
            wait_until(lambda: state(c.pid) == "S", "it is stuck")
            os.unlink(dead + ".2")
            need("why")
            r = hangdog("why", c.pid)
            check(r.status == 1 and "DEADLOCK (proven)" in r.out, r)


@case
def garbage_where_locks_should_be_is_no_crash():
    """A lock word in memory full of noise: a verdict or none, but an answer, soon."""
    need("why")
    with scratch() as folder:
        source, binary = os.path.join(folder, "noise.c"), os.path.join(folder, "noise")
        open(source, "w").write("""#include <linux/futex.h>
#include <stdlib.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>
static uint32_t noise[4096];
int main(int argc, char **argv)
{
	srandom(atoi(argv[1]));
	for (int i = 0; i < 4096; i++)
		noise[i] = (uint32_t)random() * 2654435761u;
	uint32_t *word = &noise[random() % 4096];
	for (;;)
		syscall(SYS_futex, word, argc > 2 ? FUTEX_WAIT : FUTEX_WAIT_PRIVATE, *word, 0, 0, 0);
}
""")
        r = run("cc", "-O1", "-o", binary, source)
        check(r.status == 0, r)
        for seed in range(8):
            with Child(binary, str(seed), *(["shared"] if seed & 1 else [])) as c:
                wait_until(lambda: state(c.pid) == "S", "it waits")
                r = hangdog("why", "--json", c.pid, timeout=20)
                check(r.status in (0, 1), r)
                check(json.loads(r.out)["schema"] == "hangdog.report/1", r)


HOSTILE = os.fsdecode(b"\x1b[31m\x1b]0;x\x07\x9b2J\n\xff\xe2\x80\xae")


def clean(text, what):
    """Nothing in it acts on a terminal; what was no UTF-8 was decoded to U+FFFD by the harness."""
    bad = re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffd]", text)
    check(not bad, f"{bad and ascii(bad[0])} in the output of {what}:\n{ascii(text[:3000])}")


@case
def hostile_names_do_not_reach_the_terminal():
    """A stuck program whose file, command line and threads are named to play tricks on a terminal."""
    with scratch() as folder:
        source, evil = os.path.join(folder, "evil.c"), os.path.join(folder, HOSTILE)
        open(source, "w").write("""#include <pthread.h>
#include <sys/prctl.h>
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
int main(int argc, char **argv)
{
	prctl(PR_SET_NAME, argv[argc - 1]);
	pthread_mutex_lock(&lock);
	pthread_mutex_lock(&lock);
}
""")
        r = run("cc", "-g", "-O1", "-o", os.path.join(folder, "evil"), source)
        check(r.status == 0, r)
        os.rename(os.path.join(folder, "evil"), evil)
        incidents = os.path.join(folder, "incidents")
        r = hangdog("run", "--on-hang", "kill", "--incident-dir", incidents, "--report", os.path.join(folder, "report.txt"), "--", evil, HOSTILE)
        check(r.status == 124 and "DEADLOCK" in r.err, r)
        clean(r.err, "run")
        clean(open(os.path.join(folder, "report.txt"), errors="replace").read(), "run --report")
        for args in ("list",), ("show", "last"):
            clean(hangdog("incidents", "--incident-dir", incidents, *args).out, "incidents")
        with Child(evil, HOSTILE) as c:
            wait_until(lambda: state(c.pid) == "S", "it is stuck")
            for args in ("why",), ("dump",), ("dump", "--folded"), ("dump", "--merge"), ("dump", "--json"), ("why", "--verbose"), ("doctor",):
                r = hangdog(*args, c.pid)
                check(r.status in (0, 1), r)
                clean(r.out + r.err, args)
                if "--json" in args:
                    json.loads(r.out)


@case
def incidents_that_are_not_there():
    need("incidents")
    with scratch() as folder:
        one_line(hangdog("incidents", "--incident-dir", folder, "show", "20200101T000000.000Z-1-1"), "20200101T000000.000Z-1-1")
        one_line(hangdog("incidents", "--incident-dir", folder, "show", "../../etc"), r"\.\./\.\./etc")
        one_line(hangdog("incidents", "--incident-dir", folder, "frobnicate"), "frobnicate")


@case
def ctl_without_a_supervisor():
    need("ctl")
    with Child("sleep", "60") as c:
        one_line(hangdog("ctl", c.pid, "kill"), str(c.pid))
        check(state(c.pid) in ("S", "R"), "it lives on")


main(CASES)
