# EXPECT: verdict=stall cause=unknown certainty=suspected kind=gil
# MODES: launched
# STALL: 3
# GIL: yes
# OBJECT: the Python interpreter lock
"""A call into C that keeps the interpreter lock waits for a semaphore; the Python threads that could post it ask for the
interpreter lock again and again, 5 ms at a time, so nothing can be proven."""
import ctypes
import threading

import fixture

fixture.begin()
libc = ctypes.PyDLL(None)  # its calls keep the interpreter lock
semaphore = ctypes.create_string_buffer(32)
libc.sem_init(semaphore, 0, 0)
ready = threading.Event()


def poster():
    ready.set()
    while not done:
        sum(range(1000))
    libc.sem_post(semaphore)


done = False
threading.Thread(target=poster, name="poster").start()
ready.wait()
libc.sem_wait(semaphore)
done = True
