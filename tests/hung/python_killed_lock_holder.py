# EXPECT: verdict=deadlock cause=dead-holder certainty=proven scope=process kind=semaphore|python-lock lost=9
# LEFT: a multiprocessing lock or semaphore, stayed taken: no living process holds it
# SIGHT: all
# A worker is killed while it holds a multiprocessing lock: nobody is recorded as its owner, and all who are left wait.
import multiprocessing
import os
import signal

import fixture

context = multiprocessing.get_context("fork")


def die_holding(lock):
    fixture.begin()
    lock.acquire()
    os.kill(os.getpid(), signal.SIGKILL)


def main():
    fixture.begin()
    lock = context.Lock()
    worker = context.Process(target=die_holding, args=(lock,))
    worker.start()
    worker.join()
    lock.acquire()


main()
