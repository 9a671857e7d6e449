#!/usr/bin/env python3
"""The second copy that hangs on a lock without an owner: its word was read at its birth, so that it was held then is known."""
import glob
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import HANGDOG, O, ROOT, check, main, need, run, scratch


def built():
    binary = os.path.join(O, "tests", "births")
    source = os.path.join(ROOT, "tests", "fixtures", "births.c")
    if not os.path.exists(binary) or os.path.getmtime(binary) < os.path.getmtime(source):
        r = run("cc", "-std=gnu17", "-D_GNU_SOURCE", "-O1", "-g", "-pthread", "-o", binary + ".new", source)
        check(r.status == 0, r)
        os.rename(binary + ".new", binary)
    return binary


def second_report(kind):
    need("run")
    with scratch() as d:
        r = run(HANGDOG, "run", "--interval", "20", "--stall", "0", "--", built(), kind, timeout=60,
                env=dict(os.environ, XDG_STATE_HOME=d, XDG_RUNTIME_DIR=d))
        check(r.status == 0, r)
        folders = sorted(glob.glob(os.path.join(d, "hangdog", "*")))
        check(len(folders) == 2, folders)
        reports = [json.load(open(os.path.join(f, "report.json"))) for f in folders]
        snapshot = open(os.path.join(folders[1], "snapshot.hds")).read()
        return reports, re.findall(r"held_at_fork=(\w+)", snapshot)


def a_semaphore_is_known_to_be_held_at_the_second_birth():
    reports, held = second_report("semaphore")
    check(reports[0]["cause"] == "missing-thread", reports[0]["summary"])
    check(reports[1]["cause"] == "inherited-lock", reports[1]["summary"])
    check("yes" in held, held)


def a_bare_word_too():
    reports, held = second_report("word")
    check(reports[0]["cause"] == "missing-thread", reports[0]["summary"])
    check(reports[1]["cause"] == "inherited-lock", reports[1]["summary"])
    check("yes" in held, held)


built()  # before the cases run side by side
main([(f.__name__, f) for f in (a_semaphore_is_known_to_be_held_at_the_second_birth, a_bare_word_too)])
