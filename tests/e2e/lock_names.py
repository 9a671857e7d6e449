#!/usr/bin/env python3
"""What a lock is called and where it lies: variables, members, thread-local storage, stacks, the heap, shared memory."""
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import ROOT, Cases, Skip, check, hangdog, main, need, scratch

# Other C libraries: folders with a system in each that has a compiler.
ROOTS = [compiler[: -len("/usr/bin/g++")] for compiler in sorted(glob.glob(os.path.join(os.environ.get("HANGDOG_TEST_ROOTS", "/nowhere"), "*/usr/bin/g++")))]
SOURCE = os.path.join(ROOT, "tests", "fixtures", "lock_places.cc")
CASES = case = Cases()
KEEPER = r"thread {keeper} \(keeper\)"
PARENTS = r"the parent's thread {keeper} \(keeper\)"


def command(folder, root, *args):
    """Runs in the folder; with a root, in that other system."""
    if root is None:
        return list(args)
    return ["chroot", root, "sh", "-c", 'cd "$0" && exec "$@"', folder[len(root):], *args]


def build(folder, *flags, root=None):
    """The program, and the library that it opens."""
    shutil.copy(SOURCE, folder)
    for out, more in ("liblock.so", ["-fPIC", "-shared", "-DLIBRARY"]), ("prog", ["-pthread", *flags, "-ldl"]):
        made = subprocess.run(command(folder, root, "c++", "-std=c++17", "-O1", "-o", out, os.path.basename(SOURCE), *more), cwd=folder,
                              stderr=subprocess.PIPE, text=True, check=False)
        check(made.returncode == 0, made.stderr)


def object_of(folder, *args, root=None):
    """The report's words for what the thread waits for that wants the lock, and the whole text."""
    report = os.path.join(folder, "report.json")
    r = hangdog("run", "--incident-dir", os.path.join(folder, "state"), "--stall", "0", "--on-hang", "kill", "--term-timeout", "0",
                "--report", report, "--", *command(folder, root, "./prog", *args), cwd=folder)
    check(r.status == 124, r)
    got = json.load(open(report))
    waits = [(t, t["wait"]) for p in got["processes"] for t in p["threads"]
             if t["wait"] and t["wait"]["kind"] == "mutex"]
    check(len(waits) == 1, r)
    keepers = [t["tid"] for p in got["processes"] for t in p["threads"] + (p["fork"] or {"others": []})["others"] if t["name"] == "keeper"]
    check(got["certainty"] in ("proven", "owned") and (keepers or "ended" in args), r)
    return waits[0][1]["object"], str((keepers or ["none"])[0]), " ".join(r.err.replace("hangdog:", " ").split())


def expect(folder, args, pattern, root=None):
    words, keeper, text = object_of(folder, *args, root=root)
    pattern = pattern.replace("{keeper}", keeper)
    check(re.fullmatch(pattern, words), (args, pattern, words, text))
    check(all(part in text for part in words.split(", ")), (args, words, text))


# Of each place: by whom it is wanted, and what is said of it.
THREAD_LOCAL = [
    (["tls"], r"own_lock \(in prog\), thread-local, of " + KEEPER),
    (["tls", "fork"], r"own_lock \(in prog\), thread-local, of " + PARENTS),
    (["tls", "ended"], r"own_lock \(in prog\), thread-local, of a thread that does not exist any more"),
    (["tls", "reverse"], r"own_lock \(in prog\), thread-local, of the main thread"),
    (["tls_cxx"], r"app::guard \(in prog\), thread-local, of " + KEEPER),
    (["tls_cxx", "fork"], r"app::guard \(in prog\), thread-local, of " + PARENTS),
    (["tls_cxx", "reverse"], r"app::guard \(in prog\), thread-local, of the main thread"),
    (["tls_library"], r"library_lock \(in liblock.so\), thread-local, of " + KEEPER),
    (["tls_library", "fork"], r"library_lock \(in liblock.so\), thread-local, of " + PARENTS),
    (["tls_library", "reverse"], r"library_lock \(in liblock.so\), thread-local, of the main thread"),
]


@case
def a_thread_local_lock_has_its_name_and_its_thread():
    for flags in ["-fPIE", "-pie"], ["-fno-pie", "-no-pie"]:
        with scratch() as folder:
            build(folder, *flags)
            for args, pattern in THREAD_LOCAL:
                expect(folder, args, pattern)


@case
def also_where_nothing_is_loaded_later():
    """In a library that is there from the start, and in a static program."""
    own, others = r"own_lock \(in prog\), thread-local, of ", r"library_lock \(in liblock.so\), thread-local, of "
    with scratch() as folder:
        build(folder, "-Wl,--no-as-needed", "-L.", "-Wl,-rpath,$ORIGIN", "-llock")
        expect(folder, ["tls_library"], others + KEEPER)
        expect(folder, ["tls"], own + KEEPER)
        build(folder, "-static")
        expect(folder, ["tls"], own + KEEPER)
        expect(folder, ["tls", "fork"], own + PARENTS)
        expect(folder, ["tls", "reverse"], own + "the main thread")


@case
def also_with_other_c_libraries():
    if not ROOTS:
        raise Skip("no systems with other C libraries (HANGDOG_TEST_ROOTS)")
    for root in ROOTS:
        with tempfile.TemporaryDirectory(prefix="hangdog-test-", dir=os.path.join(root, "tmp")) as folder:
            build(folder, root=root)
            for args, pattern in THREAD_LOCAL:
                expect(folder, args, pattern, root=root)


@case
def without_symbols_its_file_and_its_thread_are_told():
    with scratch() as folder:
        build(folder, "-s")
        expect(folder, ["tls"], "a mutex in the thread-local data of prog, of " + KEEPER + ", at 0x[0-9a-f]+")
        expect(folder, ["plain"], "a mutex in the data of prog, at 0x[0-9a-f]+")


@case
def a_lock_on_a_stack_has_its_thread_and_its_function():
    local = r"a mutex on the stack of {whose}, a local variable of use_local\(\), wanted by want\(\) \(in prog\)"
    with scratch() as folder:
        build(folder)
        expect(folder, ["local"], local.replace("{whose}", KEEPER))
        expect(folder, ["local", "fork"], local.replace("{whose}", PARENTS))
        expect(folder, ["local", "reverse"], local.replace("{whose}", "the main thread"))
        expect(folder, ["local", "ended"], r"a mutex on the stack of a thread that does not exist any more, wanted by want\(\) \(in prog\)")


@case
def a_lock_in_other_memory_has_its_place_and_who_wants_it():
    wanted = r", wanted by want\(\) \(in prog\)"
    shared = "a mutex in memory shared between processes"
    with scratch() as folder:
        build(folder)
        expect(folder, ["heap", "reverse"], "a mutex in the heap" + wanted)
        expect(folder, ["heap"], "a mutex in allocated memory" + wanted)
        expect(folder, ["memory"], "a mutex in allocated memory" + wanted)
        expect(folder, ["shared"], shared + ", at 0x40" + wanted)
        expect(folder, ["memfd"], shared + r" \(memfd:arena, at 0x1040\)" + wanted)
        expect(folder, ["sysv"], "a mutex in a System V shared memory segment, at 0x40" + wanted)
        expect(folder, ["file"], "a mutex in pages, which is mapped, at 0x1040" + wanted)


@case
def a_variable_has_its_name():
    with scratch() as folder:
        build(folder)
        expect(folder, ["plain"], r"plain \(in prog\)")
        expect(folder, ["plain", "fork"], r"plain \(in prog\)")
        expect(folder, ["member"], r"pool\+0x[0-9a-f]+ \(in prog\)")
        expect(folder, ["array"], r"many\+0x78 \(in prog\)")


MEMBERS = [(["plain"], "plain"), (["array"], r"many\[3\]"), (["member"], r"pool\.queues\[2\]\.lock"), (["guard"], r"pool\.guard"),
           (["first"], r"shop\.first\.lock"), (["later"], r"later\.queue\.lock"), (["base"], r"app::derived\.base_lock"), (["grid"], r"grid\[1\]\[2\]\.lock"),
           (["inside"], r"use_inside\(\)::table\.inner\.lock")]


@case
def a_member_has_its_name_where_debug_information_tells_it():
    with scratch() as folder:
        for flags in ["-g"], ["-gdwarf-4", "-no-pie"], ["-g", "-gz"]:
            build(folder, *flags)
            for args, name in MEMBERS:
                expect(folder, args, name + r" \(in prog\)")
            expect(folder, ["tls_member", "fork"], r"own_pool\.queues\[1\]\.lock \(in prog\), thread-local, of " + PARENTS)


if __name__ == "__main__":
    need("run")
    main(CASES)
