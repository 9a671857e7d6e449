#!/usr/bin/env python3
"""replay and incidents as a user meets them: recorded snapshots, damaged files, incidents listed, shown and removed."""
import glob
import json
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import ROOT, Cases, check, hangdog, main, need, run, scratch

CASES = case = Cases()
DATA = os.path.join(ROOT, "tests", "data", "snapshots")
HANG = os.path.join(DATA, "python_lock_refill.hds")
HEALTHY = os.path.join(DATA, "healthy.hds")


def fails(args, *words):
    r = hangdog(*args)
    check(r.status == 125 and r.out == "", r)
    check(r.err.startswith("hangdog: ") and r.err.count("\n") == 1, r)
    for word in words:
        check(word in r.err, f"'{word}' is missing in the message\n{r}")


def record(folder, id, text="the report\n"):
    os.makedirs(os.path.join(folder, id))
    for name, content in ("report.txt", text), ("report.json", hangdog("replay", HANG, "--json").out), ("snapshot.hds", open(HANG).read()):
        with open(os.path.join(folder, id, name), "w") as f:
            f.write(content)


@case
def a_recorded_hang_is_told_again():
    r = hangdog("replay", HANG)
    check(r.status == 1 and r.err == "", r)
    for words in ("DEADLOCK (proven): python3 /home/ann/hang.py", "cache_lock (in hang.py)", "held the lock, and stood here:", "hang.py:6",
                  "hangdog run --cure mp-start=spawn"):
        check(words in r.out, f"'{words}' is missing\n{r}")
    check(max(map(len, r.out.splitlines())) <= 80 and r.out.count("\n") < 60, r)


@case
def nothing_wrong_is_status_0():
    r = hangdog("replay", HEALTHY)
    check(r.status == 0 and r.out.startswith("Nothing is wrong: bash -c 'make -j2'\n"), r)


@case
def replay_prints_json_and_takes_a_folder_or_stdin():
    with scratch() as d:
        shutil.copy(HANG, os.path.join(d, "snapshot.hds"))
        a = hangdog("replay", "--json", HANG)
        b = hangdog("replay", "--json", d)
        c = hangdog("replay", "--json", "-", stdin=open(HANG).read())
        check(a.status == b.status == c.status == 1 and a.out == b.out == c.out, b)
        report = json.loads(a.out)
        check(report["schema"] == "hangdog.report/1" and report["cause"] == "inherited-lock" and report["certainty"] == "proven", a)


@case
def every_recorded_snapshot_replays():
    paths = glob.glob(os.path.join(DATA, "*.hds"))
    check(len(paths) > 100, f"only {len(paths)} snapshots in {DATA}")
    for path in paths:
        expect = dict(p.split("=") for p in open(path[:-4] + ".expect").read().split())
        r = hangdog("replay", "--json", path)
        check(hangdog("replay", "--json", path).out == r.out, f"{path}: replayed again, other bytes")
        report = json.loads(r.out)
        check(r.status == (0 if expect["verdict"] == "none" else 1), r)
        for key in "verdict", "scope", "certainty", "cause":
            check((report[key] or "none") == expect[key], f"{path}: {key}\n{r}")


@case
def every_hung_program_has_a_recorded_snapshot():
    r = run(sys.executable, os.path.join(ROOT, "tests", "data", "record.py"), "--check")
    check(r.status == 0, r)


@case
def damaged_and_newer_snapshots_are_refused_by_line():
    with scratch() as d:
        path = os.path.join(d, "x.hds")
        text = open(HANG).read()

        def refused(content, *words):
            with open(path, "w") as f:
                f.write(content)
            fails(["replay", path], path, *words)

        refused("", "empty")
        refused("hello\n", "line 1", "no hangdog snapshot")
        refused(text.replace("snapshot/1", "snapshot/2", 1), "hangdog.snapshot/2", "reads /1", "update hangdog")
        refused(text[: len(text) // 2], "line ")
        refused(text.replace("state=S", "state=?!", 1), "line ", "state")
        fails(["replay", os.path.join(d, "none.hds")], "No such file")
        fails(["replay", d], "cannot be read")
        fails(["replay"], "replay")


@case
def incidents_are_listed_shown_and_removed():
    with scratch() as d:
        at = ["--incident-dir", d]
        r = hangdog("incidents", *at)
        check(r.status == 0 and r.out == f"No incidents in {d}.\n", r)
        record(d, "20261124T085912.123Z-7-1")
        record(d, "20271124T085912.123Z-8-1", "the newer one\n")
        os.mkdir(os.path.join(d, "photos"))
        r = hangdog("incidents", "list", *at)
        lines = r.out.splitlines()
        check(r.status == 0 and len(lines) == 3 and lines[1].startswith("20271124") and "inherited-lock" in lines[1], r)
        rows = json.loads(hangdog("incidents", "--json", *at).out)
        check([row["id"] for row in rows] == ["20271124T085912.123Z-8-1", "20261124T085912.123Z-7-1"] and rows[0]["root"] > 0, rows)
        check(hangdog("incidents", "show", "last", *at).out == "the newer one\n", "last")
        check(json.loads(hangdog("incidents", "show", "2026", "--json", *at).out)["verdict"] == "deadlock", "show --json")
        fails(["incidents", "show", "20", *at], "2 incidents")
        fails(["incidents", "show", *at], "ID")
        fails(["incidents", "rm", *at], "--keep")
        fails(["incidents", "rm", "2026", "1999", *at], "1999", "no such incident")
        check(len(os.listdir(d)) == 3, "nothing is removed when one of them is wrong")
        check(hangdog("incidents", "rm", "2026", *at).status == 0, "rm")
        check(sorted(os.listdir(d)) == ["20271124T085912.123Z-8-1", "photos"], os.listdir(d))
        fails(["incidents", "burn", *at], "burn")


@case
def keep_removes_all_but_the_newest():
    with scratch() as d:
        for i in range(1, 5):
            record(d, f"2026112{i}T085912.123Z-7-1")
        r = hangdog("incidents", "rm", "--keep", "1", "--incident-dir", d)
        check(r.status == 0 and r.out == "3 removed\n", r)
        check(os.listdir(d) == ["20261124T085912.123Z-7-1"], os.listdir(d))


@case
def a_damaged_incident_is_listed_as_that():
    with scratch() as d:
        record(d, "20261124T085912.123Z-7-1")
        with open(os.path.join(d, "20261124T085912.123Z-7-1", "report.json"), "w") as f:
            f.write("{")
        r = hangdog("incidents", "--incident-dir", d)
        check(r.status == 0 and "cannot be read" in r.out, r)


need("replay", "incidents")
main(CASES)
