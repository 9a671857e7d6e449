#!/usr/bin/env python3
"""make bench: what guarding costs, as ratios to the bare program and to strace that does nothing."""
import json
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from bench import HANGDOG, Target, build, interleaved, publish, ratio, si, table, tool

ROUNDS = int(os.environ.get("HD_BENCH_ROUNDS", "5"))
LOOPS = build("tests/bench/loops.c")
STATE = tempfile.mkdtemp(prefix="hangdog-bench-")
ENV = dict(os.environ, XDG_STATE_HOME=STATE)
WRAPS = {"bare": [], "hangdog": [HANGDOG, "run", "--quiet", "--"]}
if tool("strace"):
    WRAPS["strace"] = ["strace", "-f", "--seccomp-bpf", "-e", "trace=none", "-o", "/dev/null"]
OPERATIONS = [("fork", 400, "fork + exit + wait"), ("spawn", 200, "posix_spawn"), ("exec", 200, "exec"),
              ("thread", 1000, "pthread_create + join"), ("signal", 5000, "signal to itself"), ("getpid", 200000, "getpid")]


def loop(wrap, mode, n):
    p = subprocess.run([*wrap, LOOPS, mode, str(n)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=ENV, timeout=120)
    return float(p.stdout) / 1e9 if p.returncode == 0 else None


def slowdown():
    rows = []
    for mode, n, words in OPERATIONS:
        got = interleaved({w: lambda wrap=wrap: loop(wrap, mode, n) for w, wrap in WRAPS.items()}, ROUNDS)
        strace = got.get("strace")
        rows.append([words, si(got["bare"]), si(got["hangdog"]), si(strace), ratio(got["hangdog"], got["bare"]),
                     ratio(strace, got["bare"])])
    publish("slow-down", "make bench", table(
        ["operation", "bare", "hangdog run", "strace, nothing traced", "hangdog : bare", "strace : bare"], rows))


def cpu_s(pid):
    with open(f"/proc/{pid}/schedstat") as f:
        return int(f.read().split()[0]) / 1e9


def looks():
    """CPU time of hangdog for a second of looks at idle threads."""
    rows = []
    for n in (100, 1000):
        with Target(LOOPS, "idle", str(n)) as target:
            p = subprocess.Popen([HANGDOG, "attach", "--quiet", "--interval", "100", str(target.pid)], env=ENV,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(2)
            began, cpu = time.perf_counter(), cpu_s(p.pid)
            time.sleep(5)
            used, wall = cpu_s(p.pid) - cpu, time.perf_counter() - began
            p.terminate()
            p.wait()
        rows.append([f"{n:,} idle threads", f"{used / wall * 100:.2f} % of one CPU", si(used / wall / 10), si(used / wall / 10 / n)])
    publish("looks", "make bench", table(["tree", "CPU, at 10 looks a second", "one look", "per thread"], rows))


def verdict_once(stops):
    """From the moment before it blocks to the report on disk."""
    with tempfile.TemporaryDirectory(prefix="hangdog-bench-") as d:
        stamp, report = os.path.join(d, "stamp"), os.path.join(d, "report.json")
        subprocess.run([HANGDOG, "run", "--quiet", "--interval", "100", "--on-hang", "kill", "--term-timeout", "0", "--report", report,
                        "--", LOOPS, "hang", stamp], env=ENV, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
        if not os.path.exists(report):
            return None
        with open(report) as f:
            stops.append(json.load(f)["cost"]["longest_stop_us"])
        with open(stamp) as f:
            return os.stat(report).st_mtime - int(f.read()) / 1e9


def verdict():
    stops = []
    got = sorted(v for v in (verdict_once(stops) for _ in range(ROUNDS * 4)) if v is not None)
    if not got:
        return
    publish("verdict", "make bench", table(["from blocked to the report on disk, --interval 100", "time"], [
        ["shortest", si(got[0])], ["median", si(got[len(got) // 2])], ["longest", si(got[-1])],
        ["longest stop of a thread by hangdog, to the verdict", si(max(s or 0 for s in stops) / 1e6)]]))


slowdown()
looks()
verdict()
subprocess.run(["rm", "-rf", STATE])
