"""What the end-to-end tests share: run the built binary, check, count, print 'N passed, N failed, N skipped'."""
import concurrent.futures
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
O = os.path.join(ROOT, os.environ.get("O", "build"))
HANGDOG = os.path.join(O, "hangdog")

# Who starts tests in the background of a shell ignores these, and what ignores SIGINT is judged another way: nobody sends it.
for number in signal.SIGINT, signal.SIGQUIT:
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


class Skip(Exception):
    """This cannot be tested here; the text says why."""


class Result:
    def __init__(self, args, status, out, err):
        self.args, self.status, self.out, self.err = args, status, out, err

    def __str__(self):
        return f"$ {' '.join(map(str, self.args))}\n[status {self.status}]\n{self.out[-3000:]}\n--- stderr\n{self.err[-3000:]}"


def run(*args, timeout=60, stdin=None, env=None, cwd=None, preexec_fn=None):
    """Runs args to their end.  A status of -N means signal N."""
    p = subprocess.run([str(a) for a in args], stdin=subprocess.DEVNULL if stdin is None else None, input=stdin,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, env=env, cwd=cwd,
                       preexec_fn=preexec_fn, text=True, errors="replace")
    return Result(args, p.returncode, p.stdout, p.stderr)


def hangdog(*args, **kw):
    return run(HANGDOG, *args, **kw)


_commands = None


def commands():
    """The commands that this build has."""
    global _commands
    if _commands is None:
        text = hangdog("--help").out
        block = text.split("Commands:\n")[1].split("\nOptions:")[0]
        _commands = [line.split()[0] for line in block.splitlines() if line[:2] == "  " and line[2:3].isalpha()]
    return _commands


def need(*names):
    for name in names:
        if name not in commands():
            raise Skip(f"this build has no command '{name}'")


def check(condition, message):
    if not condition:
        raise AssertionError(str(message))


def wait_until(predicate, what, timeout=30):
    """Waits for a state, not for a time; the limit only ends a broken test."""
    end = time.monotonic() + timeout
    while not predicate():
        if time.monotonic() > end:
            raise AssertionError(f"never happened: {what}")
        time.sleep(0.01)


def scratch():
    return tempfile.TemporaryDirectory(prefix="hangdog-test-")


class Cases(list):
    """The cases of a suite: decorate a function with it, and its name's words name the case."""
    def __call__(self, function):
        self.append((function.__name__.replace("_", " "), function))
        return function


def main(cases, parallel=2):
    """cases: [(name, function)].  Names on the command line pick cases by their start."""
    picked = sys.argv[1:]
    if picked:
        cases = [c for c in cases if any(c[0].startswith(p) for p in picked)]
    counts = {"passed": 0, "failed": 0, "skipped": 0}

    def one(case):
        name, function = case
        start = time.monotonic()
        try:
            function()
            return name, "passed", "", time.monotonic() - start
        except Skip as e:
            return name, "skipped", str(e), time.monotonic() - start
        except AssertionError as e:
            return name, "failed", str(e), time.monotonic() - start
        except Exception:
            return name, "failed", traceback.format_exc(), time.monotonic() - start

    failed = []

    def tell(name, outcome, text, seconds):
        counts[outcome] += 1
        if outcome == "failed":
            print(f"FAILED {name}\n    " + text.replace("\n", "\n    "), flush=True)
        elif outcome == "skipped":
            print(f"skipped {name}: {text}", flush=True)
        else:
            print(f"ok {name} ({seconds:.1f} s)", flush=True)

    with concurrent.futures.ThreadPoolExecutor(parallel) as pool:
        for case, row in zip(cases, pool.map(one, cases)):
            # A machine that is busy with other things makes a test fail now and then: once more, alone, and said so.
            # Never a healthy program that was called hung: that is a bug, however rare.
            if row[1] == "failed" and not row[0].startswith("healthy/"):
                failed.append((case, row))
            else:
                tell(*row)
    for case, first in failed:
        print(f"again {case[0]}, which failed:\n    " + first[2].replace("\n", "\n    "), flush=True)
        tell(*one(case))
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**counts))
    sys.exit(1 if counts["failed"] else 0)
