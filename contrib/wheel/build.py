#!/usr/bin/env python3
"""Packs the static binary as a Python wheel, so that `pip install` gives the command `hangdog` where only Python is at hand
(notebooks, training images).  Needs nothing but Python; equal inputs give equal bytes.
Usage: build.py BINARY VERSION OUTPUT-DIR

The tag: the binary is static, so any libc will do; manylinux2014 and musllinux_1_1 are the oldest tags that every pip of
the last years takes.  The binary goes to `.data/scripts`, which pip copies as it is and makes executable."""
import base64
import hashlib
import os
import sys
import zipfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PLATFORM = "manylinux2014_x86_64.manylinux_2_17_x86_64.musllinux_1_1_x86_64"
EPOCH = (1980, 1, 1, 0, 0, 0)
EM_X86_64 = 62
DATA = [  # (file of this tree, place below the prefix)
    ("docs/man/hangdog.1", "share/man/man1/hangdog.1"),
    ("contrib/completion/hangdog.bash", "share/bash-completion/completions/hangdog"),
    ("contrib/completion/_hangdog", "share/zsh/site-functions/_hangdog"),
    ("contrib/completion/hangdog.fish", "share/fish/vendor_completions.d/hangdog.fish"),
]
METADATA = """Metadata-Version: 2.1
Name: hangdog
Version: {version}
Summary: Proves deadlocks of running Linux programs, explains them, and ends, heals or restarts what hangs
{license}Platform: Linux
Requires-Python: >=3.6
Description-Content-Type: text/markdown

"""
WHEEL = """Wheel-Version: 1.0
Generator: hangdog contrib/wheel/build.py
Root-Is-Purelib: false
"""


def read(*path):
    with open(os.path.join(ROOT, *path), "rb") as f:
        return f.read()


def check_static(binary):
    """A wheel with a binary that needs libraries would fail on the user's machine, not here."""
    if binary[:5] != b"\x7fELF\x02" or int.from_bytes(binary[18:20], "little") != EM_X86_64:
        sys.exit("wheel: not a 64-bit x86 ELF file")
    phoff, phsize, phnum = (int.from_bytes(binary[a:b], "little") for a, b in ((32, 40), (54, 56), (56, 58)))
    types = [int.from_bytes(binary[phoff + i * phsize:][:4], "little") for i in range(phnum)]
    if 3 in types:  # PT_INTERP
        sys.exit("wheel: this binary needs the libraries of its machine; pack build/static/hangdog (make static)")


def contents(binary, version):
    """[(name in the archive, bytes, mode)], RECORD last."""
    info, data = f"hangdog-{version}.dist-info", f"hangdog-{version}.data"
    has_license = os.path.exists(os.path.join(ROOT, "LICENSE"))
    files = [(f"{data}/scripts/hangdog", binary, 0o755)]
    files += [(f"{data}/data/{place}", read(source), 0o644) for source, place in DATA]
    readme = read("README.md") if os.path.exists(os.path.join(ROOT, "README.md")) else b""
    license_line = "License-File: LICENSE\n" if has_license else ""
    files.append((f"{info}/METADATA", METADATA.format(version=version, license=license_line).encode() + readme, 0o644))
    tags = "".join(f"Tag: py3-none-{p}\n" for p in PLATFORM.split("."))
    files.append((f"{info}/WHEEL", (WHEEL + tags).encode(), 0o644))
    if has_license:
        files.append((f"{info}/LICENSE", read("LICENSE"), 0o644))
    record = "".join(f"{name},sha256={digest(body)},{len(body)}\n" for name, body, _ in files)
    files.append((f"{info}/RECORD", (record + f"{info}/RECORD,,\n").encode(), 0o644))
    return files


def digest(body):
    return base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()


def main(binary_path, version, out_dir):
    with open(binary_path, "rb") as f:
        binary = f.read()
    check_static(binary)
    os.makedirs(out_dir, exist_ok=True)
    path = os.path.join(out_dir, f"hangdog-{version}-py3-none-{PLATFORM}.whl")
    with zipfile.ZipFile(path + ".tmp", "w") as z:
        for name, body, mode in contents(binary, version):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = 3
            entry.external_attr = (0o100000 | mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            z.writestr(entry, body)
    os.replace(path + ".tmp", path)
    print(path)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
