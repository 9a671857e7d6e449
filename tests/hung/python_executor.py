# EXPECT: verdict=deadlock cause=missing-thread|inherited-lock certainty=proven scope=process kind=python-lock
# A ThreadPoolExecutor of the parent, used in the child, which has none of its threads.
import concurrent.futures
import os

import fixture


def main():
    fixture.begin()
    pool = concurrent.futures.ThreadPoolExecutor(1)
    assert pool.submit(int, "7").result() == 7
    pid = fixture.fork()
    if pid == 0:
        pool.submit(int, "7").result()
        os._exit(0)
    fixture.wait(pid)


main()
