# EXPECT: verdict=deadlock cause=dead-holder certainty=proven scope=process kind=semaphore lost=9
# SIGHT: all
# LEFT: stayed taken: no living process holds it
"""A worker of a pool was killed while it read from the task queue: the worker that replaces it and all
others wait for a lock that nobody holds any more, and the pool waits for its workers."""
import multiprocessing
import os
import signal

import fixture


def begin_worker():
    fixture.begin()


fixture.begin()
context = multiprocessing.get_context("fork")
with context.Pool(2, begin_worker) as pool:
    pids = {p.pid for p in pool._pool}
    pool.map(abs, range(4))
    # The one that reads is the one that does not wait for the lock.
    while True:
        calls = {pid: open(f"/proc/{pid}/syscall").read().split()[0] for pid in pids}
        readers = [pid for pid in pids if calls[pid] == "0"]
        if len(readers) == 1 and sorted(calls.values()) == ["0", "202"]:
            break
    os.kill(readers[0], signal.SIGKILL)
    pool.map(abs, range(4))
