# EXPECT: verdict=deadlock cause=missing-thread|inherited-lock certainty=proven scope=process kind=python-lock
# The child waits for an item from a queue that a thread of the parent fills.
import os
import queue
import threading

import fixture

items = queue.Queue(maxsize=1)


def fill():
    while True:
        items.put(1)


def main():
    fixture.begin()
    threading.Thread(target=fill, daemon=True).start()
    items.get()
    pid = fixture.fork()
    if pid == 0:
        while True:
            items.get()
    fixture.wait(pid)


main()
