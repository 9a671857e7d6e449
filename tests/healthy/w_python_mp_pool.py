# EXPECT: verdict=none
# Pools that start their workers in three ways, with tasks that sleep.
import concurrent.futures
import multiprocessing
import time

import fixture


def nap(seconds):
    time.sleep(seconds)
    return seconds


if __name__ == "__main__":
    fixture.begin()
    for method in "fork", "forkserver", "spawn":
        context = multiprocessing.get_context(method)
        with context.Pool(2) as pool:
            pool.map(nap, [0.3] * 4)
        with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
            list(pool.map(nap, [0.3] * 4))
