# EXPECT: verdict=none
# An event loop without anything to do until a sleeping thread calls into it.
import asyncio
import threading

import fixture


async def work():
    loop = asyncio.get_running_loop()
    future = loop.create_future()

    def serve():
        fixture.stand_still()
        loop.call_soon_threadsafe(future.set_result, None)

    threading.Thread(target=serve).start()
    await future


fixture.begin()
asyncio.run(work())
