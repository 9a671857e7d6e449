# EXPECT: verdict=none
"""A lock between processes that a sleeping worker holds, and a semaphore that nobody holds and another worker will release."""
import multiprocessing
import time

import fixture


def hold(lock, taken):
    fixture.begin()
    with lock:
        taken.release()
        time.sleep(0.8)


def release(signal):
    fixture.begin()
    time.sleep(0.8)
    signal.release()


fixture.begin()
context = multiprocessing.get_context("fork")
lock, taken, signal = context.Lock(), context.Semaphore(0), context.BoundedSemaphore(1)
signal.acquire()
workers = [context.Process(target=hold, args=(lock, taken)), context.Process(target=release, args=(signal,))]
for worker in workers:
    worker.start()
taken.acquire()
with lock:
    pass
signal.acquire()
for worker in workers:
    worker.join()
