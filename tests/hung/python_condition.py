# EXPECT: verdict=deadlock cause=missing-thread|inherited-lock certainty=proven scope=process kind=python-lock
# A condition that a thread of the parent would have notified.
import os
import threading

import fixture

ready = threading.Condition()


def notify_sometimes():
    while True:
        fixture.time.sleep(3600)
        with ready:
            ready.notify_all()


def main():
    fixture.begin()
    threading.Thread(target=notify_sometimes, daemon=True).start()
    pid = fixture.fork()
    if pid == 0:
        with ready:
            ready.wait()
        os._exit(0)
    fixture.wait(pid)


main()
