# EXPECT: verdict=none
# PYTHON: 3.14
"""One-byte locks of Python 3.14 that a sleeping thread gives back late; a queue, a condition and an event likewise."""
import ctypes
import queue
import threading
import time

ctypes.CDLL(None).prctl(1, 9)
lock, items, event, condition = threading.Lock(), queue.Queue(), threading.Event(), threading.Condition()
taken = threading.Event()


def server():
    with lock:
        taken.set()
        time.sleep(0.6)
    time.sleep(0.6)
    items.put(1)
    time.sleep(0.6)
    event.set()
    time.sleep(0.6)
    with condition:
        condition.notify_all()


threading.Thread(target=server).start()
taken.wait()
with lock:
    pass
items.get()
with condition:
    event.wait()
    condition.wait()
