#!/usr/bin/env python3
"""What a report calls the Python lock that a thread waits for, on every CPython that is here: the variable, however deep."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import Cases, check, hangdog, main, need, wait_until
from pythons import interpreters

CASES = case = Cases()

PROGRAM = '''
import collections, ctypes, signal, sys, threading, time
signal.alarm(100)
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
def taken():
    lock = threading.Lock()
    lock.acquire()
    return lock
cache_lock = taken()
by_name = {"users": taken()}
by_number = {-1: 0, 0: taken(), 4711: taken(), -4711: taken()}
in_list = [taken(), taken()]
spare = collections.defaultdict(taken)
spare["x"]
class Base:
    shared, of_class = taken(), taken()
class Pool(Base):
    def __init__(self):
        self._lock = taken()
        self.parts = {"a": [taken()]}
    def own(self):
        self._lock.acquire()
    def inherited(self):
        self.shared.acquire()
    def part(self):
        self.parts["a"][0].acquire()
class Slotted:
    __slots__ = ("other", "guard")
    def __init__(self):
        self.other, self.guard = 1, taken()
    def slot(self):
        self.guard.acquire()
class App:
    def __init__(self):
        self.pool = Pool()
app = App()
def module_global(): cache_lock.acquire()
def dict_element(): by_name["users"].acquire()
def number_element(): by_number[4711].acquire()
def zero_element(): by_number[0].acquire()
def negative_element(): by_number[-4711].acquire()
def list_element(): in_list[1].acquire()
def default_element(): spare["x"].acquire()
def class_attribute(): Base.of_class.acquire()
def deep_global(): app.pool._lock.acquire()
LONG_NAME = App()
def long_name(): LONG_NAME.pool._lock.acquire()
def make_closure():
    inner_lock = taken()
    def closure(): inner_lock.acquire()
    return closure
def local():
    mine = taken()
    mine.acquire()
def argument(given): given.acquire()
def nameless(): taken().acquire()
pool, slotted = Pool(), Slotted()
ways = dict(module_global=module_global, dict_element=dict_element, number_element=number_element, zero_element=zero_element, negative_element=negative_element, list_element=list_element, default_element=default_element,
            class_attribute=class_attribute, deep_global=deep_global, long_name=long_name, closure=make_closure(), local=local, own=pool.own,
            inherited=pool.inherited, part=pool.part, slot=slotted.slot, argument=lambda: argument(taken()), nameless=nameless)
for name, way in ways.items():
    threading.Thread(target=way, name=name, daemon=True).start()
sys.stdout.write("ready\\n"); sys.stdout.flush()
time.sleep(1000)
'''

LONG = "a_variable_whose_name_is_longer_than_any_that_the_reader_itself_looks_for_by_name"

WANT = {
    "module_global": "cache_lock (in prog.py)",
    "dict_element": "by_name['users'] (in prog.py)",
    "number_element": "by_number[4711] (in prog.py)",
    "zero_element": "by_number[0] (in prog.py)",
    "negative_element": "by_number[...] (in prog.py)",
    "list_element": "in_list[1] (in prog.py)",
    "default_element": "spare['x'] (in prog.py)",
    "class_attribute": "Base.of_class (in prog.py)",
    "deep_global": "app.pool._lock of Pool (in prog.py)",
    "long_name": "LONG_NAME.pool._lock of Pool (in prog.py)",
    "closure": "inner_lock (in prog.py)",
    "local": "mine (in prog.py)",
    "own": "self._lock of Pool (in prog.py)",
    "inherited": "self.shared of Pool (in prog.py)",
    "part": "self.parts['a'][0] (in prog.py)",
    "slot": "self.guard of Slotted (in prog.py)",
    "argument": "given (in prog.py)",
}


@case
def a_lock_is_called_what_the_program_calls_it():
    for version, python in interpreters().items():
        p = subprocess.Popen([python, "-c", "exec(compile(%r, 'prog.py', 'exec'))" % PROGRAM.replace("LONG_NAME", LONG)], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True)
        told = {}

        def look():
            r = hangdog("why", "--json", p.pid)
            check(r.status in (0, 1), r)
            threads = json.loads(r.out)["processes"][0]["threads"]
            told.update({t["name"]: t["wait"]["object"] for t in threads if t["wait"] is not None})
            return all(told.get(name) == want.replace("LONG_NAME", LONG) for name, want in WANT.items())
        try:
            check(p.stdout.readline() == "ready\n", (version, "started"))
            try:
                wait_until(look, "names", timeout=15)
            except AssertionError:
                raise AssertionError((version, {n: told.get(n) for n, want in WANT.items() if told.get(n) != want}))
            text = " ".join(hangdog("why", "--verbose", p.pid).out.split())
            check("wanted by nameless (prog.py:" in text or "wanted by nameless" in str(told.get("nameless")), (version, told.get("nameless"), text[:3000]))
        finally:
            p.kill()
            p.wait()
            p.stdout.close()


if __name__ == "__main__":
    need("why")
    main(CASES)
