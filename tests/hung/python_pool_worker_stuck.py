# EXPECT: verdict=deadlock cause=inherited-lock|missing-thread certainty=proven scope=process kind=python-lock
# A multiprocessing.Process of a parent with a busy logging-like thread, as data loaders have it: the classic report.
import multiprocessing
import threading

import fixture

stats_lock = threading.Lock()


def count(n):
    with stats_lock:
        return n + 1


def work(connection):
    fixture.begin()
    connection.send(count(1))


def main():
    fixture.begin()
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(False)
    worker = context.Process(target=work, args=(theirs,))
    fixture.hold_while(stats_lock.acquire, worker.start)
    theirs.close()
    ours.recv()


main()
