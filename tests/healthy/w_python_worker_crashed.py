# EXPECT: verdict=none
# A worker crashes; who waits for it learns it and goes on.
import concurrent.futures
import os
import signal
import time

import fixture


def crash():
    time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    fixture.begin()
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        try:
            pool.submit(crash).result()
        except concurrent.futures.process.BrokenProcessPool:
            pass
    fixture.stand_still()
