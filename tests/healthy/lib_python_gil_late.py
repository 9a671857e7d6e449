# EXPECT: verdict=none
# STALL: 3
# GIL: yes
"""Calls into C that keep the interpreter lock for a while, and threads that all want it."""
import ctypes
import threading

import fixture

fixture.begin()
libc = ctypes.PyDLL(None)  # its calls keep the interpreter lock


def work():
    for _ in range(40):
        sum(range(10000))


threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
for _ in range(2):
    libc.usleep(600000)
for thread in threads:
    thread.join()
