# EXPECT: verdict=deadlock cause=no-waker certainty=proven scope=process kind=python-lock
# A barrier for three, with two.
import threading

import fixture


fixture.begin()
barrier = threading.Barrier(3)
threading.Thread(target=barrier.wait).start()
barrier.wait()
