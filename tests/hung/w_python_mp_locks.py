# EXPECT: verdict=deadlock cause=no-waker|wait-cycle|lock-cycle certainty=proven|owned scope=process kind=semaphore|python-lock
# SIGHT: all
# Two multiprocessing.Lock taken crosswise by two processes.
import multiprocessing

import fixture


def cross(first, second, ready, go):
    fixture.begin()
    with first:
        ready.release()
        go.acquire()
        with second:
            pass


fixture.begin()
context = multiprocessing.get_context("fork")
locks, ready, go = [context.Lock(), context.Lock()], context.Semaphore(0), context.Semaphore(0)
workers = [context.Process(target=cross, args=(locks[i], locks[1 - i], ready, go)) for i in range(2)]
for w in workers:
    w.start()
for w in workers:
    ready.acquire()
for w in workers:
    go.release()
for w in workers:
    w.join()
