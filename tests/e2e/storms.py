#!/usr/bin/env python3
"""Storms of forks, execs, threads and signals under guard: same output and status as bare, and hangdog stays small.

HD_STORM=N sets how many events a storm has."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import HANGDOG, check, main, run

EVENTS = int(os.environ.get("HD_STORM", "300"))
RSS_MAX_MIB = 200

FORKS = """
import os, sys
n = int(sys.argv[1])
seen = 0
for i in range(n):
    pid = os.fork()
    if pid == 0:
        os._exit(i % 100)
    seen += os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == i % 100
print(seen, flush=True)
sys.exit(3)
"""

EXECS = """
n=$(($1 - 1))
[ $n -gt 0 ] && exec sh -c "$2" sh $n "$2"
echo the end of the chain
exit 4
"""

THREADS = """
import sys, threading
n = int(sys.argv[1])
count = []
for i in range(0, n, 10):
    group = [threading.Thread(target=count.append, args=(i,)) for _ in range(min(10, n - i))]
    for t in group: t.start()
    for t in group: t.join()
print(len(count), flush=True)
sys.exit(5)
"""

# Each signal is awaited before the next is sent, so none may get lost.
SIGNALS = """
import os, signal, sys
n = int(sys.argv[1])
got = [0]
def note(*_): got[0] += 1
for s in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD, signal.SIGWINCH, signal.SIGRTMIN): signal.signal(s, note)
for i in range(n):
    for s in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD, signal.SIGWINCH, signal.SIGRTMIN):
        before = got[0]
        os.kill(os.getpid(), s)
        while got[0] == before: pass
print(got[0], flush=True)
sys.exit(6)
"""


def guarded(*command):
    """Output, stderr, status, and the most memory that hangdog or one of its children had, in MiB."""
    guard = subprocess.Popen([HANGDOG, "run", "--interval", "10", "--", *command], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        out = guard.stdout.read()
        err = guard.stderr.read()
        _, status, usage = os.wait4(guard.pid, 0)
        guard.returncode = os.waitstatus_to_exitcode(status)
    finally:
        if guard.returncode is None:
            guard.kill()
    return out, err, guard.returncode, usage.ru_maxrss / 1024


def same_as_bare(name, *command):
    bare = run(*command, timeout=600)
    out, err, status, rss_mib = guarded(*command)
    check((out, status) == (bare.out, bare.status), f"bare: {bare}\nguarded: [status {status}]\n{out}--- stderr\n{err}")
    print(f"{name}: {EVENTS} events, at most {rss_mib:.0f} MiB", flush=True)
    check(os.environ.get("SAN") or rss_mib < RSS_MAX_MIB, f"{name}: {rss_mib:.0f} MiB")


main([
    ("forks", lambda: same_as_bare("forks", sys.executable, "-c", FORKS, str(EVENTS))),
    ("execs", lambda: same_as_bare("execs", "sh", "-c", EXECS, "sh", str(EVENTS), EXECS)),
    ("threads", lambda: same_as_bare("threads", sys.executable, "-c", THREADS, str(EVENTS))),
    ("signals", lambda: same_as_bare("signals", sys.executable, "-c", SIGNALS, str(EVENTS))),
])
