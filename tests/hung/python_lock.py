# EXPECT: verdict=deadlock cause=inherited-lock|missing-thread certainty=proven scope=process kind=python-lock
# A threading.Lock, held by another thread at the fork.
import os
import threading

import fixture

cache_lock = threading.Lock()


def lookup():
    with cache_lock:
        return 1


def main():
    fixture.begin()
    cache_lock_holder = lambda: cache_lock.acquire()
    pid = fixture.hold_while(cache_lock_holder, fixture.fork)
    if pid == 0:
        lookup()
        os._exit(0)
    fixture.wait(pid)


main()
