#!/usr/bin/env python3
"""Every rule of advice has a recorded stack that finds it, and every known public case has a rule, or is honestly unknown."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import ROOT, check, main

CASES = 90


def text(*path):
    return open(os.path.join(ROOT, *path)).read()


RULES = set(re.findall(r'RULE\(\.id = "([a-z0-9-]+)"', text("src", "core", "advise.def")))
TESTED = set(re.findall(r'"([a-z0-9-]+)"', text("tests", "unit", "test_advise.c")))


def corpus():
    for line in text("tests", "data", "corpus.txt").splitlines():
        if line and not line.startswith("#"):
            yield [part.strip() for part in line.split("|")]


def every_rule_has_a_stack():
    check(RULES <= TESTED, f"no stack finds {sorted(RULES - TESTED)}")


def every_case_has_a_rule_or_is_unknown_for_a_reason():
    rows = list(corpus())
    check([row[0] for row in rows] == [f"C{i:02}" for i in range(1, CASES + 1)], [row[0] for row in rows])
    for case, thread, rule, why in rows:
        check("#" in thread, f"{case}: no thread")
        check(rule in RULES or (rule == "unknown" and why), f"{case}: there is no rule {rule}")


def few_are_unknown():
    unknown = [row[0] for row in corpus() if row[2] == "unknown"]
    check(len(unknown) <= 13, unknown)


main([(f.__name__, f) for f in (every_rule_has_a_stack, every_case_has_a_rule_or_is_unknown_for_a_reason, few_are_unknown)])
