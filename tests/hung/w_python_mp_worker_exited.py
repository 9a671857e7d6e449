# EXPECT: verdict=deadlock cause=wait-cycle|no-waker certainty=proven scope=process kind=pipe lost=exit
# SIGHT: all
# The worker ended with an error before it put its result.
import multiprocessing
import sys

import fixture


def work(results):
    fixture.begin()
    sys.exit(3)


fixture.begin()
context = multiprocessing.get_context("fork")
results = context.Queue()
worker = context.Process(target=work, args=(results,))
worker.start()
results.get()
