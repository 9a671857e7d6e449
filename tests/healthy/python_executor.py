# EXPECT: verdict=none
# Looks like hung/python_executor, but the executor is the process's own; and a process pool stands idle beside it.
import concurrent.futures
import multiprocessing

import fixture


def main():
    fixture.begin()
    context = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(2, context, fixture.begin) as processes:
        assert list(processes.map(abs, range(5))) == list(range(5))
        with concurrent.futures.ThreadPoolExecutor(2) as threads:
            assert threads.submit(fixture.stand_still).result() is None
        assert list(processes.map(abs, range(5))) == list(range(5))


main()
