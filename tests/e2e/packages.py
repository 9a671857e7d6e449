#!/usr/bin/env python3
"""The packages that carry hangdog elsewhere: the wheel and the Debian package install a command that works."""
import glob
import hashlib
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import O, ROOT, Skip, check, main, run, scratch


def make(target, timeout=600):
    r = run("make", "-s", f"O={os.path.relpath(O, ROOT)}", target, cwd=ROOT, timeout=timeout)
    if r.status != 0:
        lines = [line for line in (r.out + r.err).splitlines() if "cannot find" in line or "not found" in line]
        if lines:
            raise Skip(lines[0])
    check(r.status == 0, r)


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def the_wheel_installs_the_command():
    make("wheel")
    wheels = glob.glob(os.path.join(ROOT, "dist", "hangdog-*.whl"))
    check(len(wheels) == 1, wheels)
    with scratch() as d:
        venv = os.path.join(d, "venv")
        r = run(sys.executable, "-m", "venv", venv, timeout=120)
        if r.status != 0:
            raise Skip("python3 -m venv does not work here")
        bin_ = os.path.join(venv, "bin")
        r = run(os.path.join(bin_, "pip"), "install", "--no-index", "--no-deps", "-q", wheels[0], timeout=120)
        check(r.status == 0, r)
        command = os.path.join(bin_, "hangdog")
        check(run(command, "--version").out.startswith("hangdog "), "does not tell its version")
        r = run(command, "run", "--", "sh", "-c", "exit 7")
        check(r.status == 7, r)
        check(os.path.exists(os.path.join(venv, "share", "man", "man1", "hangdog.1")), "no man page")
        r = run(os.path.join(bin_, "pip"), "uninstall", "-y", "hangdog", timeout=120)
        check(r.status == 0 and not os.path.exists(command), r)


def equal_inputs_give_an_equal_wheel():
    make("wheel")
    build = os.path.join(ROOT, "contrib", "wheel", "build.py")
    with scratch() as d:
        sums = []
        for sub in ("a", "b"):
            r = run(sys.executable, build, os.path.join(O, "static", "hangdog"), "1.0", os.path.join(d, sub))
            check(r.status == 0, r)
            sums.append(digest(r.out.strip()))
        check(sums[0] == sums[1], sums)


def a_binary_that_needs_libraries_is_not_packed():
    with scratch() as d:
        r = run(sys.executable, os.path.join(ROOT, "contrib", "wheel", "build.py"), "/bin/sh", "1.0", d)
        check(r.status != 0 and "make static" in r.err and os.listdir(d) == [], r)


def the_debian_package_is_sound():
    if not shutil.which("dpkg-deb"):
        raise Skip("no dpkg-deb")
    make("deb")
    packages = glob.glob(os.path.join(ROOT, "dist", "hangdog_*.deb"))
    check(len(packages) == 1, packages)
    listing = run("dpkg-deb", "-c", packages[0]).out
    for file in ("./usr/bin/hangdog", "./usr/share/man/man1/hangdog.1.gz", "./usr/share/bash-completion/completions/hangdog",
                 "./usr/share/doc/hangdog/copyright", "./usr/share/doc/hangdog/changelog.gz"):
        check(file in listing, f"{file} is not in\n{listing}")
    if shutil.which("lintian"):
        r = run("lintian", "--fail-on", "error,warning", "--allow-root", packages[0], timeout=300)
        check(r.status == 0, r)


def the_debian_package_installs_and_goes():
    """In a root folder of its own: dpkg's own database there, the host's is not touched."""
    if not shutil.which("dpkg") or os.getuid() != 0:
        raise Skip("needs dpkg and root")
    make("deb")
    package = glob.glob(os.path.join(ROOT, "dist", "hangdog_*.deb"))[0]
    with scratch() as d:
        admin = os.path.join(d, "var", "lib", "dpkg")
        os.makedirs(os.path.join(admin, "info"))
        os.makedirs(os.path.join(admin, "updates"))
        for name in ("status", "available"):
            open(os.path.join(admin, name), "w").close()
        dpkg = ["dpkg", f"--root={d}", "--force-not-root", "--force-script-chrootless", "--force-depends"]
        r = run(*dpkg, "-i", package, timeout=120)
        check(r.status == 0, r)
        command = os.path.join(d, "usr", "bin", "hangdog")
        check(run(command, "run", "--", "sh", "-c", "exit 7").status == 7, "does not run")
        r = run(*dpkg, "-P", "hangdog", timeout=120)
        check(r.status == 0 and not os.path.exists(command), r)


if __name__ == "__main__":
    main([(f.__name__, f) for f in (the_wheel_installs_the_command, equal_inputs_give_an_equal_wheel,
                                    a_binary_that_needs_libraries_is_not_packed, the_debian_package_is_sound,
                                    the_debian_package_installs_and_goes)], parallel=1)
