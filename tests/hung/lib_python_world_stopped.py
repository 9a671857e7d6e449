# EXPECT: verdict=deadlock cause=no-waker|lock-cycle certainty=proven scope=process kind=futex|mutex
# GIL: no
# NEEDS: cc
# OBJECT: the thread that stopped all Python threads, to let them go on
"""A fork in a free-threaded build stops all Python threads, then runs the handlers of C libraries.  One of them wants a lock of its
library, and the thread that has it is stopped."""
import os
import threading
import time

import fixture
import locked_forks

fixture.begin()
c = locked_forks.load()
taken = threading.Event()


def holder():
    c.take()
    taken.set()
    while True:
        time.sleep(0.001)


threading.Thread(target=holder, name="holder", daemon=True).start()
taken.wait()
os.fork()
