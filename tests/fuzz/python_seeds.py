"""Writes the seeds of fuzz_python: for each CPython layout a small memory image with one interpreter, two threads,
frames, code, names, a dict, and a lock held by `with`.  Usage: python_seeds.py FOLDER.

The fuzzer reads address A as byte A % size of the image; addresses here are 0x10000 + offset with the size dividing
0x10000.  Offsets come from src/parse/py_layout.def.
"""
import os
import re
import struct
import sys

BASE, SIZE = 0x10000, 16384
COLUMNS = ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.13t", "3.14", "3.14t", "3.15", "3.15t"]
SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../src/parse/py_layout.def")


def layout(column):
    fields = {}
    for name, values in re.findall(r"^FIELD\((\w+),([^)]*)\)", open(SOURCE).read(), re.M):
        value = values.split(",")[column].strip()
        fields[name] = None if value == "N" else int(value)
    return fields


class Image:
    def __init__(self, column):
        self.at = layout(column)
        self.minor = int(COLUMNS[column].strip("t").split(".")[1])
        self.wide = COLUMNS[column].endswith("t") and self.minor >= 14
        self.data = bytearray(SIZE)
        self.next = 2048  # the runtime's own fields that matter are folded into what lies before
        self.types = {}

    def room(self, size):
        addr = BASE + self.next
        self.next += (size + 31) // 16 * 16
        assert self.next <= SIZE
        return addr

    def put(self, addr, value, fmt="<Q"):
        struct.pack_into(fmt, self.data, (addr % SIZE), value)

    def field(self, addr, name, value, fmt="<Q"):
        if self.at[name] is not None:
            self.put(addr + self.at[name], value, fmt)

    def raw(self, data):
        addr = self.room(len(data))
        self.data[addr - BASE:addr - BASE + len(data)] = data
        return addr

    def type(self, name):
        if name not in self.types:
            addr = self.types[name] = self.room(304)
            self.field(addr, "tp_name", self.raw(name.encode() + b"\0"))
        return self.types[name]

    def object(self, type_name, size):
        addr = self.room(size)
        self.field(addr, "ob_type", self.type(type_name))
        return addr

    def str(self, text):
        addr = self.object("str", 120)
        self.field(addr, "str_length", len(text))
        state = 1 << 8 | 3 << 11 if self.wide else 1 << 2 | 3 << 5
        self.field(addr, "str_state", state, "<I")
        for i, c in enumerate(text.encode()):
            self.put(addr + self.at["str_ascii"] + i, c, "<B")
        return addr

    def sized(self, type_name, items, data_field, width):
        addr = self.object(type_name, self.at[data_field] + width * len(items))
        self.put(addr + self.at["object"], len(items))
        for i, item in enumerate(items):
            self.put(addr + self.at[data_field] + width * i, item, "<Q" if width == 8 else "<B")
        return addr

    def dict(self, pairs):
        keys = self.room(48 + 24 * len(pairs) + 8)
        if self.minor >= 11:
            self.put(keys + 9, 3, "<B")
            self.put(keys + 24, len(pairs))
            entries = keys + 40
        else:
            self.put(keys + 8, 8)
            self.put(keys + 32, len(pairs))
            entries = keys + 48
        for i, (key, value) in enumerate(pairs):
            self.put(entries + 24 * i + 8, key)
            self.put(entries + 24 * i + 16, value)
        addr = self.object("dict", 64)
        self.field(addr, "dict_keys", keys)
        return addr

    def int(self, value):
        addr = self.object("int", 60)
        own = addr + self.at["object"]
        self.put(own, 2 << 3 if self.minor >= 12 else 2)
        self.put(own + 8, value & (1 << 30) - 1, "<I")
        self.put(own + 12, value >> 30, "<I")
        return addr


def code(m, name, nlocals):
    addr = m.object("code", 240)
    m.field(addr, "co_filename", m.str("seed.py"))
    m.field(addr, "co_name", m.str(name))
    m.field(addr, "co_qualname", m.str(name))
    m.field(addr, "co_firstlineno", 3, "<i")
    m.field(addr, "co_stacksize", 4, "<i")
    m.field(addr, "co_nlocals", nlocals, "<i")
    m.field(addr, "co_nlocalsplus", nlocals, "<i")
    m.field(addr, "co_linetable", m.sized("bytes", [0x87, 1, 0xd8, 1, 1] if m.minor >= 11 else [20, 1, 20, 2], "bytes_data", 1))
    m.field(addr, "co_exceptions", m.sized("bytes", [0x80, 20, 0, 3], "bytes_data", 1))
    names = m.sized("tuple", [m.str("guard%d" % i) for i in range(nlocals)], "tuple_items", 8)
    empty = m.sized("tuple", [], "tuple_items", 8)
    for field, value in ("co_varnames", names), ("co_names", names), ("co_freevars", empty), ("co_cellvars", empty):
        m.field(addr, field, value)
    return addr


def frame(m, back, code_addr, globals_addr, words):
    addr = m.room(400 + 64)
    m.field(addr, "fr_back", back)
    m.field(addr, "fr_code", code_addr)
    m.field(addr, "fr_globals", globals_addr)
    m.field(addr, "fr_lasti", 4, "<i")
    m.field(addr, "fr_iblock", 1, "<i")
    if m.at["fr_blocks"] is not None:
        m.put(addr + m.at["fr_blocks"] + 8, 1, "<i")
    if m.at["co_bytecode"] is not None:
        m.field(addr, "fr_instr", code_addr + m.at["co_bytecode"] + 4)
    m.field(addr, "fr_valuestack", addr + m.at["fr_locals"] + 8)
    m.field(addr, "fr_is_entry", 1, "<B")
    for i, word in enumerate(words):
        m.put(addr + m.at["fr_locals"] + 8 * i, word)
    return addr


def thread(m, interp, frame_addr, ident, previous):
    addr = m.room(280)
    m.field(addr, "ts_interp", interp)
    m.field(addr, "ts_prev", previous)
    m.field(addr, "ts_thread_id", ident)
    if m.at["cframe_current"] is not None:
        cframe = m.room(24)
        m.put(cframe + m.at["cframe_current"], frame_addr)
        frame_addr = cframe
    m.field(addr, "ts_frame", frame_addr)
    if previous:
        m.field(previous, "ts_next", addr)
    return addr


def task(m, code_addr):
    """An asyncio task that is suspended in one coroutine."""
    coroutine = m.object("coroutine", 240)
    frame_addr = coroutine + m.at["gen_frame"]
    if m.minor <= 10:
        m.put(frame_addr, frame(m, 0, code_addr, 0, []))
    else:
        m.field(frame_addr, "fr_code", code_addr)
        m.field(frame_addr, "fr_instr", code_addr + m.at["co_bytecode"] + 4)
        m.field(frame_addr, "fr_stackpointer", frame_addr + m.at["fr_locals"] + 8)
        m.put(frame_addr + m.at["fr_locals"], coroutine)
    addr = m.object("_asyncio.Task", 200)
    m.put(addr + m.at["object"] + 48, coroutine)
    m.put(addr + m.at["object"] + 56, m.str("Task-1"))
    return addr


def set_of(m, item):
    addr = m.object("set", 64)
    m.put(addr + m.at["object"] + 24, m.raw(struct.pack("<QQ", item, 0)))
    return addr


def build(column):
    m = Image(column)
    runtime = BASE + 8  # its low fields; the high ones wrap into the image
    lock = m.object("_thread.lock", 48)
    m.put(lock + m.at["object"], 0x10008)  # what fuzz_python takes for the futex word
    exit_method = m.object("builtin_function_or_method", 64)
    ml = m.raw(struct.pack("<Q", m.raw(b"__exit__\0")))
    m.put(exit_method + m.at["object"], ml)
    m.put(exit_method + m.at["object"] + 8, lock)
    module = m.object("module", 48)
    active = m.dict([(m.int(0x7f0012345678), m.sized("list", [lock], "tuple_items", 8))])
    module_globals = m.dict([(m.str("_active"), active), (m.str("cache_lock"), lock)])
    m.put(module + m.at["object"], module_globals)
    inner, outer = code(m, "inner", 1), code(m, "_bootstrap", 1)
    waiting = task(m, inner)
    asyncio = m.object("module", 48)
    m.put(asyncio + m.at["object"], m.dict([(m.str("_eager_tasks"), set_of(m, waiting))]))
    modules = m.dict([(m.str("threading"), module), (m.str("asyncio.tasks"), asyncio)])
    frame_outer = frame(m, 0, outer, module_globals, [lock, exit_method])
    frame_inner = frame(m, frame_outer, inner, module_globals, [exit_method, exit_method])
    interp = m.room(64)
    first = thread(m, interp, frame_inner, 0x7f0012345678, 0)
    second = thread(m, interp, frame_outer, 0x7f0012340000, first)
    m.field(interp, "interp_threads", first)
    m.field(interp, "interp_modules", modules)
    m.field(interp, "interp_next", 0)
    m.field(runtime, "rt_interpreters", interp)
    m.field(runtime, "rt_main", interp)
    if m.at["task_node"] is not None:
        head, node = first + m.at["ts_tasks"], waiting + m.at["task_node"]
        for at, value in (head, node), (head + 8, node), (node, head), (node + 8, head):
            m.put(at, value)
    assert second
    return bytes([(int(COLUMNS[column].strip("t").split(".")[1]) - 8) | (8 if COLUMNS[column].endswith("t") else 0), 1]) + bytes(m.data)


def main():
    for column, name in enumerate(COLUMNS):
        with open(os.path.join(sys.argv[1], name), "wb") as out:
            out.write(build(column))


main()
