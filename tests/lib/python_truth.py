"""Threads in every kind of Python frame, all parked; prints what the interpreter itself says their stacks are.

One JSON line on stdout: {"threads": {IDENT: {"name": NAME, "tid": TID, "frames": [[FILE, FUNCTION, LINE], ...]}}}, innermost
first, without the thread that looks.  Then waits until stdin ends.  Runs on 3.8 and later.
"""
import ctypes
import json
import os
import signal
import sys
import threading

libc = ctypes.CDLL(None)
libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
signal.alarm(120)

gate = threading.Lock()
gate.acquire()


def park(*_):
    gate.acquire()


def deep(n):
    if n:
        deep(n - 1)
    else:
        park()


def generator():
    yield 1
    yield from inner_generator()


def inner_generator():
    park()
    yield 2


def in_generator():
    for _ in generator():
        pass


def in_comprehension():
    return [[park() for _ in range(1)] for _ in range(1)]


def in_dict_comprehension():
    return {k: (lambda: park())() for k in range(1)}


def in_class_body():
    class Body:
        class Inner:
            park()


def in_exec():
    code = "def h\u00e9llo():\n\n    park()\n\n\nh\u00e9llo()\n"
    exec(compile(code, "/tmp/d\u00e9j\u00e0.py", "exec"), {"park": park})


def in_exec_wide():
    code = "def \u0444\u0443\u043d\u043a\u0446\u0438\u044f():\n    (lambda:\n      park())()\n\u0444\u0443\u043d\u043a\u0446\u0438\u044f()\n"
    exec(compile(code, "/tmp/\u0444\u0430\u0439\u043b-\U0001f40d.py", "exec"), {"park": park})


def in_callback():
    sorted([3, 1, 2], key=park)


def in_callback_between():
    list(map(lambda _: sorted([1], key=lambda __: deep(3)), [1]))


def in_long_line_jump():
    exec("def far():\n" + "\n" * 400 + "    park()\nfar()", {"park": park})


def in_long_body():
    body = "".join("    x%d = %d\n" % (i, i) for i in range(3000))
    exec("def long():\n" + body + "    park()\n" + body + "long()", {"park": park})


def in_with():
    with Manager():
        park()


class Manager:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    @property
    def value(self):
        park()

    def method(self):
        return self.value

    def __del__(self):
        park()


def in_property():
    Manager().method()


def in_del():
    m = Manager()
    del m


def in_handler():
    try:
        raise ValueError
    except ValueError:
        try:
            1 / 0
        finally:
            park(
                1,
                2,
            )


def in_multiline():
    return (
        len([1]) +
        park() +
        1
    )


async def coroutine():
    await inner_coroutine()


async def inner_coroutine():
    park()


def in_coroutine():
    try:
        coroutine().send(None)
    except StopIteration:
        pass


def in_kwargs():
    def nested(*args, **kwargs):
        def innermost(a, b=1, *, c=2):
            cell = kwargs
            return park(cell)

        return innermost(*args)

    nested(1, c=3)


TARGETS = [
    in_generator, in_comprehension, in_dict_comprehension, in_class_body, in_exec, in_exec_wide, in_callback,
    in_callback_between, in_long_line_jump, in_long_body, in_with, in_property, in_del, in_handler, in_multiline,
    in_coroutine, in_kwargs, lambda: deep(300), lambda: deep(30),
]


def stack(frame):
    frames = []
    while frame is not None:
        code = frame.f_code
        frames.append([code.co_filename, getattr(code, "co_qualname", code.co_name), frame.f_lineno or 0])
        frame = frame.f_back
    return frames


def look(count):
    """Until everybody is parked."""
    me = threading.get_ident()
    while True:
        stacks = {ident: stack(frame) for ident, frame in sys._current_frames().items() if ident != me}
        if len(stacks) == count and all(s[0][1] == "park" for s in stacks.values()):
            break
    threads = {t.ident: t for t in threading.enumerate()}
    print(json.dumps({"threads": {i: {"name": threads[i].name, "tid": threads[i].native_id, "frames": s}
                                  for i, s in stacks.items()}}), flush=True)
    sys.stdin.read()
    os._exit(0)


def main():
    sys.setrecursionlimit(5000)
    for i, target in enumerate(TARGETS):
        name = None if i % 3 else "w\u00f6rker \u2116%d" % i
        threading.Thread(target=target, name=name, daemon=True).start()
    threading.Thread(target=look, args=(len(TARGETS) + 1,), daemon=True).start()
    park()


main()
