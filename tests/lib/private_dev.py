"""Runs a command in a mount namespace of its own, with a /dev and a /run where a test may put things:
private_dev.py '{"files": ["nvidia0"], "syslog": "dgram"|"stream"|"full"|null, "journal": true}' COMMAND...
Prints one JSON object: its status, out and err, and what /dev/log and journald's socket got."""
import ctypes
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading

CLONE_NEWNS, MS_BIND, MS_MOVE, MS_REC, MS_PRIVATE = 0x20000, 4096, 8192, 16384, 1 << 18
libc = ctypes.CDLL(None, use_errno=True)


def must(result):
    if result != 0:
        sys.exit(f"no namespace here: {os.strerror(ctypes.get_errno())}")


def mount(source, target, kind=None, flags=0):
    must(libc.mount(source.encode(), target.encode(), kind and kind.encode(), flags, None))


def enter(files):
    must(libc.unshare(CLONE_NEWNS))
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    dev = tempfile.mkdtemp()
    mount("none", dev, "tmpfs")
    for name in "null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm", "fd":
        source, target = os.path.join("/dev", name), os.path.join(dev, name)
        if os.path.islink(source):
            os.symlink(os.readlink(source), target)
        elif os.path.isdir(source):
            os.mkdir(target)
            mount(source, target, None, MS_BIND | MS_REC)
        elif os.path.exists(source):
            open(target, "w").close()
            mount(source, target, None, MS_BIND)
    mount(dev, "/dev", None, MS_MOVE)
    os.rmdir(dev)
    for name in files:
        open(os.path.join("/dev", name), "w").close()
    mount("none", "/run", "tmpfs")
    os.makedirs("/run/systemd/journal")


def listen(path, kind):
    s = socket.socket(socket.AF_UNIX, kind)
    s.bind(path)
    if kind == socket.SOCK_STREAM:
        s.listen()
    return s


def datagrams(s):
    got = []
    s.setblocking(False)
    while True:
        try:
            got.append(s.recv(65536).decode("utf-8", "surrogateescape"))
        except BlockingIOError:
            return got


def fill(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.connect(path)
        s.setblocking(False)
        try:
            while True:
                s.send(b"full")
        except BlockingIOError:
            pass


def accept_all(s, got):
    """Until somebody connects and says nothing."""
    while True:
        c = s.accept()[0]
        text = b""
        while part := c.recv(65536):
            text += part
        if not text:
            return
        got.append(text.decode("utf-8", "surrogateescape"))


def main():
    what = json.loads(sys.argv[1])
    enter(what.get("files", []))
    kinds = {"dgram": socket.SOCK_DGRAM, "full": socket.SOCK_DGRAM, "stream": socket.SOCK_STREAM}
    log = listen("/dev/log", kinds[what["syslog"]]) if what.get("syslog") else None
    journal = listen("/run/systemd/journal/socket", socket.SOCK_DGRAM) if what.get("journal") else None
    lines = []
    if what.get("syslog") == "full":
        fill("/dev/log")
    taker = threading.Thread(target=accept_all, args=(log, lines), daemon=True)
    if what.get("syslog") == "stream":
        taker.start()
    p = subprocess.run(sys.argv[2:], capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL)
    if what.get("syslog") == "dgram":
        lines = datagrams(log)
    if what.get("syslog") == "stream":
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.connect("/dev/log")
        taker.join()
    print(json.dumps({"status": p.returncode, "out": p.stdout, "err": p.stderr, "syslog": lines,
                      "journal": datagrams(journal) if journal else []}))


main()
