#!/usr/bin/env python3
"""make bench-stacks: whole-process time of `hangdog dump` beside eu-stack, gdb, py-spy and pystack, and how long they stop."""
import json
import os
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from bench import HANGDOG, O, ROOT, Target, build, interleaved, publish, ratio, seconds, si, spent, table, tool

ROUNDS = int(os.environ.get("HD_BENCH_ROUNDS", "5"))
PYTHON = os.environ.get("HD_BENCH_PYTHON", sys.executable)
STATIC = os.path.join(O, "static", "hangdog")  # what the packages carry; compared too if it was built
DEEP = build("tests/bench/deep.c", "-fno-optimize-sibling-calls")
DEEP_PY = os.path.join(ROOT, "tests", "bench", "deep.py")


def dumpers(python):
    """{name: arguments after which the pid comes}."""
    all_ = {"hangdog dump": [HANGDOG, "dump", "--no-tree"], "hangdog dump --native": [HANGDOG, "dump", "--native", "--no-tree"]}
    if os.path.exists(STATIC) and not python:
        all_["the static hangdog"] = [STATIC, "dump", "--native", "--no-tree"]
    if tool("eu-stack") and not python:
        all_["eu-stack"] = [tool("eu-stack"), "-p"]
    if tool("gdb") and not python:
        all_["gdb"] = [tool("gdb"), "-q", "-batch", "-ex", "set debuginfod enabled off", "-ex", "thread apply all bt", "-p"]
    if tool("py-spy") and python:
        all_["py-spy dump --native"] = [tool("py-spy"), "dump", "--native", "--pid"]
    if tool("pystack") and python:
        all_["pystack remote --native-all"] = [tool("pystack"), "remote", "--native-all"]
    return all_


def compare(what, python, command, rounds=ROUNDS):
    with Target(*command) as target:
        title = what + (f", {target.said.split()[1]} loaded" if python else "")
        both = interleaved({name: lambda args=args: spent([*args, str(target.pid)]) for name, args in dumpers(python).items()}, rounds,
                           pick=list)
    got = {name: statistics.median(wall for wall, _ in values) for name, values in both.items() if values}
    least = {name: min(wall for wall, _ in values) for name, values in both.items() if values}
    cpu = {name: statistics.median(used for _, used in values) for name, values in both.items() if values}
    with Target(*command, "beat") as target:
        gaps = {}
        for name, args in {"nobody": ["true"], **dumpers(python)}.items():
            worst = []
            for _ in range(min(3, rounds)):
                target.gap_us()
                seconds([*args, str(target.pid)])
                worst.append(target.gap_us() / 1e6)
            gaps[name] = sorted(worst)[len(worst) // 2]
    ours = "hangdog dump --native" if not python else "hangdog dump"
    rows = [[title, name, si(least[name]), si(got[name]), ratio(got[name], got[ours]), si(cpu[name]), ratio(cpu[name], cpu[ours]),
             si(gaps[name])] for name in got]
    return rows + [[title, "(nobody looks)", "–", "–", "–", "–", "–", si(gaps["nobody"])]]


def scaling():
    """What a thread costs, and how long one is stopped: those that run, and with --consistent all at once."""
    rows = []
    for n in (100, 500, 2000):
        with Target(DEEP, str(n), "24") as target:
            args = [HANGDOG, "dump", "--native", "--no-tree", str(target.pid)]
            used = interleaved({"dump": lambda args=args: (spent(args) or (None, None))[1]}, ROUNDS * 2, pick=min)["dump"]
        with Target(DEEP, str(n), "24", "beat") as target:
            def stop_s(*options, pid=target.pid):
                r = subprocess.run([HANGDOG, "dump", "--json", "--no-tree", *options, str(pid)], stdout=subprocess.PIPE, check=True)
                return json.loads(r.stdout)["cost"]["longest_stop_us"] / 1e6
            stops = interleaved({"rolling": stop_s, "all": lambda: stop_s("--consistent")}, ROUNDS)
        rows.append([f"{n:,} threads × 27 frames", si(used), si(used / n), si(stops["rolling"]), si(stops["all"])])
    publish("scaling", "make bench-stacks", table(["process", "CPU time, least", "per thread", "longest stop of a thread",
                                                  "longest stop, --consistent"], rows))


def fork_cost():
    rows = []
    wraps = {"bare": [], **{f"hangdog, {level}": [HANGDOG, "run", "--quiet", "--fork-evidence", level, "--"] for level in ("off", "light", "full")}}
    for n in (0, 50):
        def once(wrap, n=n):
            p = subprocess.run([*wrap, PYTHON, DEEP_PY, str(n), "fork", "100"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120)
            return float(p.stdout) / 1e6 if p.returncode == 0 else None
        got = interleaved({w: lambda wrap=wrap: once(wrap) for w, wrap in wraps.items()}, ROUNDS * 2, pick=min)
        rows.append([f"{n} more Python threads × 10 frames", *(si(got[w]) for w in wraps),
                     *(si(got[f"hangdog, {level}"] - got["hangdog, off"]) for level in ("light", "full"))])
    publish("evidence", "make bench-stacks", table(["one fork + exit + wait of", *wraps, "evidence, light", "evidence, full"], rows))


def stacks():
    rows = compare("100 threads × 27 frames", False, [DEEP, "100", "24"])
    rows += compare("2,000 threads × 27 frames", False, [DEEP, "2000", "24"], rounds=2)
    rows += compare("50 Python threads × 10 frames", True, [PYTHON, DEEP_PY, "50"])
    publish("stacks", "make bench-stacks", table(["process", "tool", "whole run, least", "median", ": hangdog", "CPU time", ": hangdog",
                                                 "largest gap of a running thread"], rows))


for part in (stacks, scaling, fork_cost):
    if sys.argv[1:] in ([], [part.__name__]):
        part()
