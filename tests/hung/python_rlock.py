# EXPECT: verdict=deadlock cause=inherited-lock|missing-thread certainty=proven scope=process kind=python-lock
# A threading.RLock, held by another thread at the fork, wanted in a multiprocessing worker.
import multiprocessing
import threading

import fixture

registry = threading.RLock()


def work():
    fixture.begin()
    with registry:
        pass


def main():
    fixture.begin()
    worker = multiprocessing.get_context("fork").Process(target=work)
    fixture.hold_while(registry.acquire, worker.start)
    worker.join()


main()
