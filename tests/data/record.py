#!/usr/bin/env python3
"""Records the snapshot of every hung program that has none yet (or of those named), with what it must lead to:
tests/data/snapshots/NAME.hds and NAME.expect.  Says what could not be recorded, and why.

    tests/data/record.py [--check] [NAME...]        NAME: python_lock, w_select, ...

With --check nothing is run: it fails if a program of tests/hung has no recorded snapshot.  A snapshot is recorded only if
replaying it gives the very report that was given live, but for its id, what was done, and what it cost."""
import glob
import json
import os
import socket
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
sys.argv, ARGS = sys.argv[:1], sys.argv[1:]
from hung import BUILT, COMPILERS, SCRIPTS, TESTS, Case, Program, check_report
from harness import HANGDOG, Skip, check, hangdog, scratch

SNAPSHOTS = os.path.join(HERE, "snapshots")
LARGEST = 100_000


def name_of(path):
    return os.path.splitext(os.path.basename(path))[0]


def programs():
    paths = sorted(p for p in glob.glob(os.path.join(TESTS, "hung", "*.*")) if os.path.splitext(p)[1] in {**COMPILERS, **SCRIPTS})
    return [p for p in paths if not ARGS or name_of(p) in ARGS]


def has_snapshot(path):
    return os.path.exists(os.path.join(SNAPSHOTS, name_of(path) + ".hds"))


def hidden(text, folder):
    """Where it was recorded is nobody's business, and differs from machine to machine."""
    for old, new in ((os.path.join(BUILT, "hung"), "/home/ann"), (os.path.join(TESTS, "hung"), "/home/ann"), (folder, "/tmp/case"),
                     (os.path.realpath(os.path.join(os.path.dirname(os.path.realpath(sys.executable)), "..")), "/opt/python"),
                     (os.path.dirname(TESTS), "/home/ann/hangdog"), (os.path.expanduser("~"), "/home/ann"),
                     (f"host={socket.gethostname()}", "host=gpu7")):
        text = text.replace(old, new)
    return text


def live(program, log):
    """Hangs it under hangdog; its incident's snapshot and report, and the folder that it ran in."""
    with Case(program, log) as case:
        folder = case.folder.name
        incidents = os.path.join(folder, "incidents")
        p = case.start([HANGDOG, "run", "--interval", "20", "--on-hang", "kill", "--term-timeout", "1", "--stall", program.stall or "0",
                        *(["--certainty", "suspected"] if program.stall else []), "--incident-dir", incidents, "--"] + program.command())
        case.start_outside()
        try:
            status = p.wait(60)
        except subprocess.TimeoutExpired:
            raise AssertionError("no verdict in 60 s") from None
        if status == 77:
            raise Skip("the race that hangs it did not come up")
        found = glob.glob(os.path.join(incidents, "*"))
        check(len(found) == 1, f"{len(found)} incidents, status {status}")
        with open(os.path.join(found[0], "snapshot.hds")) as snapshot, open(os.path.join(found[0], "report.json")) as report:
            return snapshot.read(), json.load(report), folder


def record(path):
    program = Program(path)
    if "launched" not in program.modes:
        raise Skip("it is found only by attaching")
    os.makedirs(os.path.join(BUILT, "hung"), exist_ok=True)
    program.make()
    program.check_needs()
    with scratch() as d:
        with open(os.path.join(d, "log"), "wb") as log:
            text, report, folder = live(program, log)
        check_report(program.expect, report)
        replayed = json.loads(hangdog("replay", "--json", "-", stdin=text).out)
        apart = [key for key in report if key not in ("id", "action", "cost") and report[key] != replayed.get(key)]
        check(not apart, f"replay differs from the report given live: {apart}")
    text = hidden(text, folder)
    check(len(text) <= LARGEST, f"{len(text)} bytes are too many")
    line = " ".join(f"{key}={report[key] or 'none'}" for key in ("verdict", "scope", "certainty", "cause"))
    rules = [advice["rule"] for advice in report["advice"]] or ["none"]
    for ending, content in (".hds", text), (".expect", f"{line} advice={rules[0]}\n"):
        with open(os.path.join(SNAPSHOTS, name_of(path) + ending), "w") as f:
            f.write(content)


def main():
    if "--check" in ARGS:
        ARGS.remove("--check")
        missing = [name_of(p) for p in programs() if not has_snapshot(p)]
        sys.exit(f"no recorded snapshot: {' '.join(missing)}: tests/data/record.py" if missing else 0)
    failed = 0
    for path in programs():
        if has_snapshot(path) and name_of(path) not in ARGS:
            continue
        try:
            record(path)
            print(f"recorded {name_of(path)}", flush=True)
        except (Skip, AssertionError) as e:
            failed += 1
            print(f"not recorded: {name_of(path)}: {e}", flush=True)
    sys.exit(1 if failed else 0)


main()
