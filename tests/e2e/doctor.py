#!/usr/bin/env python3
"""hangdog doctor: what it finds and advises, for root and for others, with rights taken away for real."""
import ctypes
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import HANGDOG, Cases, Skip, check, hangdog, main, need, run, scratch, wait_until

CASES = case = Cases()
NOBODY = 65534
PTRACE, KCMP, PIDFD_OPEN = 101, 312, 434  # x86-64


def rows(*args, **kw):
    """{id: row} of doctor --json, after checking that text and JSON say the same."""
    r = hangdog("doctor", "--json", *args, **kw)
    check(r.err == "", r)
    report = json.loads(r.out)
    check(report["schema"] == "hangdog.doctor/1", r)
    levels = [row["level"] for row in report["checks"]]
    check(r.status == (1 if "fail" in levels else 0) and report["works"] == ("fail" not in levels), r)
    for row in report["checks"]:
        check(row["level"] in ("ok", "warn", "fail") and row["found"], row)
        check((row["remedy"] is None) == (row["level"] == "ok"), row)
    return {row["id"]: row for row in report["checks"]}


def need_root():
    if os.geteuid() != 0:
        raise Skip("needs root")


def as_nobody():
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


# Where ptrace is forbidden, LeakSanitizer (a tracer) fails in a sanitized hangdog.
os.environ["ASAN_OPTIONS"] = "detect_leaks=0"


class SockFilter(ctypes.Structure):
    _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint)]


class SockFprog(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.POINTER(SockFilter))]


def forbidding(*calls):
    """A preexec_fn: these system calls fail with EPERM from here on (seccomp, include/uapi/linux/filter.h)."""
    load, equal, give = 0x20, 0x15, 0x06
    program = [SockFilter(load, 0, 0, 0)]
    for i, nr in enumerate(calls):
        program.append(SockFilter(equal, len(calls) - i, 0, nr))
    program += [SockFilter(give, 0, 0, 0x7FFF0000), SockFilter(give, 0, 0, 0x00050000 | 1)]
    array = (SockFilter * len(program))(*program)
    fprog = SockFprog(len(program), array)
    libc = ctypes.CDLL(None, use_errno=True)

    def apply():
        if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, ctypes.byref(fprog), 0, 0) != 0:
            os._exit(99)
    return apply


@case
def everybody_gets_rows_with_a_remedy_where_something_is_wrong():
    found = rows()
    for name in ("trace attach capability yama seccomp container proc hidepid kernel schedstat kcmp pidfd sock_diag "
                 "terminal incidents socket cures").split():
        check(name in found, f"{name} is missing: {sorted(found)}")
    check("process" not in found, found)


@case
def the_text_has_a_line_for_each_row_in_80_columns():
    found = rows()
    r = hangdog("doctor")
    check(all(row["title"] in r.out for row in found.values()), r)
    check(max(len(line) for line in r.out.splitlines() if "->" not in line) <= 80, r)
    check("\x1b" not in r.out and "\x1b[" in hangdog("doctor", "--color", "always").out, r)


@case
def root_without_limits_may_do_all():
    need_root()
    found = rows()
    check(all(found[k]["level"] == "ok" for k in ("trace", "attach", "proc", "sock_diag", "pidfd")), found)


@case
def it_works_without_rights():
    need_root()
    with scratch() as d:
        os.chmod(d, 0o777)
        found = rows(preexec_fn=as_nobody, env=dict(os.environ, HOME=d))
        check(found["trace"]["level"] == "ok" and found["incidents"]["level"] == "ok", found)
        check("this user only" in found["capability"]["found"], found["capability"])


@case
def a_process_of_somebody_else():
    need_root()
    with subprocess.Popen(["sleep", "60"]) as other:
        found = rows(str(other.pid), preexec_fn=as_nobody, env=dict(os.environ, HOME="/tmp"))
        check(found["process"]["level"] == "fail" and "belongs to user root" in found["process"]["found"], found["process"])
        check("sudo" in found["process"]["remedy"], found["process"])
        other.kill()


@case
def a_filter_that_forbids_ptrace():
    found = rows(preexec_fn=forbidding(PTRACE))
    check(found["trace"]["level"] == "warn" and "not traced" in found["trace"]["found"], found["trace"])
    check("--follow observe" in found["trace"]["remedy"], found["trace"])
    check(found["seccomp"]["level"] == "warn" and "forbids ptrace" in found["seccomp"]["found"], found["seccomp"])
    r = hangdog("run", "--", "true", preexec_fn=forbidding(PTRACE))
    check(r.status == 125 and "hangdog doctor" in r.err, r)
    r = hangdog("run", "--follow", "observe", "--", "sh", "-c", "exit 3", preexec_fn=forbidding(PTRACE))
    check(r.status == 3, f"the remedy does not work: {r}")


@case
def a_filter_that_forbids_other_calls():
    found = rows(preexec_fn=forbidding(KCMP, PIDFD_OPEN))
    check(found["kcmp"]["level"] == "warn" and found["pidfd"]["level"] == "warn", found)
    check(found["trace"]["level"] == "ok" and found["seccomp"]["level"] == "ok", found)


@case
def a_place_where_docker_forbids_names_the_flag_of_docker():
    if not os.path.exists("/.dockerenv") or "KUBERNETES_SERVICE_HOST" in os.environ:
        raise Skip("not in Docker")
    found = rows(preexec_fn=forbidding(PTRACE))
    check("docker run --cap-add=SYS_PTRACE" in found["trace"]["remedy"], found["trace"])


@case
def the_remedy_is_the_one_of_the_place():
    for variable, word in (("COLAB_RELEASE_TAG", "!hangdog run"), ("KUBERNETES_SERVICE_HOST", "securityContext")):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("COLAB", "KUBERNETES"))}
        env[variable] = "x"
        found = rows(preexec_fn=forbidding(PTRACE), env=env)
        check(word in found["trace"]["remedy"], found["trace"])


@case
def a_pid_namespace():
    need_root()
    r = run("unshare", "-pf", "--mount-proc", HANGDOG, "doctor", "--json")
    if r.status not in (0, 1):
        raise Skip("no unshare here")
    found = {row["id"]: row for row in json.loads(r.out)["checks"]}
    check("own process numbers" in found["container"]["found"], r)
    check(found["proc"]["level"] == "ok" and found["trace"]["level"] == "ok", r)


@case
def proc_of_another_pid_namespace_is_a_failure():
    need_root()
    r = run("unshare", "-pf", HANGDOG, "doctor", "--json")
    if not r.out:
        raise Skip("no unshare here")
    found = {row["id"]: row for row in json.loads(r.out)["checks"]}
    check(r.status == 1 and found["proc"]["level"] == "fail", r)
    check("mount -t proc" in found["proc"]["remedy"], r)


@case
def a_proc_that_hides_others():
    need_root()
    r = run("unshare", "-m", "sh", "-c", f"mount -t proc -o hidepid=2 proc /proc && HOME=/tmp exec setpriv --reuid {NOBODY} "
            f"--regid {NOBODY} --clear-groups {HANGDOG} doctor --json")
    if not r.out:
        raise Skip(f"no private mounts here: {r.err}")
    found = {row["id"]: row for row in json.loads(r.out)["checks"]}
    check(found["hidepid"]["level"] == "warn" and "hidepid=0" in found["hidepid"]["remedy"], r)


@case
def a_home_that_cannot_be_written_to():
    need_root()
    with scratch() as d:
        r = run("unshare", "-m", "sh", "-c", f"mount -t tmpfs -o ro none {d} && HOME={d} XDG_STATE_HOME= exec {HANGDOG} doctor --json")
        if not r.out:
            raise Skip(f"no private mounts here: {r.err}")
        found = {row["id"]: row for row in json.loads(r.out)["checks"]}
        check(r.status == 0 and found["incidents"]["level"] == "warn", r)
        check("cannot be written to (Read-only file system)" in found["incidents"]["found"], r)
        check("--incident-dir" in found["incidents"]["remedy"], r)


@case
def no_home_at_all():
    env = {k: v for k, v in os.environ.items() if k not in ("HOME", "XDG_STATE_HOME")}
    found = rows(env=env)
    check(found["incidents"]["level"] == "warn", found["incidents"])


@case
def a_debugger_is_named():
    with subprocess.Popen(["sleep", "60"]) as p:
        with subprocess.Popen(["strace", "-o", "/dev/null", "-p", str(p.pid)], stderr=subprocess.DEVNULL) as tracer:
            wait_until(lambda: f"TracerPid:\t{tracer.pid}" in open(f"/proc/{p.pid}/status").read(), "strace attached")
            found = rows(str(p.pid))
            check(found["process"]["level"] == "fail" and f"traced by {tracer.pid} (strace)" in found["process"]["found"], found["process"])
            tracer.terminate()
            tracer.wait()
        check(rows(str(p.pid))["process"]["level"] == "ok", "still refused")
        p.kill()


@case
def python_is_found_in_a_process():
    with subprocess.Popen([sys.executable, "-c", "print('up', flush=True); input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as p:
        p.stdout.readline()
        found = rows(str(p.pid))
        check(f"CPython {sys.version.split()[0]}" in found["python"]["found"], found["python"])
        check("files have the names" in found["names"]["found"], found["names"])
        p.kill()
    with subprocess.Popen(["sleep", "60"]) as p:
        check("no CPython" in rows(str(p.pid))["python"]["found"], "sleep is no Python")
        p.kill()


@case
def a_pid_that_is_not_there():
    r = hangdog("doctor", "4194300")
    check(r.status == 125 and r.out == "" and r.err == "hangdog: process 4194300 does not exist: 'ps -e' lists those that do\n", r)


@case
def the_terminal_is_looked_at():
    found = rows()
    check("none" in found["terminal"]["found"], found["terminal"])
    r = run("script", "-qec", f"stty rows 0 cols 0; {HANGDOG} doctor", "/dev/null", env=dict(os.environ, TERM="xterm"))
    check("of unknown size: taken for 80x24" in " ".join(r.out.split()), r)


@case
def the_cures_are_listed():
    r = hangdog("doctor", "--cures")
    check(r.status == 0 and "omp-threads=1" in r.out and "mp-start=spawn" in r.out, r)
    check("is none" in r.out and "RAYON_NUM_THREADS=1" in r.out.split("is none")[1], r)
    check(max(map(len, r.out.splitlines())) <= 80, r)
    report = json.loads(hangdog("doctor", "--cures", "--json").out)
    check(all(c["name"] in r.out and c["fixes"] and c["costs"] and (c["env"] or c["preloads"]) for c in report["cures"]), report)
    check(len(report["non_cures"]) > 3, report)


@case
def nothing_is_left_behind():
    with scratch() as d:
        env = dict(os.environ, HOME=d, XDG_RUNTIME_DIR=d)
        env.pop("XDG_STATE_HOME", None)
        rows(env=env)
        check(os.listdir(d) == [], os.listdir(d))


need("doctor")
main(CASES)
