#!/usr/bin/env python3
"""Every command in the guides and the README is run.  A block that begins ```LANGUAGE file=NAME is a file; a block that begins ```console is a
session: lines with `$ ` are typed into one shell a page, in a folder of their own, and the other lines are what must come out,
in this order.  Numbers may differ, a line `...` stands for anything, spaces and line breaks do not matter.
`needs=X` skips a block where Python has no module X, `needs=cmd:X` where there is no command X."""
import glob
import os
import re
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import HANGDOG, ROOT, Skip, check, main, scratch

PAGES = sorted(glob.glob(os.path.join(ROOT, "docs", "guide", "*.md"))) + [os.path.join(ROOT, "docs", "faq.md"), os.path.join(ROOT, "README.md")]
# Python for the pages that need torch or jax: HD_DOCS_PYTHON=/path/to/venv/bin/python
PYTHON = os.environ.get("HD_DOCS_PYTHON", sys.executable)
BLOCK = re.compile(r"^```(\S+)(.*?)\n(.*?)^```$", re.M | re.S)
LIMIT_S = 60


def blocks(page):
    with open(page) as f:
        for language, rest, body in BLOCK.findall(f.read()):
            yield language, dict(w.split("=", 1) for w in rest.split() if "=" in w), body


def commands(body):
    """[(command, expected output)] of a session; a command goes on while its lines end with a backslash."""
    found = []
    for line in body.splitlines():
        if found and found[-1][0].endswith("\\") and not found[-1][1]:
            found[-1][0] += "\n" + line
        elif line.startswith("$ "):
            found.append([line[2:], ""])
        else:
            check(found, f"output before any command: {line}")
            found[-1][1] += line + "\n"
    return found


def plain(text):
    """Without what hangdog puts before its lines and without line breaks; numbers are all alike."""
    text = re.sub(r"^hangdog: ?", "", text, flags=re.M)
    return re.sub(r"\d+", "0", " ".join(text.split()))


def compare(command, expected, output):
    at, have = 0, plain(output)
    for part in re.split(r"^ *(?:hangdog: )?\.\.\.$", expected, flags=re.M):
        want = plain(part)
        found = have.find(want, at)
        check(found >= 0, f"$ {command}\n--- expected\n{part}\n--- came\n{output}")
        at = found + len(want)
    check(expected.strip() or not output.strip(), f"$ {command}\n--- nothing was expected; came\n{output}")


class Shell:
    def __init__(self, folder):
        bin_ = os.path.join(folder, ".bin")
        os.mkdir(bin_)
        os.symlink(HANGDOG, os.path.join(bin_, "hangdog"))
        os.symlink(os.path.join(ROOT, "contrib"), os.path.join(folder, "contrib"))
        with open(os.path.join(bin_, "python3"), "w") as f:
            f.write(f'#!/bin/sh\nexec "{PYTHON}" "$@"\n')
        os.chmod(f.name, 0o755)
        env = dict(os.environ, PATH=f"{bin_}:{os.environ['PATH']}", HOME=folder, XDG_STATE_HOME=f"{folder}/.state",
                   PYTHONWARNINGS="ignore", LC_ALL="C.UTF-8")
        self.p = subprocess.Popen(["bash", "--norc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  cwd=folder, env=env, start_new_session=True, text=True, errors="replace")

    def type(self, command):
        """Gives what came out.  The shell says when it is done."""
        timer = threading.Timer(LIMIT_S, os.killpg, (self.p.pid, signal.SIGKILL))
        timer.start()
        self.p.stdin.write(f"{command}\n__status=$?; echo; echo '<<<''done' $! '>>>'; (exit $__status)\n")
        self.p.stdin.flush()
        out = []
        for line in self.p.stdout:
            if line.startswith("<<<done"):
                break
            out.append(line)
        else:
            raise AssertionError(f"$ {command}: not over after {LIMIT_S} s, or the shell ended")
        timer.cancel()
        if command.endswith("&"):
            wait_quiet(int(line.split()[1]))
        return "".join(out)

    def close(self):
        try:
            os.killpg(self.p.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.p.wait()


def tree(pid):
    pids, rows = {pid}, []
    for path in sorted(glob.glob("/proc/[0-9]*/stat"), key=lambda p: int(p.split("/")[2])):
        try:
            with open(path) as f:
                rows.append((int(path.split("/")[2]), int(f.read().rpartition(")")[2].split()[1])))
        except OSError:
            pass
    for _ in range(3):
        pids |= {child for child, parent in rows if parent in pids}
    return pids


def switches(pids):
    """What stands still while everybody sleeps; None while somebody runs."""
    seen = []
    for pid in sorted(pids):
        for path in glob.glob(f"/proc/{pid}/task/*/status"):
            try:
                with open(path) as f:
                    text = f.read()
            except OSError:
                return None
            if re.search(r"^State:\s+[RD]", text, re.M):
                return None
            seen.append(re.findall(r"ctxt_switches:\s+(\d+)", text))
    return seen


def wait_quiet(pid):
    """Who reads the page types the next line when the program has got where it goes: here, when nothing moves any more."""
    end, before, quiet = time.monotonic() + LIMIT_S, None, 0
    while quiet < 10 and time.monotonic() < end:
        now = switches(tree(pid))
        quiet = quiet + 1 if now is not None and now == before else 0
        before = now
        time.sleep(0.05)


def has(need):
    if need.startswith("cmd:"):
        return subprocess.run(["sh", "-c", f"command -v {need[4:]}"], stdout=subprocess.DEVNULL).returncode == 0
    return subprocess.run([PYTHON, "-c", f"import {need}"], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL).returncode == 0


def run_page(page):
    ran, missing = 0, set()
    with scratch() as folder:
        shell = Shell(folder)
        try:
            for language, words, body in blocks(page):
                if "file" in words:
                    with open(os.path.join(folder, words["file"]), "w") as f:
                        f.write(body)
                elif language == "console" and "needs" in words and not has(words["needs"]):
                    missing.add(words["needs"])
                elif language == "console":
                    for command, expected in commands(body):
                        compare(command, expected, shell.type(command))
                        ran += 1
        finally:
            shell.close()
    if missing and not ran:
        raise Skip(f"needs {', '.join(sorted(missing))}")


def no_command_escapes():
    """A block without a language, or with sh, would hide commands from this test."""
    for page in PAGES:
        with open(page) as f:
            fences = [line for line in f if line.startswith("```")]
        check(all(len(line) > 4 for line in fences[::2]), f"{page}: a block without a language")
        for language, words, _ in blocks(page):
            check(language == "console" or "file" in words or language in ("yaml", "text"), f"{page}: a block of {language}")


if __name__ == "__main__":
    cases = [("no_command_escapes", no_command_escapes)]
    cases += [(os.path.basename(page)[:-3], lambda page=page: run_page(page)) for page in PAGES if os.path.exists(page)]
    main(cases)
