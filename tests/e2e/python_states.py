#!/usr/bin/env python3
"""What a dump tells of a Python program, on every CPython that is here: who holds the interpreter's lock and who waits for it,
garbage collection, sub-interpreters, thread names, generators and coroutines, C calls between Python frames, local variables,
and stacks in the middle of a fork."""
import contextlib
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import Cases, Skip, check, hangdog, main, need, wait_until
from pythons import interpreters

CASES = case = Cases()

HEAD = """
import ctypes, os, signal, sys, threading, time
signal.alarm(100)
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
def ready():
    sys.stdout.write("ready\\n"); sys.stdout.flush()
"""


@contextlib.contextmanager
def started(python, program, **env):
    """A program, ended with all that it forked: a copy that is stuck in a handler inherits no alarm."""
    p = subprocess.Popen([python, "-W", "ignore", "-c", HEAD + program], stdout=subprocess.PIPE, text=True, start_new_session=True,
                         env=dict(os.environ, **env))
    try:
        yield p
    finally:
        os.killpg(p.pid, 9)
        p.wait()
        p.stdout.close()


def with_program(python, program, function):
    with started(python, program) as p:
        check(p.stdout.readline() == "ready\n", (python, "started"))
        return function(p.pid)


def dump(pid, *options):
    r = hangdog("dump", "--json", *options, pid)
    check(r.status == 0, r)
    # The program itself first: numbers wrap around.
    return sorted(json.loads(r.out)["processes"], key=lambda p: p["pid"] != pid)


def names(thread):
    """The Python functions of a thread, innermost first, without their classes.  A program that runs may change while it is read:
    then a function has no name."""
    return [(f["function"] or "?").split(".")[-1] for f in thread["stack"] if f["kind"] == "python"]


def eventually(what, version, pid, test, *options):
    """test(processes) is true of some dump: for states that come and go."""
    last = []

    def look():
        last[:] = dump(pid, *options)
        return test(last)
    try:
        wait_until(look, what)
    except AssertionError:
        raise AssertionError(f"{version}: never {what}: {json.dumps(last)[-3000:]}")


def on_each(program, what, test, *options, **limits):
    for version, python in interpreters(**limits).items():
        with_program(python, program, lambda pid: eventually(what, version, pid, lambda procs: test(procs, version), *options))


SPINNERS = """
def spin():
    while True:
        pass
for i in range(3):
    threading.Thread(target=spin, name="spinner", daemon=True).start()
ready()
time.sleep(1000)
"""


def gil_is_told(procs, has_lock):
    gil = {"holds": 0, "waits": 0, None: 0}
    for t in procs[0]["threads"]:
        gil[t["gil"]] += 1
        if t["name"] == "MainThread" and t["gil"] is not None:
            return False
    return gil["holds"] == 1 and gil["waits"] >= 1 if has_lock else gil["holds"] == gil["waits"] == 0


@case
def who_holds_the_interpreters_lock_and_who_waits_for_it():
    on_each(SPINNERS, "one holder and a waiter", lambda procs, version: gil_is_told(procs, "t" not in version))


def free_threaded():
    found = {v: python for v, python in interpreters(first=(3, 13)).items() if "t" in v}
    if not found:
        raise Skip("no free-threaded build is here (HD_PYTHONS may name one)")
    return found


@case
def a_free_threaded_build_may_have_its_lock_switched_on():
    for version, python in free_threaded().items():
        for switch in "1", "0":
            with started(python, SPINNERS, PYTHON_GIL=switch) as p:
                check(p.stdout.readline() == "ready\n", (version, "started"))
                eventually(f"lock {switch}", version, p.pid, lambda procs: gil_is_told(procs, switch == "1"))


STOPPED = """
c = ctypes.CDLL(None)
getattr(c, "__register_atfork")(ctypes.cast(c.pause, ctypes.c_void_p), None, None, None)
def work():
    while True:
        time.sleep(0.001)
threading.Thread(target=work, name="worker", daemon=True).start()
os.fork()
"""


@case
def threads_that_are_stopped_for_a_fork_wait_for_no_lock():
    """The C handler of a fork never ends, and the forking thread has stopped the rest: without an interpreter lock it must."""
    for version, python in free_threaded().items():
        with started(python, STOPPED) as p:
            told = {}

            def look():
                threads = json.loads(hangdog("why", "--json", p.pid).out)["processes"][0]["threads"]
                told.update({t["name"]: t["wait"] and t["wait"]["object"] for t in threads})
                return told.get("worker") == "the thread that stopped all Python threads, to let them go on"
            try:
                wait_until(look, "stopped")
            except AssertionError:
                raise AssertionError((version, told))


@case
def garbage_collection_is_told():
    program = """
import gc
data = [[i] for i in range(300000)]
gc.disable()
gate = threading.Event()
def collect():
    while True:
        gate.wait()
        gc.collect()
threading.Thread(target=collect, daemon=True).start()
ready()
while True:
    time.sleep(0.1)
    gate.set()
    time.sleep(0.2)
    gate.clear()
"""
    for running in (True, False):
        on_each(program, f"gc_running {running}", lambda procs, version: procs[0]["python"]["gc_running"] is running)


@case
def threads_of_sub_interpreters_have_stacks_and_names():
    program = """
try:
    import _interpreters as made
except ImportError:
    try:
        import _xxsubinterpreters as made
    except ImportError:
        made = None
def inside():
    i = made.create()
    text = "import time" + chr(10) + "def deep():" + chr(10) + "    time.sleep(1000)" + chr(10) + "deep()"
    (getattr(made, "run_string", None) or made.exec)(i, text)
if made is not None:
    threading.Thread(target=inside, name="maker", daemon=True).start()
def outer():
    ready()
    time.sleep(1000)
outer()
"""

    def test(procs, version):
        found = {t["name"]: names(t) for t in procs[0]["threads"]}
        # One thread, in two interpreters: the inner one's frames stand on the outer one's.
        inner = found.get("maker", [])
        return found.get("MainThread") == ["outer", "<module>"] and inner[:3] == ["deep", "<module>", "inside"]
    on_each(program, "a frame of the sub-interpreter", test)


@case
def generators_coroutines_and_calls_through_c():
    program = """
def leaf(x, y=0):
    ready()
    time.sleep(1000)
def generate():
    yield 1
    yield leaf(2)
async def coroutine():
    leaf(3)
async def outer():
    await coroutine()
def through_sorted():
    sorted([3, 2, 1], key=lambda x: by_generator())
def by_generator():
    for x in generate():
        pass
class Thing:
    def __getattr__(self, name):
        return sum(map(leaf, [1]))
def by_map():
    list(map(through_property, [1]))
def through_property(x):
    Thing().missing
def by_coroutine():
    outer().send(None)
WHAT()
"""
    want = {
        "through_sorted": ["leaf", "generate", "by_generator", "<lambda>", "through_sorted", "<module>"],
        "by_map": ["leaf", "__getattr__", "through_property", "by_map", "<module>"],
        "by_coroutine": ["leaf", "coroutine", "outer", "by_coroutine", "<module>"],
    }
    for what, functions in want.items():
        on_each(program.replace("WHAT", what), functions, lambda procs, version: names(procs[0]["threads"][0]) == functions)


@case
def names_of_threads_as_the_program_gave_them():
    program = """
import _thread
def stand():
    time.sleep(1000)
threading.Thread(target=stand, name="worker-\\u00e9\\u4e2d\\U0001f600", daemon=True).start()
renamed = threading.Thread(target=stand, name="before", daemon=True)
renamed.start()
renamed.name = "after"
class Own(threading.Thread):
    def run(self):
        stand()
Own(name="own class", daemon=True).start()
_thread.start_new_thread(stand, ())
threading.main_thread().name = "the main one"
time.sleep(0.3)
ready()
time.sleep(1000)
"""

    def test(procs, version):
        found = sorted(t["name"] for t in procs[0]["threads"] if "stand" in names(t) or "<module>" in names(t))
        return {"after", "own class", "the main one", "worker-\u00e9\u4e2d\U0001f600"} < set(found) and len(found) == 5
    on_each(program, "all names", test)


@case
def local_variables_are_written_out_and_nothing_is_called():
    program = """
class Loud:
    def __repr__(self):
        os.write(1, b"called\\n")
        return "loud"
def shown(argument, *rest, key=None):
    number, big, minus, real, truth, text = 42, 10 ** 40, -7, 1.5, True, "sn\\u00f6 \\n"
    items, pair, table, loud, none = [1, 2, 3, 4, 5, 6], (1, "x"), {"k": [1]}, Loud(), None
    cell = 9
    def closure():
        return cell
    deep = [[[[[1]]]]]
    ready()
    time.sleep(1000)
shown("a", 1, 2, key="v")
"""
    want = {"argument": "'a'", "rest": "(1, 2)", "key": "'v'", "number": "42", "minus": "-7", "real": "1.5", "truth": "True",
            "items": "[1, 2, 3, 4, ...]", "pair": "(1, 'x')", "table": "{'k': [1]}", "none": "None", "cell": "9"}

    def test(procs, version):
        frame = next((f for f in procs[0]["threads"][0]["stack"] if f.get("function") == "shown"), None)
        if frame is None or "locals" not in frame:
            return False
        told = dict(text.split("=", 1) for text in frame["locals"])
        return (all(told.get(k) == v for k, v in want.items()) and told["big"] == "<large int>" and told["loud"].startswith("<Loud")
                and told["text"].startswith("'sn\u00f6 ") and "..." in told["deep"])
    on_each(program, "all locals", test, "--locals")


FORK = """
lock = threading.Lock()
def stuck_before():
    if os.getpid() == me and WHERE == "before":
        ready()
        time.sleep(1000)
def stuck_parent():
    if WHERE == "after_in_parent":
        ready()
        time.sleep(1000)
def stuck_child():
    if WHERE == "after_in_child":
        ready()
        time.sleep(1000)
me = os.getpid()
os.register_at_fork(before=stuck_before, after_in_parent=stuck_parent, after_in_child=stuck_child)
threading.Thread(target=time.sleep, args=(1000,), name="bystander", daemon=True).start()
def forks():
    if os.fork() == 0:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    time.sleep(1000)
forks()
"""


@case
def stacks_are_right_inside_handlers_of_a_fork():
    want = {"before": ("stuck_before", 0), "after_in_parent": ("stuck_parent", 0), "after_in_child": ("stuck_child", 1)}
    for where, (function, which) in want.items():
        def test(procs, version):
            if len(procs) <= which:
                return False
            threads = {t["name"]: t for t in procs[which]["threads"]}
            main = threads.get("MainThread")
            # Python threads of the parent that the fork did not copy are none of the child's.
            others = which == 1 or any("run" in names(t) for t in threads.values())
            return (main is not None and names(main) == [function, "forks", "<module>"] and others
                    and len(threads) == (2 if which == 0 else 1))
        on_each(FORK.replace("WHERE", repr(where)), where, test)


C_FORK = """
c = ctypes.CDLL(None)
pause = ctypes.cast(c.pause, ctypes.c_void_p)
getattr(c, "__register_atfork")(*[pause if WHERE == at else None for at in ("prepare", "parent", "child")], None)
def beside():
    time.sleep(1000)
threading.Thread(target=beside, name="bystander", daemon=True).start()
def tell():
    time.sleep(0.5)
    ready()
    time.sleep(1000)
threading.Thread(target=tell, name="teller", daemon=True).start()
def forks():
    if os.fork() == 0:
        time.sleep(1000)
    time.sleep(1000)
forks()
"""


@case
def stacks_are_right_inside_the_c_librarys_handlers_of_a_fork():
    """In the child the interpreter still has the parent's thread numbers then, and the states of threads that are gone.  The
    forking thread holds the GIL, so nobody can tell that it is there: the program is asked from outside."""
    for where, which in {"prepare": 0, "parent": 0, "child": 1}.items():
        for version, python in interpreters().items():
            def test(procs):
                if len(procs) <= which:
                    return False
                main = next((t for t in procs[which]["threads"] if t["tid"] == procs[which]["pid"]), None)
                return (main is not None and names(main) == ["forks", "<module>"] and main["name"] == "MainThread"
                        and any(f["function"] == "pause" for f in main["stack"])
                        and len(procs[which]["threads"]) == (1 if which else 3))
            with started(python, C_FORK.replace("WHERE", repr(where))) as p:
                eventually(where, version, p.pid, test)


if __name__ == "__main__":
    need("dump")
    main(CASES)
