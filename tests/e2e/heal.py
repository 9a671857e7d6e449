#!/usr/bin/env python3
"""--on-hang heal and kill-child on real programs: each hangs by itself, goes on with heal, and ends with its own status."""
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import HANGDOG, O, ROOT, Skip, check, hangdog, main, need, scratch, wait_until

FIXTURES = os.path.join(ROOT, "tests", "fixtures")
LIB = os.path.join(ROOT, "tests", "lib")
BUILT = os.path.join(O, "tests", "programs", "heal")
HEALED, HUNG = 5, 124
CASES = []


def case(function, *args):
    name = " ".join([function.__name__.replace("_", " "), *map(str, args)])
    CASES.append((name, lambda: function(*args)))
    return function


def build(compiler, source, *flags):
    """The program, built before any case runs."""
    os.makedirs(BUILT, exist_ok=True)
    binary = os.path.join(BUILT, os.path.splitext(source)[0])
    if shutil.which(compiler) is None:
        return None
    made = subprocess.run([compiler, *flags, "-o", binary, os.path.join(FIXTURES, source)], capture_output=True, text=True)
    if made.returncode != 0:
        sys.exit(f"{source}: {made.stderr}")
    return binary


C_FLAGS = ["-std=gnu17", "-D_GNU_SOURCE", "-O1", "-g", "-pthread", "-I", LIB]
HEAL = build("cc", "heal.c", *C_FLAGS)
MUSL = build("musl-gcc", "heal_musl.c", *C_FLAGS)
RUST = build("rustc", "heal_rust.rs", "-g", "-O")

CXX = build("c++", "heal_cxx.cc", "-std=c++17", "-O1", "-g", "-pthread")
STORMS = ["environment", "users", "random", "exit"]
# Other C libraries: folders with a system in each that has a compiler.
ROOTS = sorted(glob.glob(os.path.join(os.environ.get("HANGDOG_TEST_ROOTS", "/nowhere"), "*", "usr", "bin", "gcc")))
CORE = ["normal", "recursive", "errorcheck", "adaptive", "robust", "shared", "read-after-write", "write-after-write", "write-after-read",
        "zone", "loader", "stream"]
KINDS = ["normal", "recursive", "errorcheck", "adaptive", "robust", "shared", "read-after-write", "write-after-write",
         "write-after-read", "zone", "locale", "loader", "stream", "busy"]


def environment(folder):
    return dict(os.environ, FIXTURE_DIR=folder, PYTHONPATH=LIB, PYTHONDONTWRITEBYTECODE="1", XDG_RUNTIME_DIR=folder)


def guard(folder, actions, *command, options=()):
    r = hangdog("run", "--incident-dir", os.path.join(folder, "state"), "--term-timeout", "1", "--on-hang", actions, *options, "--",
                *command, env=environment(folder))
    reports = [json.load(open(f)) for f in sorted(glob.glob(os.path.join(folder, "state", "*", "report.json")))]
    return r, reports


def goes_on(*command):
    with scratch() as d:
        r, reports = guard(d, "heal,kill", *command)
        check(r.status == HEALED, r)
        check(len(reports) == 1 and reports[0]["action"]["taken"] == "heal", reports)
        result = reports[0]["action"]["result"]
        check("went on after" in result and "CAREFUL" in result and "never finished" in result, result)
        check("hangdog: heal: freed " in r.err, r)


def is_refused(why, *command):
    with scratch() as d:
        r, reports = guard(d, "heal,kill", *command)
        check(r.status == HUNG, r)
        check(reports[0]["action"]["taken"] == "kill" and "tried, too: heal (" in reports[0]["action"]["result"], reports[0]["action"])
        check(why in r.err, r)


# ---- by itself: hangs -------------------------------------------------------------------------------------------------

def child_of(pid):
    children = open(f"/proc/{pid}/task/{pid}/children").read().split()
    return int(children[0]) if children else None


def waits_in_futex(pid):
    try:
        return open(f"/proc/{pid}/task/{pid}/syscall").read().startswith("202 ")
    except OSError:
        return False


def every_kind_hangs_by_itself():
    with scratch() as d:
        running = []
        for kind in KINDS:
            folder = os.path.join(d, kind)
            os.mkdir(folder)
            running.append((kind, subprocess.Popen([HEAL, kind], env=environment(folder), stdin=subprocess.DEVNULL)))
        try:
            for kind, p in running:
                wait_until(lambda: child_of(p.pid) and waits_in_futex(child_of(p.pid)), f"{kind} hangs")
            before = [(kind, child_of(p.pid), open(f"/proc/{child_of(p.pid)}/syscall").read()) for kind, p in running]
            time.sleep(1)  # long enough for whatever is not hung to be gone
            for kind, pid, call in before:
                check(open(f"/proc/{pid}/syscall").read() == call, f"{kind} went on by itself")
        finally:
            for _, p in running:
                p.kill()
                p.wait()


# ---- freed --------------------------------------------------------------------------------------------------------------

def freed(kind):
    goes_on(HEAL, kind)


def freed_of_musl(kind):
    if MUSL is None:
        raise Skip("no musl-gcc")
    goes_on(MUSL, kind)


def freed_of_rust():
    if RUST is None:
        raise Skip("no rustc")
    goes_on(RUST)


def freed_of_cxx(kind):
    if CXX is None:
        raise Skip("no c++")
    goes_on(CXX, kind)


def refused_of_cxx(kind, why):
    if CXX is None:
        raise Skip("no c++")
    is_refused(why, CXX, kind)


def refused_of_absl():
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "absl_synchronization"], capture_output=True, text=True)
    if flags.returncode != 0:
        raise Skip("no absl")
    program = os.path.join(BUILT, "heal_absl")
    made = subprocess.run(["c++", "-std=c++17", "-DWITH_ABSL", "-O1", "-g", "-pthread", "-o", program, os.path.join(FIXTURES, "heal_cxx.cc"),
                           *flags.stdout.split()], capture_output=True, text=True)
    check(made.returncode == 0, made.stderr)
    is_refused("no tried recipe", program, "absl")


def freed_in(root, kind):
    """In a system of its own, with its C library; /proc is mounted for this process alone."""
    if os.geteuid() != 0:
        raise Skip("needs root")
    with tempfile.TemporaryDirectory(prefix="hangdog-test-", dir=os.path.join(root, "tmp")) as d:
        os.chmod(d, 0o755)
        for name in os.path.join(FIXTURES, "heal.c"), os.path.join(LIB, "fixture.h"):
            shutil.copy(name, d)
        inside = "/" + os.path.relpath(d, root)
        made = subprocess.run(["chroot", root, "gcc", "-std=gnu11", "-D_GNU_SOURCE", "-O1", "-g", "-pthread", "-o", inside + "/heal",
                               inside + "/heal.c", "-ldl"], capture_output=True, text=True)
        check(made.returncode == 0, made.stderr)
        goes_on("unshare", "-m", "sh", "-c", f"mount -t proc proc {root}/proc && FIXTURE_DIR={inside} exec chroot {root} {inside}/heal {kind}")


def pythons():
    """sys.executable, what pyenv has, 3.8 and newer, and what HANGDOG_TEST_PYTHON names."""
    found = glob.glob(os.path.expanduser("~/.pyenv/versions/3.*/bin/python3"))
    newer = [f for f in found if int(f.split("/versions/3.")[1].split(".")[0]) >= 8]
    return [sys.executable] + sorted(newer) + [p for p in os.environ.get("HANGDOG_TEST_PYTHON", "").split(":") if p]


def freed_of_python(python, kind):
    goes_on(python, os.path.join(FIXTURES, "heal_python.py"), kind)


def freed_in_every_worker_of_a_pool():
    with scratch() as d:
        r, reports = guard(d, "heal,kill", sys.executable, os.path.join(FIXTURES, "stuck_workers.py"), "pool")
        check(r.status == 7 and r.out == "[1, 2]\n", r)
        freed_count = sum(report["action"]["result"].count("freed ") for report in reports)
        check(freed_count == 2, [report["action"] for report in reports])


def freed_when_its_holder_was_killed():
    program = os.path.join(BUILT, "killed_holder")
    made = subprocess.run(["cc", *C_FLAGS, "-o", program, os.path.join(ROOT, "tests", "hung", "killed_holder_pshared.c")],
                          capture_output=True, text=True)
    check(made.returncode == 0, made.stderr)
    with scratch() as d:
        r, reports = guard(d, "heal,kill", program)
        check(r.status == 0 and reports[0]["cause"] == "dead-holder", r)


def refused_when_the_fork_was_not_seen():
    with scratch() as d:
        r, _ = guard(d, "heal,kill", HEAL, "normal", options=("--follow", "observe"))
        check(r.status == HUNG and ("did not see the fork" in r.err or "did not see every fork" in r.err), r)


def freed_on_demand():
    with scratch() as d:
        p = subprocess.Popen([HANGDOG, "run", "-q", "--incident-dir", os.path.join(d, "state"), "--", HEAL, "normal"],
                             env=environment(d), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: glob.glob(os.path.join(d, "state", "*", "report.json")), "the hang is seen")
            root = child_of(p.pid)
            r = hangdog("ctl", root, "heal", env=environment(d))
            check(r.status == 0 and "freed mutex (in heal)" in r.out and "CAREFUL" in r.out, r)
            check(p.wait(timeout=30) == HEALED, "it did not end with its own status")
        finally:
            p.kill()
            p.wait()


def on_demand_nothing_is_freed_where_nothing_hangs():
    with scratch() as d:
        p = subprocess.Popen([HANGDOG, "run", "-q", "--", "sleep", "60"], env=environment(d), stdin=subprocess.DEVNULL)
        try:
            wait_until(lambda: child_of(p.pid), "it runs")
            root = child_of(p.pid)
            wait_until(lambda: hangdog("ps", env=environment(d)).out.count("\n") > 0, "its supervisor answers")
            r = hangdog("ctl", root, "heal", env=environment(d))
            check(r.status == 125 and "nothing is proven to hang" in r.err, r)
        finally:
            p.kill()
            p.wait()


def one_lock_after_the_other_is_freed():
    with scratch() as d:
        r, reports = guard(d, "heal,kill", HEAL, "two")
        check(r.status == HEALED and len(reports) == 2, r)
        check([("mutex (in heal)" in x["action"]["result"], "second (in heal)" in x["action"]["result"]) for x in reports] ==
              [(True, False), (False, True)], [x["action"] for x in reports])


def refused_rwlock_that_others_may_be_using():
    is_refused("other threads of the process run on", HEAL, "busy-rwlock")


def nothing_is_freed_unless_asked():
    with scratch() as d:
        r, reports = guard(d, "kill", HEAL, "normal")
        check(r.status == HUNG and "hangdog: heal:" not in r.err, r)
        check(reports[0]["action"]["taken"] == "kill", reports[0]["action"])


# ---- refused -------------------------------------------------------------------------------------------------------------

def refused_pi():
    is_refused("inherits priorities", HEAL, "pi")


def refused_condition():
    is_refused("does not wait for an orphaned lock (missing-thread)", HEAL, "condition")


def refused_semaphore():
    is_refused("does not wait for an orphaned lock (missing-thread)", HEAL, "semaphore")


def refused_malloc():
    is_refused("the memory allocator was in the middle of something", HEAL, "malloc")


def refused_barrier():
    is_refused("does not wait for an orphaned lock (missing-thread)", HEAL, "barrier")


def refused_python_condition():
    is_refused("does not wait for an orphaned lock", sys.executable, os.path.join(FIXTURES, "heal_python.py"), "Condition")


# ---- kill-child ----------------------------------------------------------------------------------------------------------

def stuck_workers(folder, kind):
    return guard(folder, "kill-child,kill", sys.executable, os.path.join(FIXTURES, "stuck_workers.py"), kind)


def refused_python_lock_that_may_be_the_forking_threads(python, kind):
    """Then its holder lives on in the child.  Who called acquire() leaves no trace: only a `with` does."""
    with scratch() as d:
        r, reports = guard(d, "heal,kill", python, os.path.join(FIXTURES, "heal_python.py"), kind)
        check(r.status == HUNG and reports[0]["action"]["taken"] == "kill" and "tried, too: heal (" in reports[0]["action"]["result"], r)


def a_stuck_child_alone_is_ended():
    with scratch() as d:
        r, reports = stuck_workers(d, "process")
        check(r.status == 7 and r.out == "exit code -15\n", r)
        check(reports[0]["action"]["taken"] == "kill-child", reports[0]["action"])


def an_executor_notices_that_its_worker_is_gone():
    with scratch() as d:
        r, _ = stuck_workers(d, "executor")
        check(r.status == 7 and r.out == "BrokenProcessPool\n", r)


def a_pool_would_never_notice_so_all_is_ended():
    with scratch() as d:
        r, reports = stuck_workers(d, "pool")
        check(r.status == HUNG and "multiprocessing.Pool, which never notices" in r.err, r)
        check(reports[0]["action"]["taken"] == "kill", reports[0]["action"])


def the_command_itself_is_not_its_own_child():
    with scratch() as d:
        r, _ = guard(d, "kill-child,kill", sys.executable, "-c", "import threading; l = threading.Lock(); l.acquire(); l.acquire()")
        check(r.status == HUNG and "the command itself is stuck" in r.err, r)


case(every_kind_hangs_by_itself)
for kind in KINDS:
    case(freed, kind)
for kind in STORMS:
    case(freed, kind)
for root in ROOTS:
    for kind in CORE:
        case(freed_in, root[:-len("/usr/bin/gcc")], kind)
for kind in 0, 1, 2:
    case(freed_of_musl, kind)
for kind in "mutex", "recursive", "timed", "shared":
    case(freed_of_cxx, kind)
case(refused_of_cxx, "guard", "the object would be half made")
case(refused_of_cxx, "future", "does not wait for an orphaned lock (missing-thread)")
case(refused_of_absl)
case(freed_of_rust)
for python in pythons():
    for kind in "Lock", "RLock", "Writer":
        case(freed_of_python, python, kind)
    for kind in "Own", "OwnWith", "Acquired":
        case(refused_python_lock_that_may_be_the_forking_threads, python, kind)
for function in [freed_in_every_worker_of_a_pool, freed_when_its_holder_was_killed, refused_when_the_fork_was_not_seen, freed_on_demand,
                 on_demand_nothing_is_freed_where_nothing_hangs, nothing_is_freed_unless_asked, one_lock_after_the_other_is_freed,
                 refused_rwlock_that_others_may_be_using, refused_pi, refused_malloc, refused_barrier, refused_condition,
                 refused_semaphore, refused_python_condition, a_stuck_child_alone_is_ended,
                 an_executor_notices_that_its_worker_is_gone, a_pool_would_never_notice_so_all_is_ended,
                 the_command_itself_is_not_its_own_child]:
    case(function)
need("run")
main(CASES)
