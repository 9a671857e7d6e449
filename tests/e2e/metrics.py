#!/usr/bin/env python3
"""--metrics FILE: is it OpenMetrics, does it tell the truth, and can a reader never see half of it."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import HANGDOG, Cases, Skip, check, hangdog, main, need, scratch, wait_until

CASES = case = Cases()
HANG = "import threading; l = threading.Lock(); l.acquire(); l.acquire()"
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABELS = r'\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*)\}'


def parse(text):
    """{(name, frozenset(labels))): value}, after the rules of OpenMetrics: families in one piece, TYPE first, counters end in
    _total, no empty line, # EOF last and once."""
    check(text.endswith("# EOF\n") and text.count("# EOF") == 1, text)
    samples, families, family, kind = {}, set(), None, None
    for line in text.splitlines()[:-1]:
        meta = re.fullmatch(rf"# (TYPE|HELP|UNIT) ({NAME}) (.+)", line)
        if meta and meta[1] == "TYPE":
            family, kind = meta[2], meta[3]
            check(family not in families, f"{family} is there twice")
            check(kind in ("gauge", "counter"), line)
            families.add(family)
        elif meta:
            check(meta[2] == family, line)
        else:
            m = re.fullmatch(rf"({NAME}){LABELS} (-?[0-9.]+)", line)
            check(m is not None, f"no sample: {line!r}")
            check(m[1] == (family + "_total" if kind == "counter" else family), line)
            labels = frozenset(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', m[2]))
            check((m[1], labels) not in samples, f"twice: {line}")
            samples[m[1], labels] = float(m[3])
    return samples


def of(samples, name, **labels):
    return sum(v for (n, have), v in samples.items() if n == "hangdog_" + name and set(labels.items()) <= have)


def read(path):
    with open(path) as f:
        return f.read()


@case
def a_hang_is_counted_by_its_cause():
    with scratch() as d:
        path = os.path.join(d, "m.prom")
        r = hangdog("run", "--metrics", path, "--incident-dir", d, "--on-hang", "restart,kill", "--max-restarts", "1", "--restart-delay",
                    "0", "--", sys.executable, "-c", HANG)
        check(r.status == 124, r)
        samples = parse(read(path))
        check(of(samples, "hangs_total") == 2 and of(samples, "restarts_total") == 1, read(path))
        check(of(samples, "hangs_total", cause="lock-cycle") == 0 and len({n for n, _ in samples}) >= 9, read(path))
        check(of(samples, "guarding") == 0 and of(samples, "looks_total") > 0, read(path))
        check(of(samples, "last_hang_timestamp_seconds") > 1.7e9, read(path))


@case
def while_it_guards_it_tells_what():
    with scratch() as d:
        path = os.path.join(d, "m.prom")
        code = "import threading; [threading.Thread(target=input).start() for i in range(2)]"
        with subprocess.Popen([HANGDOG, "run", "--metrics", path, "--", sys.executable, "-c", code], stdin=subprocess.PIPE) as p:
            wait_until(lambda: os.path.exists(path), "the first writing")
            samples = parse(read(path))
            check(of(samples, "guarding", supervisor=str(p.pid)) == 1 and of(samples, "processes") == 1, read(path))
            p.communicate(b"\n\n")
        check(of(parse(read(path)), "processes") == 0, read(path))


@case
def a_name_cannot_break_it():
    with scratch() as d:
        program, path = os.path.join(d, 'a"b\\c\nd'), os.path.join(d, "m.prom")
        with open(program, "w") as f:
            f.write("#!/bin/sh\nexit 0\n")
        os.chmod(program, 0o755)
        check(hangdog("run", "--metrics", path, "--", program).status == 0, "run")
        check(any('a\\"b\\\\c' in v for _, labels in parse(read(path)) for _, v in labels), read(path))


@case
def others_may_read_it_and_nothing_else_is_left():
    with scratch() as d:
        path = os.path.join(d, "m.prom")
        check(hangdog("run", "--metrics", path, "--", "true").status == 0, "run")
        check(os.listdir(d) == ["m.prom"] and os.stat(path).st_mode & 0o777 == 0o644, os.listdir(d))


@case
def a_reader_never_sees_half_of_it():
    with scratch() as d:
        path = os.path.join(d, "m.prom")
        with subprocess.Popen([HANGDOG, "run", "--interval", "1", "--metrics", path, "--incident-dir", d, "--on-hang", "restart,kill",
                               "--cure", "none", "--restart-delay", "0", "--quiet", "--", sys.executable, "-c", HANG]) as p:
            while p.poll() is None:
                if os.path.exists(path):
                    parse(read(path))
        check(p.returncode == 124, p.returncode)


@case
def a_file_that_cannot_be_written_is_said_once_and_guarding_goes_on():
    with scratch() as d:
        r = hangdog("run", "--metrics", os.path.join(d, "none", "m.prom"), "--", "sh", "-c", "sleep 0.3; exit 5")
        check(r.status == 5 and r.err.count("--metrics: ") == 1 and "none/m.prom" in r.err, r)


@case
def the_parser_of_prometheus_takes_it():
    try:
        from prometheus_client.openmetrics import parser
        from prometheus_client.parser import text_string_to_metric_families as old
    except ImportError:
        raise Skip("prometheus_client is not installed")
    with scratch() as d:
        path = os.path.join(d, "m.prom")
        hangdog("run", "--metrics", path, "--incident-dir", d, "--on-hang", "kill", "--", sys.executable, "-c", HANG)
        families = {f.name: f for f in parser.text_string_to_metric_families(read(path))}
        check(families["hangdog_hangs"].type == "counter" and families["hangdog_processes"].type == "gauge", families)
        check(len(list(old(read(path)))) >= len(families), "the older text format")


need("run")
main(CASES)
