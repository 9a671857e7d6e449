#!/usr/bin/env python3
"""make install and make uninstall: what is put where, that it works from there, and that nothing is left behind."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import O, ROOT, check, main, run, scratch

FILES = {
    "bin/hangdog",
    "share/bash-completion/completions/hangdog",
    "share/fish/vendor_completions.d/hangdog.fish",
    "share/man/man1/hangdog.1",
    "share/zsh/site-functions/_hangdog",
}


def make(*words):
    # Not the jobserver and the knobs of the make that runs this.
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    # What is built is installed: other knobs would build anew.
    r = run("make", "-s", "-o", "all", "-C", ROOT, f"O={O}", *words, timeout=600, env=env)
    check(r.status == 0, r)


def files_below(folder):
    return {os.path.relpath(os.path.join(at, name), folder) for at, _, names in os.walk(folder) for name in names}


def where(folder, *words):
    return ["DESTDIR=" + folder, "PREFIX=/opt/hd", *words]


def installs_where_it_is_told_and_leaves_nothing():
    with scratch() as folder:
        make("install", *where(folder))
        check(files_below(folder) == {"opt/hd/" + f for f in FILES}, files_below(folder))
        binary = os.path.join(folder, "opt/hd/bin/hangdog")
        r = run(binary, "--version")
        check(r.status == 0 and r.out.strip().endswith(open(os.path.join(ROOT, "VERSION")).read().strip()), r)
        r = run(binary, "run", "--", "sh", "-c", "exit 7")
        check(r.status == 7 and r.err == "", r)
        check(os.stat(binary).st_mode & 0o7777 == 0o755, oct(os.stat(binary).st_mode))
        make("uninstall", *where(folder))
        check(not files_below(folder), files_below(folder))


def knobs_move_its_parts():
    with scratch() as folder:
        knobs = where(folder, "BINDIR=/sbin", "MANDIR=/man", "DATADIR=/data")
        make("install", *knobs)
        found = files_below(folder)
        check({"sbin/hangdog", "man/man1/hangdog.1", "data/zsh/site-functions/_hangdog"} <= found and len(found) == len(FILES), found)
        make("uninstall", *knobs)
        check(not files_below(folder), files_below(folder))


main([(f.__name__.replace("_", " "), f) for f in (installs_where_it_is_told_and_leaves_nothing, knobs_move_its_parts)])
