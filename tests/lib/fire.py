"""Trees that are shot at: hangdog and a command in a session of their own, built fixtures, and who is left of them."""
import ctypes
import glob
import os
import signal
import subprocess
import sys
import time

from harness import HANGDOG, O, ROOT, wait_until

FIXTURES = os.path.join(ROOT, "tests", "fixtures")
LIB = os.path.join(ROOT, "tests", "lib")
BUILT = os.path.join(O, "tests", "programs", "underfire")
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: orphans of a case come to us


def build(source):
    os.makedirs(BUILT, exist_ok=True)
    binary = os.path.join(BUILT, source[:-2])
    made = subprocess.run(["cc", "-std=gnu17", "-D_GNU_SOURCE", "-O1", "-g", "-pthread", "-I", LIB, "-o", binary,
                           os.path.join(FIXTURES, source)], capture_output=True, text=True)
    if made.returncode != 0:
        sys.exit(f"{source}: {made.stderr}")
    return binary


def stat_of(pid):
    try:
        return open(f"/proc/{pid}/stat", errors="replace").read().rsplit(")", 1)[1].split()
    except OSError:
        return None


def members(session):
    """pid -> state of a session's processes, zombies excluded."""
    found = {}
    for path in glob.glob("/proc/[0-9]*"):
        stat = stat_of(path[6:])
        if stat and int(stat[3]) == session and stat[0] not in "ZX":
            found[int(path[6:])] = stat[0]
    return found


class Tree:
    """hangdog and a command in a session of their own; whatever is left of it is ended at the end."""

    def __init__(self, folder, actions, *command, options=(), under=()):
        """under: a command that runs hangdog, such as strace with its options; self.hangdog is that then."""
        self.folder = folder
        env = dict(os.environ, PYTHONPATH=LIB, PYTHONDONTWRITEBYTECODE="1", XDG_RUNTIME_DIR=folder, FIXTURE_DIR=folder)
        self.hangdog = subprocess.Popen([*under, HANGDOG, "run", "-q", "--incident-dir", os.path.join(folder, "state"), "--term-timeout", "0.3",
                                         "--restart-delay", "0", "--cure", "none", "--stall", "0", "--on-hang", actions, *options, "--",
                                         *command], env=env, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                        start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        while left := members(self.hangdog.pid):
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.01)
        self.hangdog.wait()

    def others(self):
        return {pid: state for pid, state in members(self.hangdog.pid).items() if pid != self.hangdog.pid}

    def wait_for_report(self):
        """The moment before the action: the report is on disk then."""
        wait_until(lambda: glob.glob(os.path.join(self.folder, "state", "*", "report.json")), "a hang is recorded")

    def nobody_stays_stopped(self):
        wait_until(lambda: not set(self.others().values()) & set("Tt"), "nobody is stopped", timeout=10)


def how_it_goes_on(root):
    """Its exit status, or "hangs" if it does not move for half a second."""
    for _ in range(50):
        try:
            done, status = os.waitpid(root, os.WNOHANG)
        except ChildProcessError:
            return "reaped"  # by hangdog, before it was killed
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    return "hangs"
