# EXPECT: verdict=none
# Streams of a slow child, read line by line.
import asyncio
import sys

import fixture


async def work():
    code = "import time\nfor i in range(4): print(i, flush=True); time.sleep(.3)"
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    while await child.stdout.readline():
        pass
    assert await child.wait() == 0


fixture.begin()
asyncio.run(work())
