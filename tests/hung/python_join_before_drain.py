# EXPECT: verdict=deadlock cause=wait-cycle certainty=proven scope=process
# SIGHT: all
# Joins a worker before it reads what the worker put into a multiprocessing.Queue: the worker cannot end, its pipe is full.
import multiprocessing

import fixture

context = multiprocessing.get_context("fork")


def fill(queue):
    fixture.begin()
    queue.put(b"x" * (1 << 20))


def main():
    fixture.begin()
    queue = context.Queue()
    worker = context.Process(target=fill, args=(queue,))
    worker.start()
    worker.join()
    queue.get()


main()
