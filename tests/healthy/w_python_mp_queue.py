# EXPECT: verdict=none
# A queue, a lock, a condition, a barrier and an event of multiprocessing, all served late.
import multiprocessing
import time

import fixture


def serve(queue, condition, barrier, event):
    fixture.begin()
    time.sleep(0.4)
    queue.put("x" * 1000000)
    time.sleep(0.4)
    with condition:
        condition.notify_all()
    time.sleep(0.4)
    barrier.wait()
    time.sleep(0.4)
    event.set()


fixture.begin()
context = multiprocessing.get_context("fork")
queue, condition, barrier, event = context.Queue(), context.Condition(), context.Barrier(2), context.Event()
worker = context.Process(target=serve, args=(queue, condition, barrier, event))
worker.start()
with condition:  # held until the wait: a notice that comes before it would be lost, and then this would hang
    queue.get()
    condition.wait()
barrier.wait()
event.wait()
worker.join()
