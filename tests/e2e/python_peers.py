#!/usr/bin/env python3
"""The same Python frames as py-spy and pystack, on every CPython that is here; where they differ it is known why.

Usage: python_peers.py [all]: without `all` one old and one new version.  The peers are looked for in PATH and in the folder
that HD_BENCH_PATH names."""
import json
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import Cases, Skip, check, hangdog, main, need, wait_until
from pythons import interpreters, key

ALL = "all" in sys.argv[1:]
sys.argv = [a for a in sys.argv if a != "all"]
CASES = case = Cases()

PROGRAM = '''
import ctypes, signal, sys, threading, time
signal.alarm(100)
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
done = threading.Semaphore(0)
lock = threading.Lock()
lock.acquire()
def leaf(how):
    done.release()
    if how == "lock":
        lock.acquire()
    time.sleep(
        1000
    )
def generate(how):
    yield 1
    yield [leaf(how) for _ in range(2)]
async def coroutine(how):
    leaf(how)
def by_generator(how): return list(generate(how))
def by_lambda(how): return sorted([1], key=lambda x: by_generator(how))
def by_coroutine(how): coroutine(how).send(None)
def by_class(how):
    class Body:
        leaf(how)
def by_text(how):
    exec(compile(chr(10) * 300 + "leaf(how)", "made up.py", "exec"), {"leaf": leaf, "how": how})
def by_depth(how, n=30):
    return by_depth(how, n - 1) if n else leaf(how)
class Thing:
    def __enter__(self): return self
    def __exit__(self, *error): leaf(self.how)
    def method(self, how):
        self.how = how
        with self:
            pass
ways = [by_generator, by_lambda, by_coroutine, by_class, by_text, by_depth, Thing().method]
for way in ways:
    for how in ("sleep", "lock"):
        threading.Thread(target=way, args=(how,), name=way.__name__ + "-" + how, daemon=True).start()
for _ in range(2 * len(ways)):
    done.acquire()
time.sleep(0.5)
sys.stdout.write("ready\\n"); sys.stdout.flush()
def stands():
    time.sleep(1000)
stands()
'''

# Where a peer shows something else, or nothing: peer, on which versions, why.
NOT_COMPARED = [
    ("py-spy", lambda version: "t" in version, "it does not find the frames of free-threaded builds (0.4.3)"),
]


def peer(name):
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("HD_BENCH_PATH", ""), os.environ.get("PATH", "")]))
    if found is None:
        raise Skip(f"{name} is not installed (HD_BENCH_PATH names a folder with it)")
    return found


def plain(function):
    """Peers differ in how much of a qualified name they show: the last part is what all show."""
    return function.split(".")[-1]


def of_hangdog(pid):
    r = hangdog("dump", "--json", "--python", pid)
    check(r.status == 0, r)
    return {t["tid"]: [(plain(f["function"]), os.path.basename(f["file"]), f["line"]) for f in t["stack"] if f["kind"] == "python"]
            for t in json.loads(r.out)["processes"][0]["threads"]}


def of_py_spy(path, pid):
    r = subprocess.run([path, "dump", "--json", "--pid", str(pid)], capture_output=True, text=True, timeout=60)
    if r.returncode != 0:
        return None, r.stderr
    return {t["os_thread_id"]: [(plain(f["name"]), os.path.basename(f["filename"]), f["line"]) for f in t["frames"]]
            for t in json.loads(r.stdout)}, ""


def of_pystack(path, pid):
    r = subprocess.run([path, "remote", str(pid)], capture_output=True, text=True, timeout=60)
    if r.returncode != 0:
        return None, r.stderr
    threads = {}
    for line in r.stdout.splitlines():
        start = re.match(r"Traceback for thread (\d+)", line)
        frame = re.match(r'    \(Python\) File "(.*)", line (\d+), in (.*)$', line)
        if start:
            frames = threads.setdefault(int(start.group(1)), [])
        elif frame:
            frames.insert(0, (plain(frame.group(3)), os.path.basename(frame.group(1)), int(frame.group(2))))
    return threads, ""


# ---- native and Python frames together ------------------------------------------------------------------------------------

# How CPython calls what is called, and names that begin with _Py: pystack leaves most of it out, hangdog shows it.
PLUMBING = re.compile(r"[Vv]ectorcall|PyObject_Call|PyObject_Fast|PyCFunction|PyMethodDef|PyFunction|Py_NewRef|PyEval|_TAIL_CALL|slot_tp|type_call"
                      r"|wrap_|function_code_fastcall|do_call|call_|Call|method_|context_run|StackRefSteal|tp_call")
PRIVATE = set()  # the bare names of what begins with _Py, as met


def bare(name):
    """A native function by the name that all agree on: clone and __clone, f and f.constprop.0."""
    told = re.sub(r"[.@].*", "", name).lstrip("_") if name else "?"
    if name and name.startswith("_Py"):
        PRIVATE.add(told)
    return told


def merged_of_hangdog(pid):
    r = hangdog("dump", "--json", pid)
    check(r.status == 0, r)
    return {t["tid"]: [("python", plain(f["function"])) if f["kind"] == "python" else ("native", bare(f["function"])) for f in t["stack"]]
            for t in json.loads(r.out)["processes"][0]["threads"]}


def merged_of_pystack(path, pid):
    r = subprocess.run([path, "remote", "--native-all", str(pid)], capture_output=True, text=True, timeout=120)
    if r.returncode != 0:
        return None, r.stderr
    threads = {}
    for line in r.stdout.splitlines():
        start = re.match(r"Traceback for thread (\d+)", line)
        python = re.match(r'    \(Python\) File "(.*)", line (\d+), in (.*)$', line)
        native = re.match(r'    \(C\) File ".*", line \d+, in (.*?)( \(.*\))?$', line)
        if start:
            frames = threads.setdefault(int(start.group(1)), [])
        elif python:
            frames.insert(0, ("python", plain(python.group(3))))
        elif native and "(inlined)" not in line and not native.group(1).startswith(("0x", "?")):
            frames.insert(0, ("native", bare(native.group(1))))
    return threads, ""


def merged_of_py_spy(path, pid):
    r = subprocess.run([path, "dump", "--native", "--json", "--pid", str(pid)], capture_output=True, text=True, timeout=120)
    if r.returncode != 0:
        return None, r.stderr
    # What has no file is native; a native frame without a name is a number there.
    return {t["os_thread_id"]: [("python", plain(f["name"])) if f["filename"].endswith((".py", ">")) else ("native", bare(f["name"]))
                                for f in t["frames"] if not f["name"].startswith("0x")] for t in json.loads(r.stdout)}, ""


def left_over(ours, theirs):
    """The frames of ours that are not theirs, or None: theirs are not ours in this order."""
    rest, i = [], 0
    if theirs[-1:] == [("native", "start")] and ours[-1] == ("native", "?"):
        theirs = theirs[:-1]  # libdw calls the entry point of a stripped program so
    for frame in ours:
        if i < len(theirs) and theirs[i] == frame:
            i += 1
        else:
            rest.append(frame)
    return rest if i == len(theirs) else None


def chosen():
    found = interpreters()
    if ALL:
        return found
    some = [v for v in found if "t" not in v and "d" not in v and key(v) < [3, 14]]
    return {v: found[v] for v in (some[0], some[-1])}


def same_frames(where, ours, theirs, _):
    for tid, frames in ours.items():
        check(tid in theirs, (where, tid, sorted(theirs)))
        check(theirs[tid] == frames, f"{where}, thread {tid}:\n  ours   {frames}\n  theirs {theirs[tid]}")


def same_order(where, ours, theirs, shares_root):
    """Each of theirs stands where it stands in ours.  pystack does not name what lies in another root."""
    for tid, frames in ours.items():
        check(tid in theirs, (where, tid, sorted(theirs)))
        rest = left_over(frames, theirs[tid])
        check(rest is not None, f"{where}, thread {tid}:\n  ours   {frames}\n  theirs {theirs[tid]}")
        odd = [f for f in rest if f[0] == "python" or (where.startswith("pystack") and shares_root and f[1] != "?" and f[1] not in PRIVATE and
                                                         not PLUMBING.search(f[1]))]
        check(not odd, f"{where}, thread {tid}: only ours has {odd}:\n  ours   {frames}\n  theirs {theirs[tid]}")


def compare(name, read, ours_of=of_hangdog, agree=same_frames):
    path = peer(name)
    compared = 0
    for version, python in chosen().items():
        why = next((why for peer_name, is_so, why in NOT_COMPARED if peer_name == name and is_so(version)), None)
        p = subprocess.Popen([python, "-c", PROGRAM], stdout=subprocess.PIPE, text=True)
        try:
            check(p.stdout.readline() == "ready\n", (version, "started"))
            ours = ours_of(p.pid)
            check(len(ours) == 15 and all(ours.values()), (version, ours))
            theirs, error = read(path, p.pid)
            if why is not None:
                check(theirs != ours, f"{name} shows the same on {version} by now: its row in NOT_COMPARED is out of date")
                print(f"  {name} on {version}: not compared, {why}", flush=True)
                continue
            check(theirs is not None, f"{name} on {version}: {error}")
            agree(f"{name} on {version}", ours, theirs, os.readlink(f"/proc/{p.pid}/root") == "/")
            check(set(theirs) == set(ours), (name, version, "threads", set(theirs) ^ set(ours)))
            print(f"  {name} on {version}: {len(ours)} threads, {sum(map(len, ours.values()))} frames, {agree.__name__.replace('_', ' ')}", flush=True)
            compared += 1
        finally:
            p.kill()
            p.wait()
            p.stdout.close()
    check(compared > 0, f"{name} was compared on no version")


@case
def py_spy_shows_the_same_frames():
    compare("py-spy", of_py_spy)


@case
def pystack_shows_the_same_frames():
    compare("pystack", of_pystack)


@case
def pystack_has_native_and_python_frames_in_the_same_order():
    compare("pystack", merged_of_pystack, merged_of_hangdog, same_order)


@case
def py_spy_has_native_and_python_frames_in_the_same_order():
    compare("py-spy", merged_of_py_spy, merged_of_hangdog, same_order)


IN_HANDLER = '''
import ctypes, os, signal, threading, time
c = ctypes.CDLL(None)
c.prctl(1, signal.SIGKILL)
signal.alarm(100)
getattr(c, "__register_atfork")(None, None, ctypes.cast(c.pause, ctypes.c_void_p), None)
threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
def forks():
    if os.fork() != 0:
        time.sleep(1000)
forks()
'''


def in_a_handler(name, read):
    """A C library's handler runs in the child before CPython's own: the thread states are still the parent's then."""
    path = peer(name)
    for version, python in chosen().items():
        p = subprocess.Popen([python, "-W", "ignore", "-c", IN_HANDLER], start_new_session=True)
        try:
            def child():
                kids = open(f"/proc/{p.pid}/task/{p.pid}/children").read().split()
                return int(kids[0]) if kids and open(f"/proc/{kids[0]}/wchan").read() != "0" else None
            wait_until(child, (version, "the child is in the handler"))
            pid = child()
            ours = of_hangdog(pid)
            check(list(ours) == [pid] and [f[0] for f in ours[pid]] == ["forks", "<module>"], (version, ours))
            theirs, error = read(path, pid)
            check(theirs != ours, f"{name} on {version} is right in the handler of a fork by now: docs/bench.md says otherwise")
            print(f"  {name} on {version}, child {pid}: {sorted(map(str, theirs)) if theirs is not None else error.strip()[-100:]}", flush=True)
        finally:
            os.killpg(p.pid, 9)
            p.wait()


@case
def py_spy_lists_threads_that_a_fork_did_not_copy():
    in_a_handler("py-spy", of_py_spy)


@case
def pystack_lists_threads_that_a_fork_did_not_copy():
    in_a_handler("pystack", of_pystack)


if __name__ == "__main__":
    need("dump")
    main(CASES)
