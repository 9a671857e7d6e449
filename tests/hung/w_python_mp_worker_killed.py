# EXPECT: verdict=deadlock cause=dead-holder certainty=proven scope=process kind=semaphore|python-lock lost=9
# LEFT: a multiprocessing lock or semaphore, stayed taken: no living process holds it
# SIGHT: all
# A worker was killed, as by the kernel when memory runs out, while it held the lock of the queue's reading side.
import multiprocessing
import os
import signal

import fixture


def take(queue, taken):
    fixture.begin()
    queue._rlock.acquire()
    taken.release()
    signal.pause()


fixture.begin()
context = multiprocessing.get_context("fork")
queue, taken = context.Queue(), context.Semaphore(0)
worker = context.Process(target=take, args=(queue, taken))
worker.start()
taken.acquire()
os.kill(worker.pid, signal.SIGKILL)
worker.join()
queue.put(1)
queue.get()
