#!/usr/bin/env python3
"""Interpreters are found by what they are, not by the name of a file: embedded in a program of another name, as a library or
linked in, in a plugin; stripped of symbols, and of the section headers too."""
import json
import os
import shutil
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import ROOT, Cases, Skip, check, hangdog, main, need, scratch, wait_until
from pythons import interpreters

CASES = case = Cases()
SOURCE = os.path.join(ROOT, "tests/fixtures/embed.c")
# The version is told by other means in each of these: text, text and section, symbol, debug offsets.
KINDS = ["3.9", "3.10", "3.12", "3.13"]

TEXT = """
import sys, threading
def leaf(lock, inside):
    inside.set()
    lock.acquire()
def branch(*args):
    leaf(*args)
lock, inside = threading.Lock(), threading.Event()
lock.acquire()
threading.Thread(target=branch, args=(lock, inside), name='second', daemon=True).start()
inside.wait()
sys.stdout.write('ready\\n'); sys.stdout.flush()
branch(lock, inside)
"""

ASK = """
import sysconfig as s, sys, os
v = s.get_config_var
print(v('INCLUDEPY'), os.path.join(v('LIBPL'), v('LIBRARY')), v('LIBDIR'), v('LDVERSION'), sys.prefix, v('Py_ENABLE_SHARED'), sep='\\n')
print(v('LIBS'), v('SYSLIBS'), v('LIBM'))
"""


class Kit:
    """What it takes to link one CPython into a program."""

    def __init__(self, version, path, folder):
        out = subprocess.run([path, "-c", ASK], capture_output=True, text=True).stdout.splitlines()
        self.include, self.archive, self.folder_of_library, self.ld_version, self.prefix, shared = out[:6]
        self.is_movable = shared == "1"  # its static library may be linked into a shared one
        self.libs = [w for w in out[6].split() if w.startswith("-l")] + ["-lm", "-ldl", "-lutil", "-lpthread"]
        self.version, self.folder = version, folder

    def build(self, name, *flags, archive=True):
        out = os.path.join(self.folder, name)
        libs = [self.archive] if archive else []
        r = subprocess.run(["cc", "-O1", "-I" + self.include, "-o", out, SOURCE, *flags[:1], *libs, *flags[1:], *self.libs],
                           capture_output=True, text=True)
        check(r.returncode == 0, (self.version, name, r.stderr[-2000:]))
        return out

    def env(self, **more):
        return dict(os.environ, PYTHONHOME=self.prefix, LD_LIBRARY_PATH=self.folder_of_library, **more)


def kits(folder, all_versions=False):
    """The versions whose headers and static library are here."""
    found = []
    for version, path in interpreters().items():
        short = ".".join(version.split(".")[:2])
        if not all_versions and (short not in KINDS or any(k.version.startswith(short + ".") for k in found)):
            continue
        kit = Kit(version, path, folder)
        # Debian's archive needs the libraries of everything that was linked in, and is not for position-independent code.
        if kit.prefix != "/usr" and os.path.exists(kit.archive) and os.path.exists(os.path.join(kit.include, "Python.h")):
            found.append(kit)
    if not found:
        raise Skip("no CPython with headers and a static library is here")
    return found


def without_sections(path):
    """What sstrip does: the section headers are gone."""
    subprocess.run(["strip", "-s", path], check=True)
    with open(path, "r+b") as f:
        f.seek(40)
        f.write(struct.pack("<Q", 0))
        f.seek(60)
        f.write(struct.pack("<HH", 0, 0))
    return path


def stripped(path):
    subprocess.run(["strip", "-s", path], check=True)
    return path


def shown(kit, program, **env):
    """The Python functions of each thread, outermost first."""
    p = subprocess.Popen([program, TEXT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=kit.env(**env))
    try:
        check(p.stdout.readline() == "ready\n", (kit.version, program, p.poll()))

        def stacks():
            r = hangdog("dump", "--json", p.pid)
            check(r.status == 0, r)
            proc = json.loads(r.out)["processes"][0]
            return proc.get("python"), sorted([f["function"] for f in reversed(t["stack"]) if f["kind"] == "python"][-2:]
                                              for t in proc["threads"])
        wait_until(lambda: stacks()[1] == [["branch", "leaf"]] * 2, (kit.version, program, stacks()))
        return stacks()[0]
    finally:
        p.kill()
        p.communicate()


def tell_all(make, movable=False, **env):
    with scratch() as folder:
        for kit in kits(folder, all_versions=os.environ.get("HD_LONG") == "1"):
            if movable and not kit.is_movable:
                continue
            python = shown(kit, make(kit), **{k: f(kit) for k, f in env.items()})
            check(python["version"].split()[0] == kit.version.rstrip("td"), (kit.version, python))


@case
def linked_in():
    tell_all(lambda kit: kit.build("app"))


@case
def linked_in_and_stripped():
    tell_all(lambda kit: stripped(kit.build("app")))


@case
def linked_in_without_section_headers():
    tell_all(lambda kit: without_sections(kit.build("app")))


@case
def linked_in_exported_without_section_headers():
    tell_all(lambda kit: without_sections(kit.build("app", "-Wl,--export-dynamic")))


@case
def all_static_without_section_headers():
    tell_all(lambda kit: without_sections(kit.build("app", "-static")))


@case
def as_a_library():
    tell_all(lambda kit: kit.build("app", "-L" + kit.folder_of_library, "-lpython" + kit.ld_version, archive=False))


def with_a_dead_copy(brand, strip):
    """bin/pythonN in a folder of its own, the interpreter linked in and exported, and lib/libpythonN.so beside it, loaded as well."""
    def program(kit):
        os.makedirs(os.path.join(kit.folder, "bin"), exist_ok=True)
        flags = [f'-DBRAND="{brand}"'] if brand else []
        made = kit.build("bin/python" + kit.ld_version, "-Wl,--export-dynamic", "-Wl,--allow-multiple-definition", "-flto", *flags,
                         "-Wl,-rpath," + os.path.join(kit.folder, "lib"))
        subprocess.run(["strip", strip, made], check=True)
        return made

    def second(kit):
        path = os.path.join(kit.folder_of_library, f"libpython{kit.ld_version}.so.1.0")
        os.makedirs(os.path.join(kit.folder, "lib"), exist_ok=True)
        return shutil.copy(path, os.path.join(kit.folder, "lib"))

    tell_all(program, movable=True, SECOND=second)


@case
def as_conda_builds_it():
    with_a_dead_copy("conda-forge", "-s")


@case
def as_a_standalone_build():
    with_a_dead_copy(None, "--strip-debug")


@case
def in_a_plugin_that_hides_it():
    def program(kit):
        return kit.build("app", "-DONLY_LOADS", archive=False)

    def plugin(kit):
        names = os.path.join(kit.folder, "only.map")
        with open(names, "w") as f:
            f.write("{ global: run_text; local: *; };\n")
        return stripped(kit.build("plugin.so", "-DIS_PLUGIN", "-shared", "-fPIC", "-Wl,--version-script=" + names))

    # Such a plugin can load no extension module that would give it away.
    tell_all(program, movable=True, PLUGIN=plugin)


DECOY = r"""
#include <string.h>
#include <unistd.h>
volatile long padding[100000] = {1};
volatile long object[64];
volatile void *volatile list[3] = {object, object, (void *)1};
char version[250];
int run_text(const char *text)
{
	object[1] = object[2] = (long)object;
	memcpy(version + 1, "3.9.2 (default, Feb 28 2021)", 29);
	return write(1, "ready\n", 6) > 0 && text != NULL ? pause() : 1;
}
"""


@case
def a_library_that_only_looks_like_one_is_none():
    with scratch() as folder:
        program, plugin = os.path.join(folder, "app"), os.path.join(folder, "plugin.so")
        for out, flags, text in (program, ["-DONLY_LOADS"], open(SOURCE).read()), (plugin, ["-shared", "-fPIC"], DECOY):
            r = subprocess.run(["cc", "-O1", "-x", "c", "-", "-o", out, *flags, "-ldl"], input=text, capture_output=True, text=True)
            check(r.returncode == 0, r.stderr)
        p = subprocess.Popen([program, "x"], stdout=subprocess.PIPE, text=True, env=dict(os.environ, PLUGIN=stripped(plugin)))
        try:
            check(p.stdout.readline() == "ready\n", p.poll())
            r = hangdog("dump", "--json", p.pid)
            check(r.status == 0 and json.loads(r.out)["processes"][0].get("python") is None, r)
        finally:
            p.kill()
            p.communicate()


if __name__ == "__main__":
    need("dump")
    main(CASES)
