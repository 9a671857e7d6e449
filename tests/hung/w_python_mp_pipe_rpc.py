# EXPECT: verdict=deadlock cause=wait-cycle|no-waker certainty=proven scope=process
# SIGHT: all
# Two processes receive from a duplex multiprocessing.Pipe.
import multiprocessing

import fixture


def child(line):
    fixture.begin()
    line.recv()


fixture.begin()
context = multiprocessing.get_context("fork")
mine, other = context.Pipe()
context.Process(target=child, args=(other,)).start()
mine.recv()
