# EXPECT: verdict=none
# An event loop with a subprocess, a sleep and a thread.
import asyncio

import fixture


async def work():
    process = await asyncio.create_subprocess_exec("sleep", "0.8")
    loop = asyncio.get_running_loop()
    await asyncio.gather(process.wait(), asyncio.sleep(fixture.LOOKALIKE_S), loop.run_in_executor(None, fixture.stand_still))


fixture.begin()
asyncio.run(work())
