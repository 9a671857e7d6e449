# EXPECT: verdict=deadlock cause=no-waker certainty=proven scope=process kind=python-lock
# A task in a pool of one worker waits for another task of the same pool.
import concurrent.futures

import fixture


fixture.begin()
with concurrent.futures.ThreadPoolExecutor(1) as pool:
    pool.submit(lambda: pool.submit(int).result()).result()
