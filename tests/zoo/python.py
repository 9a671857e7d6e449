"""CPython's locks, 3.6 and later.  Same protocol as zoo.h."""
import ctypes
import os
import signal
import sys
import threading
import time

LIBC = ctypes.CDLL(None, use_errno=True)


def tid():
    return LIBC.syscall(186)


def say(line):
    os.write(1, (line + "\n").encode())


def stay():
    while True:
        time.sleep(3600)


def start(fn):
    """Starts a thread that only runs fn; its tid."""
    ready = []

    def body():
        ready.append(tid())
        fn()

    threading.Thread(target=body, daemon=True).start()
    while not ready:
        time.sleep(0.001)
    return ready[0]


def lock():
    held = threading.Lock()
    held.acquire()
    say("waiter=%d kind=PYTHON family=cpython owner=0 held=1 api=threading.Lock.acquire" % start(held.acquire))


def rlock():
    held = threading.RLock()
    held.acquire()
    say("waiter=%d kind=PYTHON family=cpython owner=%d held=1 releases=1 recursive=1 api=threading.RLock.acquire"
        % (start(held.acquire), tid()))


def condition():
    cond = threading.Condition()

    def wait():
        with cond:
            cond.wait()

    say("waiter=%d kind=PYTHON family=cpython owner=0 held=1" % start(wait))


def queue_get():
    import queue

    say("waiter=%d kind=PYTHON family=cpython owner=0 held=1" % start(queue.Queue().get))


def join():
    thread = threading.Thread(target=stay, daemon=True)
    thread.start()
    say("waiter=%d kind=PYTHON family=cpython owner=0" % start(thread.join))


def process_lock():
    import multiprocessing

    held = multiprocessing.Lock()
    held.acquire()
    say("waiter=%d kind=SEMAPHORE family=cpython shared=1 owner=0 held=1 api=multiprocessing.SemLock.acquire" % start(held.acquire))


def gil():
    def spin():
        while True:
            pass

    waiter = start(spin)
    say("waiter=%d kind=GIL family=cpython owner=0" % waiter)
    ctypes.PyDLL(None).pause()  # keeps the interpreter lock


CASES = [lock, rlock, condition, queue_get, join, process_lock, gil]

LIBC.prctl(1, signal.SIGKILL)
signal.alarm(60)
for case in CASES:
    if sys.argv[1] == "--list":
        print(case.__name__)
    elif sys.argv[1] == case.__name__:
        case()
        stay()
