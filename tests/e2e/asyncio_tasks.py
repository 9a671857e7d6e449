#!/usr/bin/env python3
"""dump --async: asyncio tasks, where each is suspended and what it awaits, on every version that is here."""
import glob
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import check, hangdog, main, need

CASES = []

PROGRAM = """
import asyncio, ctypes, signal
signal.alarm(60)
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
async def fetch(lock):
    async with lock:
        pass
async def inner(event):
    await event.wait()
async def outer(event):
    await inner(event)
async def on_task(task):
    await task
async def on_gather(both):
    await both
async def done():
    pass
async def main():
    lock = asyncio.Lock()
    await lock.acquire()
    event = asyncio.Event()
    a = asyncio.ensure_future(outer(event))
    b = asyncio.gather(fetch(lock), fetch(lock))
    c = asyncio.ensure_future(on_task(a))
    d = asyncio.ensure_future(on_gather(b))
    await asyncio.ensure_future(done())
    print("ready", flush=True)
    await c
asyncio.run(main())
"""


def case(function):
    CASES.append((function.__name__.replace("_", " "), function))
    return function


def interpreters():
    out = {}
    for path in glob.glob(os.path.expanduser("~/.pyenv/versions/3.*/bin/python3")) + [sys.executable]:
        version = subprocess.run([path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], capture_output=True, text=True).stdout
        if version and (3, 8) <= tuple(map(int, version.split("."))) <= (3, 13):
            out.setdefault(version.strip(), path)
    return out


def with_program(python, function):
    p = subprocess.Popen([python, "-c", PROGRAM], stdout=subprocess.PIPE, text=True)
    try:
        check(p.stdout.readline() == "ready\n", "started")
        # `await c` comes after the line: until then Task-1 has no awaited object.
        return function(p.pid)
    finally:
        p.kill()
        p.wait()
        p.stdout.close()


def dumped(pid):
    for _ in range(100):
        r = hangdog("dump", "--async", "--json", pid)
        check(r.status == 0, r)
        tasks = json.loads(r.out)["processes"][0]["tasks"]
        if len(tasks) == 6 and all(t["awaits"] for t in tasks):
            return tasks
    raise AssertionError(f"never all suspended: {tasks}")


@case
def each_task_is_shown_with_its_frames_and_what_it_awaits():
    for version, python in interpreters().items():
        tasks = with_program(python, dumped)
        by_place = {}
        for t in tasks:
            names = [f["function"].split(".")[-1] for f in t["stack"]]
            by_place.setdefault(names[-1], []).append((t, names))
        check({k: len(v) for k, v in by_place.items()} == {"main": 1, "outer": 1, "fetch": 2, "on_task": 1, "on_gather": 1}, (version, tasks))
        outer, names = by_place["outer"][0]
        check(names == ["wait", "inner", "outer"] and outer["awaits"] == "a Future", (version, outer))
        check(by_place["on_task"][0][0]["awaits"] == "task " + outer["name"], (version, by_place))
        check(by_place["main"][0][0]["awaits"] == "task " + by_place["on_task"][0][0]["name"], (version, by_place))
        check(by_place["on_gather"][0][0]["awaits"] == "a gather() of 2", (version, by_place))
        check(by_place["fetch"][0][1] == ["acquire", "__aenter__", "fetch"], (version, by_place))
        lines = [f["line"] for f in outer["stack"][1:]]
        check(lines == [9, 11], (version, lines))


@case
def the_text_names_them_and_nothing_is_shown_unasked():
    def look(pid):
        return hangdog("dump", "--async", pid), hangdog("dump", pid), hangdog("dump", "--json", pid)
    asked, plain, data = with_program(sys.executable, look)
    check("6 asyncio tasks" in asked.out and "task Task-1 " in asked.out and "a gather() of 2" in asked.out, asked)
    check("asyncio task" not in plain.out and "tasks" not in json.loads(data.out)["processes"][0], plain)


@case
def a_program_without_asyncio_has_none():
    p = subprocess.Popen([sys.executable, "-c", "import signal; signal.alarm(60); print('ready', flush=True); input()"], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, text=True)
    try:
        p.stdout.readline()
        r = hangdog("dump", "--async", p.pid)
        check(r.status == 0 and "asyncio" not in r.out, r)
    finally:
        p.kill()
        p.communicate()


if __name__ == "__main__":
    need("dump")
    main(CASES)
