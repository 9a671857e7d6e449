"""The CPythons of this machine: the one that runs the tests, pyenv's, /usr/bin's, and those that HD_PYTHONS names (paths
with colons between; a script that ends in exec of an interpreter, in a chroot for example, is good too)."""
import glob
import os
import subprocess
import sys
import threading

TELL = ("import sys, sysconfig; print('%d.%d.%d' % sys.version_info[:3] + ('t' if sysconfig.get_config_var('Py_GIL_DISABLED') else '')"
        " + ('d' if hasattr(sys, 'gettotalrefcount') else ''))")

_found = None
_lock = threading.Lock()


def key(version):
    return [int(n) for n in version.rstrip("td").split(".")]


def interpreters(first=(3, 8), last=(3, 15)):
    """{"3.11.7": path, "3.14.2t": path}, oldest first, one path for each version and build."""
    with _lock:
        found = _search()
    return {v: found[v] for v in sorted(found, key=key) if first <= tuple(key(v)[:2]) <= last}


def _search():
    global _found
    if _found is None:
        _found = {}
        paths = [p for p in os.environ.get("HD_PYTHONS", "").split(":") if p]
        paths += [sys.executable] + glob.glob(os.path.expanduser("~/.pyenv/versions/3.*/bin/python3")) + ["/usr/bin/python3"]
        for path in paths:
            try:
                told = subprocess.run([path, "-c", TELL], capture_output=True, text=True, timeout=60)
            except OSError:
                continue
            if told.returncode == 0 and told.stdout.startswith("3."):
                _found.setdefault(told.stdout.strip(), path)
    return _found
