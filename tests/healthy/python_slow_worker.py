# EXPECT: verdict=none
# Main waits for the result of a worker process that sleeps.
import multiprocessing

import fixture


def work(queue):
    fixture.begin()
    fixture.stand_still()
    queue.put(b"x" * 100000)


def main():
    fixture.begin()
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    worker = context.Process(target=work, args=(queue,))
    worker.start()
    assert len(queue.get()) == 100000
    worker.join()


main()
