"""A child that hangs on a lock which another thread of the parent holds at the fork.  argv[1] names the case.

One JSON line on stdout: {"child": PID, "holder": IDENT or null, "waiter": IDENT}.  A second line is printed by the
parent when its stdin is closed.  The holder is inside `with` (or acquire) when the fork happens; the parent stays as it
is, so that its threads, as they stood at the fork, can be read from it.  Runs on 3.8 and later.
"""
import ctypes
import importlib.machinery
import json
import os
import queue
import signal
import sys
import threading

libc = ctypes.CDLL(None)
libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
signal.alarm(120)

held = threading.Event()
never = threading.Lock()
never.acquire()
cache_lock = threading.Lock()
registry = {"jobs": threading.RLock()}


def hold_on():
    held.set()
    never.acquire()


class Pool:
    def __init__(self):
        self._lock = threading.Lock()
        self._rlock = threading.RLock()
        self._condition = threading.Condition(threading.Lock())
        self.jobs = queue.Queue()

    def hold_attribute(self):
        with self._lock:
            hold_on()

    def want_attribute(self):
        with self._lock:
            pass

    def hold_rlock(self):
        self._rlock.acquire()
        hold_on()

    def want_rlock(self):
        self._rlock.acquire()

    def hold_condition(self):
        with self._condition:
            hold_on()

    def want_condition(self):
        with self._condition:
            pass

    def hold_queue(self):
        with self.jobs.mutex:
            hold_on()

    def want_queue(self):
        self.jobs.put(1)


pool = Pool()


def hold_global():
    with never_mind():
        with cache_lock:
            try:
                hold_on()
            finally:
                pass


def want_global():
    with cache_lock:
        pass


class never_mind:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def hold_item():
    with registry["jobs"]:
        hold_on()


def want_item():
    with registry["jobs"]:
        pass


def hold_acquire():
    cache_lock.acquire()
    hold_on()


def hold_closure():
    with closure_lock:
        hold_on()


def make_closure():
    guard = threading.Lock()

    def want():
        with guard:
            pass

    return guard, want


closure_lock, want_closure = make_closure()
globals_copy = closure_lock


def hold_wrapped():
    with wrapped:
        hold_on()


def want_wrapped():
    with wrapped:
        pass


class Wrapper:
    def __init__(self):
        self.inner = threading.Lock()

    def __enter__(self):
        self.inner.acquire()

    def __exit__(self, *_):
        self.inner.release()


wrapped = Wrapper()


def hold_import():
    import hd_slow_module  # noqa: F401  (its body calls hold_on)


def want_import():
    import hd_slow_module  # noqa: F401


def wait_in_condition():
    """Inside `with`, but waiting: does not hold it."""
    with cache_condition:
        held_by_nobody.set()
        cache_condition.wait()


held_by_nobody = threading.Event()
cache_condition = threading.Condition(cache_lock)


def hold_beside_waiter():
    threading.Thread(target=wait_in_condition, daemon=True).start()
    held_by_nobody.wait()
    with cache_lock:
        hold_on()


def fill_log():
    log.write("x" * 200000)
    log.flush()


def hold_log():
    """Inside write(2) on a full pipe, with the stream's buffer locked."""
    threading.Thread(target=fill_log, name="filler", daemon=True).start()
    room = ctypes.c_int()
    while room.value < 65536:
        libc.ioctl(log_pipe[0], 0x541b, ctypes.byref(room))  # FIONREAD
    held.set()


def want_log():
    log.write("y" * 100000)
    log.flush()


log_pipe = os.pipe()
log = os.fdopen(log_pipe[1], "w")
started = threading.Event()


def want_event():
    started.wait()


def want_job():
    pool.jobs.get()


CASES = {
    "global": (hold_global, want_global),
    "attribute": (pool.hold_attribute, pool.want_attribute),
    "rlock": (pool.hold_rlock, pool.want_rlock),
    "condition": (pool.hold_condition, pool.want_condition),
    "queue": (pool.hold_queue, pool.want_queue),
    "item": (hold_item, want_item),
    "acquire": (hold_acquire, want_global),
    "closure": (hold_closure, want_closure),
    "wrapped": (hold_wrapped, want_wrapped),
    "import": (hold_import, want_import),
    "beside": (hold_beside_waiter, want_global),
    "stream": (hold_log, want_log),
    "event": (hold_on, want_event),
    "job": (hold_on, want_job),
}


def main():
    hold, want = CASES[sys.argv[1]]
    if sys.argv[1] == "import":
        sys.meta_path.insert(0, SlowFinder())
    holder = threading.Thread(target=hold, name="holder", daemon=True)
    holder.start()
    held.wait()
    for thread in threading.enumerate():
        if thread.name == "filler":
            holder = thread
    child = os.fork()
    if child == 0:
        libc.prctl(1, signal.SIGKILL)
        signal.alarm(120)
        os.close(0)
        want()
        os._exit(1)
    print(json.dumps({"child": child, "holder": holder.ident, "waiter": threading.get_ident()}), flush=True)
    sys.stdin.read()
    os.kill(child, signal.SIGKILL)
    os._exit(0)


class SlowFinder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, SlowFinder) if name == "hd_slow_module" else None

    @staticmethod
    def create_module(spec):
        return None

    @staticmethod
    def exec_module(module):
        hold_on()


main()
