# EXPECT: verdict=none
# Looks like hung/python_lock, but the child gives up.
import os
import threading

import fixture

lock = threading.Lock()


def main():
    fixture.begin()
    pid = fixture.hold_while(lock.acquire, fixture.fork)
    if pid == 0:
        assert not lock.acquire(timeout=fixture.LOOKALIKE_S)
        os._exit(0)
    fixture.wait(pid)


main()
