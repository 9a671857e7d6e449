# EXPECT: verdict=deadlock cause=inherited-lock|missing-thread certainty=proven scope=process kind=python-lock
# PYTHON: 3.14
"""From 3.14 a threading.Lock is one byte, and its waiters park on a semaphore on their own stacks: the lock is named, not
where the thread sleeps."""
import ctypes
import os
import threading

prctl = ctypes.CDLL(None).prctl
prctl(1, 9)
cache_lock = threading.Lock()
taken = threading.Event()


def holder():
    with cache_lock:
        taken.set()
        threading.Event().wait()


threading.Thread(target=holder, name="holder", daemon=True).start()
taken.wait()
pid = os.fork()
if pid == 0:
    prctl(1, 9)
    with cache_lock:
        os._exit(0)
os.waitpid(pid, 0)
