# EXPECT: verdict=deadlock cause=inherited-lock|missing-thread certainty=proven|owned scope=process
# MODES: launched
# As python_lock, in a program that handles SIGALRM (a time-out decorator, used and over): no alarm is set.
import os
import signal
import threading

import fixture


def ring(*_):
    raise TimeoutError


def hold(lock, taken):
    with lock:
        taken.set()
        threading.Event().wait(0.5)


def main():
    fixture.begin()
    lock, taken = threading.Lock(), threading.Event()
    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 100)
    signal.setitimer(signal.ITIMER_REAL, 0)
    thread = threading.Thread(target=hold, args=(lock, taken))
    thread.start()
    taken.wait()
    child = os.fork()
    if child == 0:
        fixture.begin()
        with lock:
            os._exit(0)
    thread.join()
    os.waitpid(child, 0)


main()
