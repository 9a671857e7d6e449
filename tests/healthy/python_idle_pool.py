# EXPECT: verdict=none
# An idle multiprocessing.Pool: all workers but one wait for a semaphore, the one reads a pipe.
import multiprocessing

import fixture


def main():
    fixture.begin()
    with multiprocessing.get_context("fork").Pool(3, fixture.begin) as pool:
        pool.map(abs, range(10))
        fixture.stand_still()
        assert sum(pool.map(abs, range(10))) == 45
        pool.close()
        pool.join()


main()
