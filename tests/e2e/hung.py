#!/usr/bin/env python3
"""Real programs, hung and healthy, under the real binary: launched by `run`, looked at from outside by `why`, and guarded by
`attach`, which seizes them while they run already.

A program's first line says what must come out: `EXPECT: verdict=deadlock cause=a|b certainty=... scope=... kind=...`
(kind: what a dead-locked thread of a culprit waits for; culprits: how many processes), or `EXPECT: verdict=none`.  Further lines:
`BUILD: flags` for the compiler; `OUTSIDE: command` is run beside the program, outside its tree, `self` being the program;
`MODES: launched attached guarded` limits how it is tried; `NEEDS: command` names what must be installed, `TRY: flags` what the
compiler must be able to do (they are flags of the build, too); `SIGHT: all` says that a look from outside can only prove it where
the descriptors of every process on the machine can be read.  `lost=N` in EXPECT: a child that ended by signal N is told.
`OBJECT: regex`: what a dead-locked thread of a culprit waits for, as the report says it.  `CC: command` names another compiler;
`SPINS: N`: how many threads are told to spin.  `LEFT: regex`: what a lost child left behind.  `CRATES: names` are libraries of Rust (Debian's librust-NAME-dev).  `STALL: seconds` is passed on as --stall, and then what is suspected is acted on.
`PYTHON: version` is the oldest that will do: looked for in HD_PYTHONS (a list with colons), which may lie in a chroot.  `GIL: yes`:
a free-threaded build will not do; `GIL: no`: only such a build will do.
`STDIN: slow` and `STDOUT: slow`: a process outside the tree writes the input, reads the output, after a while; `STDIN: steady`:
a byte every 30 ms.
FIXTURE_PYTHON names another interpreter for the Python programs.  HD_SOUND=1: every program is also guarded, not only a sample
(`make soundness`); HD_MODES="guarded ..." limits the modes; HD_INTERVAL is the time between two looks in ms."""
import concurrent.futures
import contextlib
import ctypes
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import HANGDOG, O, ROOT, Skip, check, main, need, scratch

TESTS = os.path.join(ROOT, "tests")
BUILT = os.path.join(O, "tests", "programs")
INTERVAL = os.environ.get("HD_INTERVAL", "10")
_building = threading.Lock()
SAMPLE = 1 if os.environ.get("HD_SOUND") else 6  # every so-manieth program is guarded as well
C_FLAGS = ["-O1", "-g", "-pthread", "-I", os.path.join(TESTS, "lib")]
COMPILERS = {".c": ["cc", "-std=gnu17", "-D_GNU_SOURCE"] + C_FLAGS, ".cc": ["c++", "-std=gnu++17"] + C_FLAGS,
             ".rs": ["rustc", "-g"], ".go": ["go", "build"]}
CRATES, CRATES_LOCK = "/usr/share/cargo/registry", threading.Lock()
SCRIPTS = {".py": [os.environ.get("FIXTURE_PYTHON", sys.executable)], ".sh": ["bash"]}
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: orphans of a case come to us


def is_free_threaded(python):
    asked = "import sys, sysconfig; sys.exit(not sysconfig.get_config_var('Py_GIL_DISABLED'))"
    return subprocess.run([*python, "-c", asked], capture_output=True).returncode == 0


class Program:
    def __init__(self, path):
        self.path = path
        self.folder, self.file = os.path.split(path)
        self.name = f"{os.path.basename(self.folder)}/{self.file}"
        head = open(path).read(2000)
        self.expect = dict(w.split("=", 1) for w in re.search(r"EXPECT: (.*)", head).group(1).split() if "=" in w)
        self.build = self.directive(head, "BUILD")
        self.outside = self.directive(head, "OUTSIDE")
        self.modes = (self.directive(head, "MODES") or "launched attached guarded").split()
        self.broken = None
        self.sight = self.directive(head, "SIGHT")
        self.stdin, self.stdout = self.directive(head, "STDIN"), self.directive(head, "STDOUT")
        self.needs = (self.directive(head, "NEEDS") or "").split()
        self.flags = (self.directive(head, "TRY") or "").split()
        self.unbuildable = None
        self.object = self.directive(head, "OBJECT")
        self.spins = self.directive(head, "SPINS")
        self.left = self.directive(head, "LEFT")
        self.compiler = (self.directive(head, "CC") or "").split()
        self.crates = (self.directive(head, "CRATES") or "").split()
        self.stall = self.directive(head, "STALL")
        self.python, self.gil = self.directive(head, "PYTHON"), self.directive(head, "GIL")

    @staticmethod
    def directive(head, word):
        m = re.search(rf"^[ */#]*{word}: (.*)$", head, re.M)
        return m.group(1).strip() if m else None

    @property
    def hangs(self):
        return self.expect["verdict"] != "none"

    def newer_python(self):
        version = f"import sys; sys.exit(sys.version_info < ({(self.python or '3.8').replace('.', ',')}))"
        for python in [*SCRIPTS[".py"], *filter(None, os.environ.get("HD_PYTHONS", "").split(":"))]:
            if os.path.exists(python) and subprocess.run([python, "-c", version], capture_output=True).returncode == 0 and \
                    (self.gil != "no" or is_free_threaded([python])):
                return python
        raise Skip(f"no Python {self.python or 'without an interpreter lock'} here (HD_PYTHONS may name one)")

    def command(self):
        if self.python or self.gil == "no":
            return [self.newer_python(), "-c", open(self.path).read()]
        script = SCRIPTS.get(os.path.splitext(self.file)[1])
        return script + [self.path] if script else [os.path.join(BUILT, self.name)]

    def missing_crate(self):
        return next((c for c in self.crates if not glob.glob(f"{CRATES}/{c}-[0-9]*")), None)

    def make_with_crates(self, binary):
        """One small project a program; what they depend on is built once."""
        project = os.path.join(O, "tests", "crates", os.path.basename(self.folder), self.file)
        os.makedirs(os.path.join(project, ".cargo"), exist_ok=True)
        with open(os.path.join(project, "Cargo.toml"), "w") as f:
            f.write('[package]\nname = "program"\nversion = "0.0.0"\nedition = "2021"\n'
                    f'[[bin]]\nname = "program"\npath = "{self.path}"\n[dependencies]\n')
            f.writelines(f'{crate} = "*"\n' for crate in self.crates)
        with open(os.path.join(project, ".cargo", "config.toml"), "w") as f:
            f.write(f'[source.crates-io]\nreplace-with = "debian"\n[source.debian]\ndirectory = "{CRATES}"\n')
        with CRATES_LOCK:  # they share what is built of the libraries
            made = subprocess.run(["cargo", "build", "--offline", "--quiet", "--target-dir", os.path.join(O, "tests", "crates", "target")],
                                  cwd=project, capture_output=True, text=True)
            if made.returncode == 0:
                shutil.copy(os.path.join(O, "tests", "crates", "target", "debug", "program"), binary + ".new")
        self.broken = made.stderr if made.returncode != 0 else None
        if not self.broken:
            os.rename(binary + ".new", binary)

    def make(self):
        """Builds it, if need be: before any case runs, for a binary being written cannot be started."""
        language = os.path.splitext(self.file)[1]
        binary = os.path.join(BUILT, self.name)
        sources = [self.path, os.path.join(TESTS, "lib", "fixture.h")]
        if language in SCRIPTS or any(shutil.which(tool) is None for tool in self.needs) or \
                (os.path.exists(binary) and os.path.getmtime(binary) > max(map(os.path.getmtime, sources))):
            return
        if self.crates:
            if self.missing_crate() is None and shutil.which("cargo"):
                self.make_with_crates(binary)
            return
        compiler = self.compiler + COMPILERS[language][1:] if self.compiler else COMPILERS[language]
        if self.compiler and shutil.which(self.compiler[0]) is None:
            self.unbuildable = f"{self.compiler[0]} is not installed"
            return
        if self.flags:
            tried = subprocess.run(compiler + ["-pthread", "-x", "c++", "-", "-o", "/dev/null"] + self.flags, text=True,
                                   input="#include <map>\n#include <cerrno>\nint main() {}\n", capture_output=True)
            self.unbuildable = tried.stderr.splitlines()[-1] if tried.returncode != 0 else None
            if self.unbuildable:
                return
        made = subprocess.run(compiler + ["-o", binary + ".new", self.path] + (self.build or "").split() + self.flags,
                              capture_output=True, text=True)
        self.broken = made.stderr if made.returncode != 0 else None
        if not self.broken:
            os.rename(binary + ".new", binary)

    def check_needs(self):
        check(not self.broken, self.broken)
        if self.gil == "yes" and is_free_threaded(SCRIPTS[".py"]):
            raise Skip("this Python has no interpreter lock")
        for tool in self.needs:
            if shutil.which(tool) is None:
                raise Skip(f"{tool} is not installed")
        if self.crates and (self.missing_crate() or not shutil.which("cargo")):
            raise Skip(f"cargo and librust-{self.missing_crate() or self.crates[0]}-dev are not both installed")
        if self.unbuildable:
            raise Skip(f"it cannot be built here: {self.unbuildable}")


def session_pids(session):
    """Processes of a session that have not ended."""
    found = []
    for stat in glob.glob("/proc/[0-9]*/stat"):
        try:
            pid, rest = int(stat.split("/")[2]), open(stat, errors="replace").read().rsplit(")", 1)[1].split()
            # A zombie with threads is a process whose main thread has ended.
            is_over = rest[0] == "Z" and len(os.listdir(f"/proc/{pid}/task")) == 1
        except OSError:
            continue
        if int(rest[3]) == session and not is_over:
            found.append(pid)
    return found


class Case:
    """One program in one session of its own, with a folder; everything of it is ended when the case is over."""

    def __init__(self, program, log):
        self.program, self.log, self.processes = program, log, []

    def __enter__(self):
        self.folder = scratch()
        self.env = dict(os.environ, FIXTURE_DIR=self.folder.name, PYTHONPATH=os.path.join(TESTS, "lib"),
                        PYTHONDONTWRITEBYTECODE="1", XDG_STATE_HOME=self.folder.name, XDG_RUNTIME_DIR=self.folder.name)
        for name in "OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OMP_WAIT_POLICY":
            self.env.pop(name, None)
        return self

    def spawn(self, args, stdin=subprocess.DEVNULL, stdout=None, env=None):
        p = subprocess.Popen(args, stdin=stdin, stdout=stdout if stdout is not None else self.log, stderr=self.log,
                             env=env or self.env, start_new_session=True)
        self.processes.append(p)
        return p

    def start(self, args):
        """The program, with the far ends of its streams in processes of their own."""
        stdin, stdout, ends = subprocess.DEVNULL, None, []
        if self.program.stdin:
            stdin, far = os.pipe()
            ends += [stdin, far]
            writer = {"slow": "sleep 1.2; echo input", "steady": "while sleep 0.03; do printf .; done"}[self.program.stdin]
            self.spawn(["sh", "-c", writer], stdout=far)
        if self.program.stdout == "slow":
            far, stdout = os.pipe()
            ends += [far, stdout]
            self.spawn(["sh", "-c", "sleep 1.2; cat"], stdin=far)
        p = self.spawn(args, stdin, stdout)
        for end in ends:
            os.close(end)
        return p

    def start_outside(self):
        if self.program.outside:
            command = " ".join(self.program.command())
            self.spawn(["sh", "-c", re.sub(r"\bself\b", command, self.program.outside)])

    def __exit__(self, *_):
        for p in self.processes:
            while pids := session_pids(p.pid):
                for pid in pids:
                    try:
                        os.kill(pid, signal.SIGCONT)
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
                time.sleep(0.005)
            p.wait()
        self.folder.cleanup()


def short(report):
    """What matters of a report, for a failure message."""
    lines = [f"{report['verdict']} {report['certainty']} {report['scope']} {report['cause']}: {report['summary']}"]
    for process in report["processes"]:
        lines.append(f"{process['pid']} {process['comm']} {process['status']}")
        for t in process["threads"]:
            w = t["wait"] or {"syscall": "-", "kind": "-", "object": "-", "owner": None, "wakers": None}
            frames = " < ".join(str(f["function"]) for f in t["stack"][:8])
            lines.append(f"    {t['tid']} {t['state']} dead={t['deadlocked']} {w['syscall']} {w['kind']} {w['object']}"
                         f" owner={w['owner']} wakers={w['wakers']} {frames}")
    return "\n".join(lines)


def check_report(expect, report, wanted_object=None):
    """The EXPECT line against one JSON report."""
    def one_of(name, got):
        want = expect.get(name)
        check(want is None or str(got) in want.split("|"),
              f"{name} is '{got}', expected '{want}'\n{short(report)}")
    for name in "verdict", "cause", "certainty", "scope":
        one_of(name, report[name])
    if expect["verdict"] == "none":
        return
    is_stall = expect["verdict"] == "stall"  # nobody is dead for sure: anyone may be the one
    one_of("culprits", len(report["culprits"]))
    waits = [t["wait"] for p in report["processes"] if p["pid"] in report["culprits"] or is_stall
             for t in p["threads"] if (t["deadlocked"] or is_stall) and t["wait"]]
    check(waits or is_stall, f"no thread of a culprit is shown to wait\n{short(report)}")
    kinds = sorted({w["kind"] for w in waits})
    want = expect.get("kind")
    check(want is None or set(kinds) & set(want.split("|")),
          f"kinds are {kinds}, expected '{want}'\n{short(report)}")
    objects = sorted({str(w["object"]) for w in waits})
    check(wanted_object is None or any(re.search(wanted_object, o) for o in objects),
          f"they wait for {objects}, expected '{wanted_object}'\n{short(report)}")
    if "lost" in expect:
        lost = [str(c["signal"] or "exit") for c in report["children_lost"]]
        check(expect["lost"] in lost, f"children lost: {report['children_lost']}, expected '{expect['lost']}'\n{short(report)}")
    check(report["summary"] and report["blocked_for_ms"] is not None, "the report has no summary")


def text_of(stdout):
    stdout.seek(0)
    return stdout.read().decode(errors="replace")[-4000:]


def launched(program):
    need("run")
    program.check_needs()
    with open(os.path.join(BUILT, program.name + ".launched.out"), "w+b") as out, Case(program, out) as case:
        report = os.path.join(case.folder.name, "report.json")
        command = program.command()
        p = case.start([HANGDOG, "run", "--interval", INTERVAL, "--on-hang", "kill", "--term-timeout", "1", "--stall", program.stall or "0",
                        *(["--certainty", "suspected"] if program.stall else []),
                        "--report", report, "--"] + command)
        case.start_outside()
        try:
            status = p.wait(90)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"no verdict and no end in 90 s\n{text_of(out)}") from None
        if not program.hangs:
            check(status == 0, f"status {status} instead of the program's 0\n{text_of(out)}")
            if os.path.exists(report):
                check_report(program.expect, json.load(open(report)))
            check("hangdog: " not in text_of(out), f"hangdog spoke\n{text_of(out)}")
            return
        if status == 77:
            raise Skip("the race that hangs this program did not come up")
        check(os.path.exists(report), f"no report; status {status}\n{text_of(out)}")
        check_report(program.expect, json.load(open(report)), program.object)
        spins = [t for p in json.load(open(report))["processes"] for t in p["threads"] if t["spin"]]
        check(len(spins) == int(program.spins or 0), f"these spin: {spins}, expected {program.spins}")
        left = [text for child in json.load(open(report))["children_lost"] for text in child["left"]]
        check(program.left is None or any(re.search(program.left, text) for text in left), f"left is {left}, expected '{program.left}'")
        check(status == 124, f"status {status} instead of 124\n{text_of(out)}")


def unseen_process():
    """A process whose descriptors we may not read, if there is one; process 1 only if it is the only one."""
    for folder in sorted(glob.glob("/proc/[0-9]*/fd"), key=lambda f: f == "/proc/1/fd"):
        try:
            for fd in os.listdir(folder):
                os.readlink(os.path.join(folder, fd))
        except PermissionError:
            return folder
        except OSError:
            continue
    return None


def expected_by_a_latecomer(program):
    """Without a recorded owner, only who saw the fork knows that a thread is missing; and children may have ended unseen."""
    expect = {k: v for k, v in program.expect.items() if k != "lost"}
    if "missing-thread" in expect.get("cause", ""):
        expect["cause"] += "|no-waker"
    if "dead-holder" in expect.get("cause", ""):
        expect["cause"] += "|inherited-lock"
    return expect


_sighted = None


def sighted(env):
    """For hangdog itself, where process 1 alone cannot be looked into: what it is like on a machine where everybody can."""
    global _sighted
    if unseen_process() != "/proc/1/fd":
        return env
    with _building:
        if _sighted is None:
            library = os.path.join(BUILT, "see_all.so")
            made = subprocess.run(["cc", "-D_GNU_SOURCE", "-O1", "-shared", "-fPIC", "-o", library, os.path.join(TESTS, "lib", "see_all.c")],
                                  capture_output=True, text=True)
            check(made.returncode == 0, made.stderr)
            blank = subprocess.Popen(["sleep", "infinity"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                     preexec_fn=lambda: ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0))
            _sighted = {"LD_PRELOAD": library, "SEE_ALL": str(blank.pid)}
    return dict(env, **_sighted)


def lacks_sight(program):
    return program.sight == "all" and unseen_process() not in (None, "/proc/1/fd")


@contextlib.contextmanager
def started(program, mode):
    """The program runs by itself, for who comes later: its case, the file of its output, and its process."""
    if lacks_sight(program):
        raise Skip(f"{unseen_process()} cannot be read, so that process might hold an end too")
    program.check_needs()
    with open(os.path.join(BUILT, f"{program.name}.{mode}.out"), "w+b") as out, Case(program, out) as case:
        p = case.start(program.command())
        case.start_outside()
        yield case, out, p


def guarded(program):
    """`attach` as a guard: from soon after the start to the end, a look every 10 ms."""
    need("attach")
    with started(program, "guarded") as (case, out, p):
        report = os.path.join(case.folder.name, "report.json")
        guard = case.spawn([HANGDOG, "attach", "--interval", INTERVAL, "--on-hang", "kill", "--term-timeout", "1", "--stall", "0",
                            "--report", report, str(p.pid)], env=sighted(case.env))
        try:
            status = p.wait(90)
            guarded_status = guard.wait(30)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"no verdict and no end in time\n{text_of(out)}") from None
        if program.hangs and status == 77:
            raise Skip("the race that hangs this program did not come up")
        if os.path.exists(report):
            check_report(expected_by_a_latecomer(program), json.load(open(report)), program.object)
        check(program.hangs == os.path.exists(report), f"program {status}, hangdog {guarded_status}\n{text_of(out)}")
        if program.hangs:
            check(guarded_status == 124, f"status {guarded_status} instead of 124\n{text_of(out)}")
            return
        check(status == 0, f"status {status} instead of the program's 0\n{text_of(out)}")
        came_too_late = "does not exist" in text_of(out) or "ended already" in text_of(out) or "has ended" in text_of(out)
        check(guarded_status == 0 or came_too_late, f"status {guarded_status} of hangdog\n{text_of(out)}")
        check("hangdog: " not in text_of(out) or came_too_late, f"hangdog spoke\n{text_of(out)}")


def attached(program):
    """`why` again and again: a hung program must be found out, a healthy one must never be accused."""
    need("why")
    with started(program, "attached") as (case, out, p):
        end = time.monotonic() + 60
        while p.poll() is None:
            why = subprocess.run([HANGDOG, "why", "--json", "--interval", INTERVAL, str(p.pid)], capture_output=True, text=True,
                                 env=sighted(case.env), timeout=60)
            if why.returncode == 1:
                check(program.hangs, f"a healthy program was accused\n{short(json.loads(why.stdout))}")
                check_report(expected_by_a_latecomer(program), json.loads(why.stdout), program.object)
                check(p.poll() is None, "the program did not survive being explained")
                return
            if p.poll() is not None or "not exist any more" in why.stderr:
                break  # it ended meanwhile
            if "does not exist any more" in why.stderr:
                break  # it was about to end
            check(why.returncode == 0, f"why failed: {why.returncode}\n{why.stderr}")
            check_report({"verdict": "none"}, json.loads(why.stdout))
            check(time.monotonic() < end, f"no verdict in 60 s\n{short(json.loads(why.stdout))}")
        status = p.wait()
        if program.hangs and status == 77:
            raise Skip("the race that hangs this program did not come up")
        check(not program.hangs, f"it ended with {status} and did not hang\n{text_of(out)}")
        check(status == 0, f"status {status} instead of 0\n{text_of(out)}")


def cases():
    picked, found = sys.argv[1:], []
    paths = sorted(p for folder in ("hung", "healthy") for p in glob.glob(os.path.join(TESTS, folder, "*.*")))
    programs = [Program(p) for p in paths if os.path.splitext(p)[1] in {**COMPILERS, **SCRIPTS}]
    programs = [p for p in programs if not picked or any(p.name.startswith(word) for word in picked)]
    for folder in "hung", "healthy":
        os.makedirs(os.path.join(BUILT, folder), exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(Program.make, programs))
    modes = os.environ.get("HD_MODES", "launched attached guarded").split()
    for i, program in enumerate(programs):
        for mode, function in ("launched", launched), ("attached", attached), ("guarded", guarded):
            if mode in program.modes and mode in modes and (mode != "guarded" or picked or i % SAMPLE == 0):
                found.append((f"{program.name} {mode}", lambda f=function, p=program: f(p)))
    return found


if __name__ == "__main__":
    main(cases())
