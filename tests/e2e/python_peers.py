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
from harness import Cases, Skip, check, hangdog, main, need
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


def chosen():
    found = interpreters()
    if ALL:
        return found
    some = [v for v in found if "t" not in v and "d" not in v and key(v) < [3, 14]]
    return {v: found[v] for v in (some[0], some[-1])}


def compare(name, read):
    path = peer(name)
    compared = 0
    for version, python in chosen().items():
        why = next((why for peer_name, is_so, why in NOT_COMPARED if peer_name == name and is_so(version)), None)
        p = subprocess.Popen([python, "-c", PROGRAM], stdout=subprocess.PIPE, text=True)
        try:
            check(p.stdout.readline() == "ready\n", (version, "started"))
            ours = of_hangdog(p.pid)
            check(len(ours) == 15 and all(ours.values()), (version, ours))
            theirs, error = read(path, p.pid)
            if why is not None:
                check(theirs != ours, f"{name} shows the same on {version} by now: its row in NOT_COMPARED is out of date")
                print(f"  {name} on {version}: not compared, {why}", flush=True)
                continue
            check(theirs is not None, f"{name} on {version}: {error}")
            for tid, frames in ours.items():
                check(tid in theirs, (name, version, tid, sorted(theirs)))
                check(theirs[tid] == frames, f"{name} on {version}, thread {tid}:\n  ours   {frames}\n  theirs {theirs[tid]}")
            check(set(theirs) == set(ours), (name, version, "threads", set(theirs) ^ set(ours)))
            print(f"  {name} on {version}: {len(ours)} threads, {sum(map(len, ours.values()))} frames, the same", flush=True)
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


if __name__ == "__main__":
    need("dump")
    main(CASES)
