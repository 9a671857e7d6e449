# EXPECT: verdict=deadlock cause=wait-cycle|no-waker certainty=proven scope=process kind=epoll
# SIGHT: all
# An event loop waits for a future that nobody will set.
import asyncio

import fixture


async def work():
    await asyncio.get_running_loop().create_future()


fixture.begin()
asyncio.run(work())
