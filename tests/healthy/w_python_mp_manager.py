# EXPECT: verdict=none
# A manager process: its server waits for connections, its client for a slow method.
import multiprocessing
import threading

import fixture

if __name__ == "__main__":
    fixture.begin()
    with multiprocessing.Manager() as manager:
        event = manager.Event()
        threading.Timer(fixture.LOOKALIKE_S, event.set).start()
        event.wait()
