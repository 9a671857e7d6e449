#!/usr/bin/env python3
"""The table of waits: every row has hung programs and healthy look-alikes, every program exists and says of itself what its
column says, and docs/soundness.md shows the table as it is.  `rows.py --write` brings the document up to date."""
import glob
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import ROOT, check, main

TABLE, DOCUMENT = os.path.join(ROOT, "tests", "wait_rows.txt"), os.path.join(ROOT, "docs", "soundness.md")
BEGIN, END = "<!-- table of tests/wait_rows.txt -->\n", "<!-- end of the table -->\n"


def rows():
    found = []
    for line in open(TABLE):
        if line.strip() and not line.startswith("#"):
            name, hung, healthy, why = (part.strip() for part in line.split("|"))
            found.append((name, hung.split(), healthy.split(), why))
    return found


def verdict_of(path):
    return re.search(r"EXPECT: verdict=(\w+)", open(path).read(2000)).group(1)


def every_row_has_programs_of_both_kinds():
    for name, hung, healthy, why in rows():
        check(hung or why, f"'{name}' has no hung program and gives no reason")
        check(healthy, f"'{name}' has no healthy look-alike")
        for folder, programs in ("hung", hung), ("healthy", healthy):
            for program in programs:
                path = os.path.join(ROOT, "tests", folder, program)
                check(os.path.exists(path), f"'{name}': there is no {folder}/{program}")
                check((verdict_of(path) == "none") == (folder == "healthy"), f"{folder}/{program} expects {verdict_of(path)}")


def there_are_eighty_of_each():
    for folder in "hung", "healthy":
        programs = [p for p in glob.glob(os.path.join(ROOT, "tests", folder, "*.*")) if "EXPECT:" in open(p).read(2000)]
        check(len(programs) >= 80, f"{folder}: {len(programs)}")


def markdown():
    text = "| wait | hung programs | healthy look-alikes |\n|---|---|---|\n"
    for name, hung, healthy, why in rows():
        short = [", ".join(f"`{os.path.splitext(p)[0]}`" for p in column) for column in (hung, healthy)]
        text += f"| {name} | {short[0] or 'never proven: ' + why} | {short[1]} |\n"
    return text


def document():
    before, rest = open(DOCUMENT).read().split(BEGIN)
    return before, rest.split(END)


def the_document_shows_the_table():
    _, (shown, _) = document()
    check(shown == markdown(), "docs/soundness.md is behind tests/wait_rows.txt: tests/e2e/rows.py --write")


if sys.argv[1:] == ["--write"]:
    head, (_, tail) = document()
    open(DOCUMENT, "w").write(head + BEGIN + markdown() + END + tail)
    sys.exit(0)
main([(f.__name__, f) for f in (every_row_has_programs_of_both_kinds, there_are_eighty_of_each, the_document_shows_the_table)])
