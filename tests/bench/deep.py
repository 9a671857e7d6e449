"""What the stacks benchmark looks at: THREADS Python threads, each 10 Python frames deep, with a big library loaded (torch or
numpy where there).  `beat` as a third argument adds a thread that notes its largest gap (see deep.c);
`fork N` instead: forks N times and prints microseconds per fork."""
import ctypes
import os
import signal
import sys
import threading
import time

ctypes.CDLL(None).prctl(1, signal.SIGKILL)
signal.alarm(300)
LOADED = "nothing"
for name in () if sys.argv[2:3] == ["fork"] else ("torch", "jax", "numpy"):
    try:
        __import__(name)
        LOADED = name
        break
    except ImportError:
        pass
down = threading.Semaphore(0)
lock = threading.Lock()
lock.acquire()


def descend(n):
    if n == 0:
        down.release()
        lock.acquire()
    else:
        descend(n - 1)


threads = int(sys.argv[1])
for _ in range(threads):
    threading.Thread(target=descend, args=(8,), daemon=True).start()
for _ in range(threads):
    down.acquire()

if sys.argv[2:3] == ["fork"]:
    n = int(sys.argv[3])
    began = time.perf_counter()
    for _ in range(n):
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
    print((time.perf_counter() - began) / n * 1e6)
    os._exit(0)

largest = 0.0


def beat():
    global largest
    last = time.perf_counter()
    while True:
        now = time.perf_counter()
        largest = max(largest, now - last)
        last = now


if sys.argv[2:3] == ["beat"]:
    sys.setswitchinterval(0.0005)
    threading.Thread(target=beat, daemon=True).start()
print("ready", LOADED, flush=True)
for _ in sys.stdin:
    print(int(largest * 1e6), flush=True)
    largest = 0.0
os._exit(0)
