# EXPECT: verdict=deadlock cause=wait-cycle|no-waker certainty=proven scope=process kind=pipe lost=11
# SIGHT: all
# The worker crashed before it put its result; the parent waits for the queue, whose writing end it holds itself.
import multiprocessing
import os
import signal

import fixture


def work(results):
    fixture.begin()
    signal.signal(signal.SIGSEGV, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGSEGV)


fixture.begin()
context = multiprocessing.get_context("fork")
results = context.Queue()
worker = context.Process(target=work, args=(results,))
worker.start()
results.get()
