# EXPECT: verdict=none
# A worker that waits for its end: an Event that its SIGTERM handler sets.  The parent, asleep now, will send it.
import multiprocessing
import os
import signal
import sys
import threading

import fixture


def worker():
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    stop.wait()


if __name__ == "__main__":
    fixture.begin()
    process = multiprocessing.get_context("fork").Process(target=worker)
    process.start()
    fixture.stand_still()
    os.kill(process.pid, signal.SIGTERM)
    process.join()
    sys.exit(process.exitcode)
