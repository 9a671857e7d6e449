#!/usr/bin/env python3
"""Whole suites of other people's programs, bare and under `hangdog run --interval 10 --on-hang kill`: the same results,
and no verdict at all.  A verdict on a healthy suite is the worst bug that hangdog can have; its incident is kept.

    tests/realworld/run.py [--mode launch|observe|attach] [--keep DIR] [--table FILE] [SUITE...]
    tests/realworld/run.py --list
    tests/realworld/run.py --markdown FILE...      the rows of such tables as docs/soundness.md has them

Without SUITE: all that this machine has.  Not part of `make check`: it takes hours, and needs what it tests to be
installed; sources that must be built for their suites (bash, git, coreutils, PostgreSQL) are brought by
tests/realworld/fetch.sh.  What is missing is skipped."""
import argparse
import json
import os
import shutil
import signal
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from guard import MODES, Run
from suites import SUITES, Missing


def differences(bare, guarded):
    return {str(name): [bare.get(name), guarded.get(name)] for name in sorted(set(bare) | set(guarded), key=str)
            if bare.get(name) != guarded.get(name)}


def one(name, folder, mode):
    run = Run(os.path.join(folder, mode), mode)
    return SUITES[name].run(run), run


def unsteady(name, folder, bare, guarded):
    """What differs, less what differs bare too: tests that fail now and then on a busy machine.  Two more bare runs and
    one more guarded one tell."""
    left, shaky = differences(bare, guarded), {}
    for n in range(3):
        if not left:
            break
        again, _ = one(name, os.path.join(folder, f"again{n}"), "bare")
        for test in [t for t in left if again.get(t) != bare.get(t)]:
            shaky[test] = left.pop(test)
    return left, shaky


def row_of(name, keep, mode):
    folder = os.path.join(keep, f"{name}-{mode}")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    os.chmod(folder, 0o755)
    bare, bare_run = one(name, folder, "bare")
    if len(bare) <= 1 and bare.get("status") != 0:
        raise Missing(f"it fails without hangdog too: {bare_run.log.name}")
    guarded, run = one(name, folder, mode)
    incidents, said = run.verdicts()
    left, shaky = unsteady(name, folder, bare, guarded)
    return {"suite": name, "version": SUITES[name].version(), "mode": mode, "tests": max(len(bare) - 1, 1),
            "bare_s": round(bare_run.seconds), "seconds": round(run.seconds), **run.watch.figures(), "verdicts": incidents,
            "said": said[:20], "differences": left, "unsteady": shaky}


def is_good(row):
    return row["verdicts"] == 0 and not row["said"] and not row["differences"]


COLUMNS = ("suite", "version", "mode", "tests", "forks", "processes", "threads", "looks", "gathers", "bare_s", "seconds", "cpu_s", "verdicts")


def markdown(paths):
    """The newest row of every suite and mode."""
    rows = {}
    for path in paths:
        for line in open(path):
            row = json.loads(line)
            rows[row["suite"], row["mode"]] = row
    print("| " + " | ".join(COLUMNS) + " | same result |\n|" + "---|" * 3 + "--:|" * (len(COLUMNS) - 3) + "---|")
    for row in rows.values():
        same = "NO" if not is_good(row) else "yes" if not row["unsteady"] else f"yes ({len(row['unsteady'])} unsteady bare)"
        cells = [row.get(c, "") for c in COLUMNS]
        print("| " + " | ".join(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in cells) + f" | {same} |")
    total = {c: sum(row[c] for row in rows.values()) for c in ("tests", "forks", "looks", "gathers", "verdicts")}
    print(f"\n{len(rows)} runs: " + ", ".join(f"{value:,} {name}" for name, value in total.items()))


def options_of():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mode", default="launch", choices=MODES[1:])
    parser.add_argument("--keep", default=None, help="where logs and incidents stay")
    parser.add_argument("--table", default=None, help="append one JSON line a suite")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--markdown", nargs="+", default=None)
    parser.add_argument("suites", nargs="*")
    return parser.parse_args()


def run_all(options, keep):
    passed = failed = skipped = 0
    for name in options.suites or SUITES:
        try:
            row = row_of(name, keep, options.mode)
        except Missing as e:
            print(f"skipped {name}: {e}", flush=True)
            skipped += 1
            continue
        good = is_good(row)
        passed, failed = passed + good, failed + (not good)
        print(("ok " if good else "FAILED ") + json.dumps(row), flush=True)
        if options.table:
            with open(options.table, "a") as out:
                out.write(json.dumps(row) + "\n")
    print(f"{passed} passed, {failed} failed, {skipped} skipped; logs and incidents: {keep}")
    return 1 if failed else 0


def main():
    # Started in the background these are ignored, and suites that send them to themselves would never end.
    for number in signal.SIGINT, signal.SIGQUIT, signal.SIGHUP:
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    options = options_of()
    if options.list:
        print("\n".join(SUITES))
    elif options.markdown:
        markdown(options.markdown)
    else:
        keep = options.keep or tempfile.mkdtemp(prefix="hangdog-realworld-")
        os.makedirs(keep, exist_ok=True)
        os.chmod(keep, 0o755)
        sys.exit(run_all(options, keep))


main()
