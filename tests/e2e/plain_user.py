#!/usr/bin/env python3
"""What holds for whoever is not root: here as user 65534, if the tests run as root, else as they run."""
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import HANGDOG, ROOT, Cases, Skip, check, main, need, run, scratch

CASES = case = Cases()
NOBODY = 65534
PYTHON = "/usr/bin/python3"  # the one that runs the tests may lie in a home that is not open to others
BEGIN = "import sys; sys.path.insert(0, sys.argv[1]); import fixture; fixture.begin()\n"

SEMAPHORE = BEGIN + """
import multiprocessing
places = multiprocessing.get_context("fork").BoundedSemaphore(2)
for i in range(3):
    places.acquire()
"""
# A semaphore of multiprocessing that keeps its name until it is collected; nobody has it open but the one who waits.
NAMED = BEGIN + """
import multiprocessing, os
lock = multiprocessing.get_context("spawn").Lock()
lock.acquire()
with open(sys.argv[2] + "/name.new", "w") as out:
    out.write(lock._semlock.name)
os.rename(sys.argv[2] + "/name.new", sys.argv[2] + "/name")
lock.acquire()
"""
# Comes from outside after a while, opens the name and posts.
POSTER = """
import _multiprocessing, os, sys, time
while not os.path.exists(sys.argv[1] + "/name"):
    time.sleep(0.01)
time.sleep(1.2)
_multiprocessing.SemLock._rebuild(0, 1, 1, open(sys.argv[1] + "/name").read()).release()
"""

# A semaphore whose name the program chose, and took away when it was told that somebody else has it open, too.
CHOSEN = BEGIN + """
import ctypes, os, time
c = ctypes.CDLL(None, use_errno=True)
c.sem_open.restype = ctypes.c_void_p
sem = c.sem_open(b"/hangdog-chosen", os.O_CREAT | os.O_EXCL, 0o666, 0)
if not sem:
    raise OSError(ctypes.get_errno(), "sem_open")
open(sys.argv[2] + "/made", "w").close()
while not os.path.exists(sys.argv[2] + "/opened"):
    time.sleep(0.01)
c.sem_unlink(b"/hangdog-chosen")
c.sem_wait(ctypes.c_void_p(sem))
"""
OPENER = """
import ctypes, os, sys, time
c = ctypes.CDLL(None)
c.sem_open.restype = ctypes.c_void_p
while not os.path.exists(sys.argv[1] + "/made"):
    time.sleep(0.01)
sem = ctypes.c_void_p(c.sem_open(b"/hangdog-chosen", 0))
open(sys.argv[1] + "/opened", "w").close()
os.chmod(sys.argv[1] + "/opened", 0o644)
time.sleep(1.5)
c.sem_post(sem)
time.sleep(30)
"""


class Plain:
    """A folder that the plain user owns, with hangdog and the programs in it."""

    def __enter__(self):
        if not os.access(PYTHON, os.X_OK):
            raise Skip(f"no {PYTHON}")
        self.temporary = scratch()
        self.folder = self.temporary.name
        self.hangdog = shutil.copy(HANGDOG, self.folder)
        self.library = shutil.copy(os.path.join(ROOT, "tests", "lib", "fixture.py"), self.folder)
        self.prefix = []
        if os.geteuid() == 0:
            os.chown(self.folder, NOBODY, NOBODY)
            self.prefix = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
            if run(*self.prefix, "true").status != 0:
                raise Skip("no setpriv here")
        self.env = dict(os.environ, XDG_RUNTIME_DIR=self.folder + "/state", HOME=self.folder, XDG_STATE_HOME=self.folder + "/state", PYTHONPATH=self.folder,
                        PYTHONDONTWRITEBYTECODE="1", TMPDIR=self.folder)
        self.report = os.path.join(self.folder, "report.json")
        return self

    def __exit__(self, *_):
        self.temporary.cleanup()

    def run(self, *args):
        return run(*self.prefix, *args, env=self.env, timeout=60)

    def guarded(self, *command):
        return self.run(self.hangdog, "run", "--interval", "10", "--on-hang", "kill", "--term-timeout", "1", "--stall", "0",
                        "--report", self.report, "--", *command)


@case
def a_lock_whose_holder_was_killed_is_proven():
    with Plain() as plain:
        program = shutil.copy(os.path.join(ROOT, "tests", "hung", "python_killed_lock_holder.py"), plain.folder)
        r = plain.guarded(PYTHON, program)
        check(r.status == 124, r)
        report = json.load(open(plain.report))
        check(report["verdict"] == "deadlock" and report["certainty"] == "proven" and report["cause"] == "dead-holder", report["summary"])


@case
def a_semaphore_that_several_may_have_is_proven_too():
    with Plain() as plain:
        r = plain.guarded(PYTHON, "-c", SEMAPHORE, plain.folder)
        check(r.status == 124, r)
        report = json.load(open(plain.report))
        check(report["verdict"] == "deadlock" and report["certainty"] == "proven", report["summary"])


@case
def a_lock_whose_name_is_left_may_be_opened_by_anybody():
    with Plain() as plain:
        poster = ["setsid", "-f", PYTHON, "-c", POSTER, plain.folder]
        check(plain.run("sh", "-c", 'exec "$@" </dev/null >/dev/null 2>&1', "sh", *poster).status == 0, "the poster is started")
        r = plain.guarded(PYTHON, "-c", NAMED, plain.folder, plain.folder)
        check(r.status == 0 and not os.path.exists(plain.report) and r.err == "", r)


@case
def a_name_that_was_chosen_may_have_been_opened_by_somebody_who_is_not_seen():
    if os.geteuid() != 0:
        raise Skip("needs a process of another user")
    with Plain() as plain:
        opener = subprocess.Popen([PYTHON, "-c", OPENER, plain.folder])
        try:
            r = plain.guarded(PYTHON, "-c", CHOSEN, plain.folder, plain.folder)
            check(r.status == 0 and not os.path.exists(plain.report) and r.err == "", r)
        finally:
            opener.kill()
            opener.wait()


need("run")
main(CASES)
