# EXPECT: verdict=deadlock cause=inherited-lock|missing-thread certainty=proven scope=process kind=python-lock
# Another thread is inside a write of a buffered file (a pipe that nobody drains) at the fork; the child writes to it too.
import os
import threading

import fixture


def main():
    fixture.begin()
    reader, writer = os.pipe()
    out = open(writer, "wb")
    at_work = threading.Event()

    def write():
        at_work.set()
        out.write(b"x" * (1 << 20))

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    at_work.wait()
    # The pipe is full when the thread is inside write(2): its buffer counts 64 KiB.
    import fcntl
    import struct
    import termios
    while struct.unpack("i", fcntl.ioctl(reader, termios.FIONREAD, b"\0" * 4))[0] < 65536:
        fixture.time.sleep(0.001)
    pid = fixture.fork()
    if pid == 0:
        out.write(b"child")
        os._exit(0)
    while thread.is_alive():
        os.read(reader, 1 << 16)
    thread.join()
    fixture.wait(pid)


main()
