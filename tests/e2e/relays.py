#!/usr/bin/env python3
"""Healthy programs whose only waker is always somebody else: a new process or thread every 1 to 300 ms, which starts its
successor and ends (tests/fixtures/relay.c).  Looked at every 10 ms for their whole life: no verdict, ever.

HD_STORM_S=N: each case takes N seconds (2)."""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import HANGDOG, O, ROOT, Skip, check, main, need, run, scratch

SECONDS = int(os.environ.get("HD_STORM_S", "2"))
RELAY = os.path.join(O, "tests", "relay")
KINDS = "fork", "orphan", "exec", "vfork", "share", "unseen", "thread", "mixed"
SMALL_SPACE = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
ARGS = ["--interval", "10", "--on-hang", "kill", "--stall", "0"]


def build():
    os.makedirs(os.path.dirname(RELAY), exist_ok=True)
    made = run("cc", "-std=gnu17", "-D_GNU_SOURCE", "-O1", "-g", "-pthread", "-I", os.path.join(ROOT, "tests", "lib"), "-o", RELAY,
               os.path.join(ROOT, "tests", "fixtures", "relay.c"))
    check(made.status == 0, made)


def seed():
    return str(int.from_bytes(os.urandom(4), "little"))


def env(folder):
    return dict(os.environ, XDG_STATE_HOME=folder, XDG_RUNTIME_DIR=folder)


def launched(kind, prefix=(), **more):
    with scratch() as d:
        r = run(*prefix, HANGDOG, "run", *ARGS, "--", RELAY, kind, SECONDS, seed(), timeout=SECONDS + 120, env=dict(env(d), **more))
        check(r.status == 0 and r.err == "", r)


def guarded(kind):
    with scratch() as d:
        p = subprocess.Popen([RELAY, kind, str(SECONDS), seed()], stdin=subprocess.DEVNULL)
        r = run(HANGDOG, "attach", *ARGS, p.pid, timeout=SECONDS + 120, env=env(d))
        check(p.wait(30) == 0 and r.status == 0 and r.err == "", f"program {p.returncode}\n{r}")


def explained(kind):
    p = subprocess.Popen([RELAY, kind, str(SECONDS), seed()], stdin=subprocess.DEVNULL)
    asked = 0
    while p.poll() is None:
        r = run(HANGDOG, "why", "--interval", "10", p.pid)
        check(r.status == 0 or p.poll() is not None, r)
        asked += 1
    check(p.wait(30) == 0 and asked > 0, p.returncode)


def in_a_small_space(kind):
    """Numbers are used again within moments: pid_max of a namespace of its own (Linux 6.14)."""
    few = [*SMALL_SPACE, "sh", "-c", "echo 400 > /proc/sys/kernel/pid_max && [ $(cat /proc/sys/kernel/pid_max) = 400 ] && exec \"$@\"", "sh"]
    if shutil.which("unshare") is None or run(*few, "true").status != 0 or int(open("/proc/sys/kernel/pid_max").read()) == 400:
        raise Skip("no PID namespaces with a pid_max of their own here")
    launched(kind, few, RELAY_CHURN="1")


if __name__ == "__main__":
    need("run", "attach", "why")
    build()
    main([(f"{kind} {name}", lambda f=f, k=kind: f(k)) for kind in KINDS
          for name, f in (("launched", launched), ("guarded", guarded), ("explained", explained), ("in a small space", in_a_small_space))])
