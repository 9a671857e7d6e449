#!/usr/bin/env python3
"""hangdog dies by kill -9 at any moment: nobody in the tree stays stopped, and the program ends as it would have.

HD_KILLS=N sets how many moments are tried."""
import os
import random
import re
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import HANGDOG, check, main, scratch, wait_until

KILLS = int(os.environ.get("HD_KILLS", "12"))
STATUS = 7

# Forks, execs, threads and signals until the file `enough` is there, then ends with its status.
PROGRAM = r"""
import os, signal, subprocess, sys, threading
signal.signal(signal.SIGUSR1, lambda *_: None)
signal.alarm(120)
while not os.path.exists(sys.argv[1]):
    if os.fork() == 0:
        os.execv("/bin/true", ["true"])
    status = os.wait()[1]
    assert status == 0, status
    os.kill(os.getpid(), signal.SIGUSR1)
    t = threading.Thread(target=lambda: subprocess.check_call(["/bin/true"]))
    t.start()
    t.join()
print("all is well", flush=True)
sys.exit(%d)
""" % STATUS


def stat_of(pid):
    """(state, parent) of a process, (None, 0) when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return fields[0], int(fields[1])
    except (FileNotFoundError, ProcessLookupError):
        return None, 0


def descendants(root):
    parents = {int(p): stat_of(p)[1] for p in os.listdir("/proc") if p.isdigit()}
    found = {root}
    while True:
        more = {p for p, parent in parents.items() if parent in found} - found
        if not more:
            return found
        found |= more


def nobody_is_stopped(pids):
    for pid in pids:
        try:
            tasks = os.listdir(f"/proc/{pid}/task")
        except FileNotFoundError:
            continue
        if any(stat_of(f"{pid}/task/{tid}")[0] in ("t", "T") for tid in tasks):
            return False
    return True


def one_kill(rng, d, number):
    """The guarded program writes its status to a file itself: hangdog, its parent, is gone by then."""
    enough, done, out = (os.path.join(d, f"{name}{number}") for name in ("enough", "done", "out"))
    script = 'echo $$ > "$1.pid"; "$2" -c "$3" "$4"; echo $? > "$1"'
    with open(out, "w", encoding="utf-8") as f:
        guard = subprocess.Popen([HANGDOG, "run", "--interval", "10", "--", "sh", "-c", script, "sh", done, sys.executable,
                                  PROGRAM, enough], stdin=subprocess.DEVNULL, stdout=f, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: os.path.exists(done + ".pid") and os.path.getsize(done + ".pid") > 0 or guard.poll() is not None,
                   "the program starts", timeout=60)
        with open(done + ".pid", encoding="utf-8") as f:
            root = int(f.read())
        try:
            guard.wait(rng.uniform(0, 0.3))  # the moment is what varies; nothing is decided by it
        except subprocess.TimeoutExpired:
            pass
        guard.send_signal(signal.SIGKILL)
        check(guard.wait() == -signal.SIGKILL, f"hangdog ended before it was killed: {guard.returncode}")
        wait_until(lambda: nobody_is_stopped(descendants(root)), "everybody runs on after kill -9", timeout=60)
    finally:
        guard.kill()
        open(enough, "w", encoding="utf-8").close()
    wait_until(lambda: os.path.exists(done) and os.path.getsize(done) > 0, "the program ends", timeout=60)
    with open(done, encoding="utf-8") as f, open(out, encoding="utf-8") as g:
        status, text = f.read().strip(), g.read()
    check(status == str(STATUS) and re.sub(r"(?m)^hangdog: .*\n", "", text) == "all is well\n", f"status {status}: {text}")


def killed_at_any_moment():
    seed = int(os.environ.get("HD_SEED", "1"))
    rng = random.Random(seed)
    with scratch() as d:
        for number in range(KILLS):
            one_kill(rng, d, number)


main([("killed at any moment", killed_at_any_moment)])
