#!/usr/bin/env python3
"""What holds for whoever is not root: here as user 65534, if the tests run as root, else as they run."""
import json
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import HANGDOG, ROOT, Cases, Skip, check, main, need, run, scratch

CASES = case = Cases()
NOBODY = 65534
PYTHON = "/usr/bin/python3"  # the one that runs the tests may lie in a home that is not open to others
BEGIN = "import sys; sys.path.insert(0, sys.argv[1]); import fixture; fixture.begin()\n"

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
def a_lock_whose_name_is_left_may_be_opened_by_anybody():
    with Plain() as plain:
        poster = ["setsid", "-f", PYTHON, "-c", POSTER, plain.folder]
        check(plain.run("sh", "-c", 'exec "$@" </dev/null >/dev/null 2>&1', "sh", *poster).status == 0, "the poster is started")
        r = plain.guarded(PYTHON, "-c", NAMED, plain.folder, plain.folder)
        check(r.status == 0 and not os.path.exists(plain.report) and r.err == "", r)


need("run")
main(CASES)
