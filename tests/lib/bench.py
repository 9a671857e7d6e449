"""What the benchmarks share: interleaved timing, medians, and the table that is printed and kept in docs/bench.md.
Figures never decide a test: they depend on the machine; only ratios on one machine mean something."""
import os
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import threading
import time

from harness import HANGDOG, O, ROOT

DOC = os.path.join(ROOT, "docs", "bench.md")
# Peers that pip installs may live in a virtual environment: HD_BENCH_PATH names its bin folder.
PATH = os.environ.get("HD_BENCH_PATH", "") + os.pathsep + os.environ["PATH"]


def tool(name):
    return shutil.which(name, path=PATH)


def build(source, *flags):
    """A fixture below $O, built anew when its source is newer."""
    path = os.path.join(O, "tests", "bench", os.path.basename(source)[:-2])
    source = os.path.join(ROOT, source)
    if not os.path.exists(path) or os.path.getmtime(path) < os.path.getmtime(source):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        subprocess.run(["cc", "-O2", "-g", "-D_GNU_SOURCE", "-pthread", *flags, "-o", path, source], check=True)
    return path


class Target:
    """A running fixture that says "ready" and answers each line with its largest gap."""

    def __init__(self, *args):
        self.p = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self.p.pid
        self.said = self.p.stdout.readline().strip()
        if not self.said.startswith("ready"):
            raise RuntimeError(f"{args}: did not get ready")

    def gap_us(self):
        self.p.stdin.write("\n")
        self.p.stdin.flush()
        return int(self.p.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.p.kill()
        self.p.wait()
        self.p.stdin.close()
        self.p.stdout.close()


def seconds(args, timeout=120, **kw):
    """Wall time of a whole process, output thrown away; None if it failed."""
    began = time.perf_counter()
    try:
        p = subprocess.run(args, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=timeout, **kw)
    except subprocess.TimeoutExpired:
        return None
    return time.perf_counter() - began if p.returncode == 0 else None


def cpu_seconds(args, **kw):
    """Processor time of a whole process, which a busy machine changes less than its wall time."""
    def used():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime
    before = used()
    return used() - before if seconds(args, **kw) is not None else None


def spent(args, timeout=120):
    """(wall time, processor time) of a whole process, without what starting it from Python costs; None if it failed."""
    null = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_RDWR, 0) for fd in (0, 1, 2)]
    began = time.perf_counter()
    pid = os.posix_spawn(args[0], args, os.environ, file_actions=null)
    killer = threading.Timer(timeout, os.kill, (pid, 9))
    killer.daemon = True
    killer.start()
    _, status, usage = os.wait4(pid, 0)
    took = time.perf_counter() - began
    killer.cancel()
    return (took, usage.ru_utime + usage.ru_stime) if status == 0 else None


def interleaved(variants, rounds, pick=statistics.median):
    """variants: {name: function giving a number or None}.  Each round runs all in turn, so that the machine's moods hit
    all alike.  Returns the medians, or what else `pick` makes of each list."""
    got = {name: [] for name in variants}
    for _ in range(rounds):
        for name, once in variants.items():
            value = once()
            if value is not None:
                got[name].append(value)
    return {name: pick(values) if values else None for name, values in got.items()}


def machine():
    cpu = "unknown CPU"
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                cpu = line.split(":", 1)[1].strip()
                break
    return f"{cpu}, {os.cpu_count()} CPUs, Linux {platform.release()}, {time.strftime('%Y-%m-%d')}, load {os.getloadavg()[0]:.1f}"


def si(value_s):
    """A time as a person writes it."""
    if value_s is None:
        return "–"
    if value_s < 0:
        return "below the noise"
    for unit, scale in (("s", 1), ("ms", 1e3), ("µs", 1e6)):
        if value_s * scale >= 1:
            return f"{value_s * scale:.3g} {unit}"
    return f"{value_s * 1e9:.3g} ns"


def ratio(a, b):
    return "–" if a is None or not b else f"{a / b:.3g}×"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def publish(section, command, text):
    """Prints the text; with HD_BENCH_DOC=1 it also replaces its section of docs/bench.md."""
    body = f"{text}\n\n`{command}` on {machine()}."
    print(f"{section}\n{body}\n", flush=True)
    if not os.environ.get("HD_BENCH_DOC"):
        return
    with open(DOC) as f:
        doc = f.read()
    mark = re.compile(rf"(<!-- {section} -->\n).*?(<!-- end -->)", re.S)
    if not mark.search(doc):
        sys.exit(f"{DOC}: no place for '{section}'")
    with open(DOC, "w") as f:
        f.write(mark.sub(lambda m: m.group(1) + body + "\n" + m.group(2), doc))


__all__ = ["HANGDOG", "O", "ROOT", "Target", "build", "cpu_seconds", "interleaved", "publish", "ratio", "seconds", "si", "spent", "table", "tool"]
