#!/usr/bin/env python3
"""The run that hangdog was made for: a trainer writes its configuration, forks workers out of a parent with threads, and
nothing more ever happens.  Found, explained, started again with a cure, and trained to its end."""
import fcntl
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import HANGDOG, ROOT, Cases, Skip, check, hangdog, main, need, scratch, wait_until
from packages import python_with

CASES = case = Cases()
DEMO = os.path.join(ROOT, "contrib", "demo", "nerf_shape.py")
FORKS = sys.version_info < (3, 14)
ENV = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "HANGDOG_MP"))}


def files(folder):
    return sorted(os.path.relpath(os.path.join(at, f), folder) for at, _, names in os.walk(folder) for f in names)


def report_of(state):
    (incident,) = [e for e in os.listdir(state) if e[0].isdigit()]
    with open(os.path.join(state, incident, "report.json")) as f:
        return json.load(f)


FINISHED = ["config.yml", "nerfstudio_models/step-000000009.ckpt", "nerfstudio_models/step-000000019.ckpt"]


def need_fork(python):
    if subprocess.run([python, "-c", "import sys; sys.exit(sys.version_info >= (3, 14))"]).returncode != 0:
        raise Skip("this Python does not fork by default")


def cured(kind, python, rules, cure):
    need_fork(python)
    with scratch() as d:
        out, state = os.path.join(d, "outputs"), os.path.join(d, "state")
        r = hangdog("run", "--on-hang", "restart", "--restart-delay", "0", "--incident-dir", state, "--", python, DEMO, "--with", kind, out,
                    env=ENV, timeout=170)
        check(r.status == 0 and r.out.endswith("finished\n"), r)
        check(files(out) == FINISHED, files(out))
        check(r.err.count("DEADLOCK") == 1 and f"cure {cure}:" in r.err, r)
        report = report_of(state)
        check(report["certainty"] == "proven" and report["cause"] in ("missing-thread", "inherited-lock"), r)
        check(report["advice"][0]["rule"] in rules, report["advice"])
        check("nerf_shape.py" in json.dumps(report["processes"]), "the user's own lines are in the report")
        check(report["action"]["taken"] == "restart", report["action"])


@case
def bare_it_hangs_and_leaves_only_its_configuration():
    need_fork(sys.executable)
    with scratch() as d:
        out = os.path.join(d, "outputs")
        p = subprocess.Popen([sys.executable, DEMO, out], stdout=subprocess.DEVNULL, start_new_session=True, env=ENV)
        try:
            wait_until(lambda: hangdog("why", str(p.pid)).status == 1, "why finds the hang of the bare run")
            check(files(out) == ["config.yml"], files(out))
            text = hangdog("why", str(p.pid)).out
            check("DEADLOCK" in text and "decode_plain" in text, text)
        finally:
            os.killpg(p.pid, signal.SIGKILL)
            p.wait()


@case
def without_a_cure_a_restart_hangs_again():
    need_fork(sys.executable)
    with scratch() as d:
        out = os.path.join(d, "outputs")
        r = hangdog("run", "--on-hang", "restart,kill", "--max-restarts", "1", "--restart-delay", "0", "--cure", "none", "--incident-dir",
                    os.path.join(d, "state"), "--", sys.executable, DEMO, out, env=ENV)
        check(r.status == 124 and files(out) == ["config.yml"], r)


@case
def plain_python_is_cured():
    cured("plain", sys.executable, ("executor-after-fork",), "mp-start=spawn")


@case
def with_torch_it_is_cured():
    cured("torch", python_with("torch", "numpy"), ("torch-openmp", "openmp-after-fork"), "omp-threads=1")


@case
def with_jax_it_is_cured():
    cured("jax", python_with("jax"), ("jax-fork",), "mp-start=spawn")


@case
def prevention_needs_no_restart():
    with scratch() as d:
        out = os.path.join(d, "outputs")
        r = hangdog("run", "--cure", "mp-start=forkserver", "--incident-dir", os.path.join(d, "state"), "--", sys.executable, DEMO, out, env=ENV)
        check(r.status == 0 and files(out) == FINISHED and "DEADLOCK" not in r.err, r)


def in_terminal(rows, columns):
    """Everything on one terminal, as in a notebook's or a person's window."""
    need_fork(sys.executable)
    with scratch() as d:
        out = os.path.join(d, "outputs")
        leader, end = pty.openpty()
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        p = subprocess.Popen([HANGDOG, "run", "--on-hang", "restart", "--restart-delay", "0", "--incident-dir", os.path.join(d, "state"), "--",
                              sys.executable, DEMO, out], stdin=end, stdout=end, stderr=end, env=dict(ENV, TERM="xterm"), start_new_session=True,
                             preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(end)
        shown = b""
        while True:
            try:
                part = os.read(leader, 65536)
            except OSError:
                part = b""
            if not part:
                break
            shown += part
        os.close(leader)
        check(p.wait(60) == 0, shown.decode(errors="replace"))
        text = re.sub(r"\x1b\[[0-9;]*m", "", shown.decode(errors="replace"))
        check("DEADLOCK (proven)" in text and "cure mp-start=spawn" in text and "finished" in text, text)
        check(files(out) == FINISHED, files(out))
        before_restart = text.split("recorded in")[0].splitlines()
        check(max(len(line) for line in before_restart) <= 80, max(before_restart, key=len))


@case
def in_a_terminal_of_80_by_24():
    in_terminal(24, 80)


@case
def in_a_terminal_that_says_0_by_0():
    in_terminal(0, 0)


class Display:
    """An X server without a screen."""

    def __enter__(self):
        for program in "Xvfb", "xterm", "import", "convert", "xdotool":
            if shutil.which(program) is None:
                raise Skip(f"no {program}")
        told, tell = os.pipe()
        self.server = subprocess.Popen(["Xvfb", "-displayfd", str(tell), "-screen", "0", "1100x900x24", "-nolisten", "tcp"], pass_fds=[tell],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        os.close(tell)
        with open(told) as f:
            number = f.readline().strip()
        if not number:
            raise Skip("Xvfb does not start here")
        self.env = dict(ENV, DISPLAY=":" + number)
        return self

    def __exit__(self, *_):
        self.server.kill()
        self.server.wait()

    def run(self, *args):
        return subprocess.run(args, env=self.env, capture_output=True, text=True, timeout=60)


def shows_text(display, picture):
    """Within the window there is paper, and ink on it."""
    display.run("import", "-window", "root", picture)
    colours = display.run("convert", picture, "-crop", "500x600+0+0", "-format", "%k", "info:").stdout
    return colours.isdigit() and int(colours) >= 2


def in_xterm(kind, python, cure):
    """As a person has it: everything in one window of 100 columns, whose keys still work when it is over."""
    need_fork(python)
    with scratch() as d, Display() as display:
        out, log, done = os.path.join(d, "outputs"), os.path.join(d, "log"), os.path.join(d, "done")
        script = os.path.join(d, "session.sh")
        with open(script, "w") as f:
            f.write(f"""cd {d}
{HANGDOG} run --on-hang restart --restart-delay 0 --incident-dir {d}/state -- {python} {DEMO} --with {kind} {out}
echo "status $? size $(stty size) modes $(stty -a | grep -o '[-]*icanon\\|[-]*echo ' | tr '\\n' ' ')" > {d}/half
mv {d}/half {d}/after
read line && echo "$line" > {done}
read end
""")
        window = subprocess.Popen(["xterm", "-geometry", "100x60+0+0", "-xrm", "XTerm*allowSendEvents: true", "-l", "-lf", log, "-e", "sh", script],
                                  env=display.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            wait_until(lambda: os.path.exists(os.path.join(d, "after")) or window.poll() is not None, "it comes to its end in xterm", timeout=170)
            after = open(os.path.join(d, "after")).read().split()
            check(after == ["status", "0", "size", "60", "100", "modes", "icanon", "echo"], after)
            check(files(out) == FINISHED, files(out))
            id_of = display.run("xdotool", "search", "--class", "xterm").stdout.split()[-1]
            display.run("xdotool", "type", "--window", id_of, "hello\n")
            wait_until(lambda: os.path.exists(done), "its keyboard works")
            check(open(done).read() == "hello\n", open(done).read())
            wait_until(lambda: shows_text(display, os.path.join(d, "screen.png")), "the text stands on the screen")
            if "HANGDOG_TEST_PICTURES" in os.environ:
                shutil.copy(os.path.join(d, "screen.png"), os.path.join(os.environ["HANGDOG_TEST_PICTURES"], f"xterm-{kind}.png"))
        finally:
            window.kill()
            window.wait()
        shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", open(log, errors="replace").read()) if os.path.exists(log) else ""
        if shown:  # an xterm that was built with logging
            check("DEADLOCK (proven)" in shown and f"cure {cure}" in shown and "finished" in shown, shown)


@case
def in_a_real_xterm():
    in_xterm("plain", sys.executable, "mp-start=spawn")


@case
def in_a_real_xterm_with_torch():
    in_xterm("torch", python_with("torch", "numpy"), "omp-threads=1")


@case
def in_a_real_xterm_with_jax():
    in_xterm("jax", python_with("jax"), "mp-start=spawn")


need("run", "why")
main(CASES)
