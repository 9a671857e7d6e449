# EXPECT: verdict=deadlock cause=no-waker|self-lock certainty=proven|owned scope=process kind=python-lock
# A plain lock taken twice by the same thread.
import threading

import fixture


fixture.begin()
lock = threading.Lock()
with lock:
    with lock:
        pass
