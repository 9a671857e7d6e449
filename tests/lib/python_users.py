"""Threads that wait for locks which another thread took by acquire(), all cases beside each other in one process.

One JSON line on stdout: {case: {"waiter": native thread number, "user": IDENT or null}}; then it stands still until its stdin is
closed.  user: who stands behind the acquire() and before the release() of that lock, if that is one thread only.  3.8 and later."""
import ctypes
import json
import os
import queue
import signal
import sys
import threading

libc = ctypes.CDLL(None)
libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
signal.alarm(120)

never = threading.Lock()
never.acquire()
out = {}


def stand():
    arrived.put(None)
    never.acquire()


def start(function, *args):
    """Returns when the thread says that it has arrived."""
    thread = threading.Thread(target=function, args=args, daemon=True)
    thread.start()
    arrived.get()
    return thread


def wait_for(case, function, user, *args):
    waiter = start(function, *args)
    native = waiter.native_id
    out[case] = {"waiter": native, "user": waiter.ident if user == "itself" else user and user.ident}


arrived = queue.SimpleQueue()
g_lock, r_lock, o_lock, o_other, p_lock, p_other, w_lock, s_lock = (threading.Lock() for _ in range(8))


def hold_global():
    g_lock.acquire()
    stand()
    g_lock.release()


def want_global():
    arrived.put(None)
    g_lock.acquire()


class Store:
    def __init__(self):
        self.inner = threading.Lock()

    def hold(self):
        self.inner.acquire()
        stand()
        self.inner.release()

    def want(self):
        arrived.put(None)
        with self.inner:
            pass


def hold_given(lock):
    lock.acquire()
    stand()
    lock.release()


def want_given(lock):
    arrived.put(None)
    with lock:
        pass


def release_again():
    """It did release what it took by acquire(); how it took it again cannot be seen."""
    r_lock.acquire()
    r_lock.release()
    getattr(r_lock, "acquire")()
    stand()


def want_released():
    arrived.put(None)
    with r_lock:
        pass


def hold_ordered():
    o_lock.acquire()
    stand()
    o_lock.release()


def hold_another():
    """Stands behind an acquire(), too, and names the lock, but it is another lock's acquire()."""
    o_other.acquire()
    stand()
    if o_lock.locked():
        o_other.release()


def want_ordered():
    arrived.put(None)
    with o_lock:
        pass


def hold_plainly():
    p_lock.acquire()
    stand()
    p_lock.release()


def hold_by_a_number():
    """The same, and here nobody can tell from the code whose acquire() it is."""
    locks = {7: p_other}
    locks[7].acquire()
    stand()
    if p_lock.locked():
        locks[7].release()


def want_plainly():
    arrived.put(None)
    with p_lock:
        pass


def hold_with():
    with w_lock:
        stand()


def want_with():
    arrived.put(None)
    with w_lock:
        pass


def want_twice():
    s_lock.acquire()
    arrived.put(None)
    s_lock.acquire()


def main():
    store, given = Store(), threading.Lock()
    wait_for("global", want_global, start(hold_global))
    wait_for("attribute", store.want, start(store.hold))
    wait_for("given", want_given, start(hold_given, given), given)
    start(release_again)
    wait_for("released", want_released, None)
    start(hold_another)
    wait_for("ordered", want_ordered, start(hold_ordered))
    start(hold_plainly)
    start(hold_by_a_number)
    wait_for("several", want_plainly, None)
    start(hold_with)
    wait_for("with", want_with, None)
    wait_for("itself", want_twice, "itself")
    print(json.dumps(out), flush=True)
    os.read(0, 1)
    os._exit(0)


main()
