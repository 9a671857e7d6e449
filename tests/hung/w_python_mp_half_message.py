# EXPECT: verdict=deadlock cause=wait-cycle|no-waker certainty=proven scope=process kind=pipe lost=9
# SIGHT: all
# LEFT: a message in pipe:.* stayed unfinished: .* waits for its last 700 bytes
"""A worker was killed in the middle of a message to its parent, who holds the writing end of the pipe itself."""
import multiprocessing
import os
import signal
import struct

import fixture


def work(writer):
    fixture.begin()
    os.write(writer.fileno(), struct.pack("!i", 1000) + b"x" * 300)
    os.kill(os.getpid(), signal.SIGKILL)


fixture.begin()
context = multiprocessing.get_context("fork")
reader, writer = context.Pipe(duplex=False)
worker = context.Process(target=work, args=(writer,))
worker.start()
worker.join()
reader.recv()
