# EXPECT: verdict=deadlock certainty=proven scope=process kind=python-lock
# Two threads take two locks in opposite order; main joins them.
import threading

import fixture

first, second = threading.Lock(), threading.Lock()
both = threading.Barrier(2)


def work(a, b):
    with a:
        both.wait()
        with b:
            pass


def main():
    fixture.begin()
    threads = [threading.Thread(target=work, args=pair) for pair in ((first, second), (second, first))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


main()
