# EXPECT: verdict=none
# GIL: no
# NEEDS: cc
"""All Python threads are stopped, by a fork whose handler in C waits for a lock and by collections.  The lock is held by a thread of C
that waits for a child, which ends by itself."""
import gc
import os
import threading
import time

import fixture
import locked_forks

fixture.begin()
c = locked_forks.load()


def work():
    while not done:
        time.sleep(0.001)


done = False
workers = [threading.Thread(target=work, daemon=True) for _ in range(3)]
for worker in workers:
    worker.start()
far, near = os.pipe()
child = fixture.fork()
if child == 0:
    fixture.stand_still()
    os._exit(0)
os.close(near)
c.hold_until_end(far)
pid = fixture.fork()
if pid == 0:
    os._exit(0)
data = [[i] for i in range(400000)]
for _ in range(3):
    gc.collect()
done = True
for worker in workers:
    worker.join()
os.waitpid(child, 0)
fixture.wait(pid)
