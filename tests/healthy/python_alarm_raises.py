# EXPECT: verdict=none
# One thread waits for a lock for ever; the handler of an alarm ends it by an exception.
import signal
import threading

import fixture


def ring(*_):
    raise TimeoutError


def main():
    fixture.begin()
    lock = threading.Lock()
    lock.acquire()
    signal.signal(signal.SIGALRM, ring)
    signal.alarm(1)
    try:
        lock.acquire()
    except TimeoutError:
        return


main()
