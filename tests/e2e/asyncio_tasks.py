#!/usr/bin/env python3
"""dump --async: asyncio tasks, where each is suspended and what it awaits, on every version that is here."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import Cases, check, hangdog, main, need, wait_until
from pythons import interpreters

CASES = case = Cases()

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


def with_program(python, function, program=PROGRAM):
    p = subprocess.Popen([python, "-c", program], stdout=subprocess.PIPE, text=True)
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


TWO_LOOPS = """
import asyncio, ctypes, signal, threading
signal.alarm(60)
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
async def wait_for(event, ready):
    ready.set()
    await event.wait()
def python_class(loop, coro, **ignored):
    return asyncio.tasks._PyTask(coro, loop=loop)
async def run(ready, factory):
    event = asyncio.Event()
    if factory:
        asyncio.get_running_loop().set_task_factory(factory)
    await asyncio.ensure_future(wait_for(event, ready))
here, there = threading.Event(), threading.Event()
threading.Thread(target=lambda: asyncio.run(run(there, python_class)), daemon=True).start()
there.wait()
async def both():
    asyncio.ensure_future(tell())
    await run(here, None)
async def tell():
    print("ready", flush=True)
asyncio.run(both())
"""


@case
def tasks_of_all_loops_are_shown_and_those_of_the_python_class():
    def places(pid):
        tasks = json.loads(hangdog("dump", "--async", "--json", pid).out)["processes"][0].get("tasks", [])
        return sorted(t["stack"][-1]["function"].split(".")[-1] for t in tasks if t["awaits"])

    for version, python in interpreters().items():
        with_program(python, lambda pid: wait_until(lambda: places(pid) == ["both", "run", "wait_for", "wait_for"], (version, places(pid))),
                     TWO_LOOPS)


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
