"""Interpreters with packages that this machine may or may not have: of this Python, else of $HANGDOG_TEST_PYTHON (one or
more paths with colons between)."""
import functools
import os
import subprocess
import sys

from harness import Skip


@functools.lru_cache(None)
def has(python, module):
    return subprocess.run([python, "-c", f"import importlib.util as u, sys; sys.exit(u.find_spec('{module}') is None)"],
                          stderr=subprocess.DEVNULL).returncode == 0


def python_with(*modules):
    others = [p for p in os.environ.get("HANGDOG_TEST_PYTHON", "").split(":") if p]
    for python in [sys.executable, *others]:
        if all(has(python, m) for m in modules):
            return python
    raise Skip(f"no Python with {' and '.join(modules)} here (HANGDOG_TEST_PYTHON may name one)")
