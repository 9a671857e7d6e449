"""A real terminal for tests: a tmux server of its own, its screen and keys, and the mouse."""
import os
import shutil
import subprocess
import tempfile

from harness import check, wait_until


class Terminal:
    """A tmux session of its own server; the shell command runs in it, then the terminal's settings are shown."""
    count = 0

    def __init__(self, command, width=80, height=24, term="screen-256color", env=()):
        Terminal.count += 1
        self.folder = tempfile.mkdtemp(prefix="hangdog-top-")
        self.socket = os.path.join(self.folder, "tmux")
        words = " ".join(["LC_ALL=C.UTF-8", f"TERM={term}", *env])
        script = f"stty -a > {self.folder}/before; env {words} {command}; echo status=$?; stty -a > {self.folder}/after; echo ended; exec cat"
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height), "exec sh -c '" + script.replace("'", "'\\''") + "'")

    def tmux(self, *args):
        return subprocess.run(["tmux", "-S", self.socket, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=20).stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tmux("kill-server")
        shutil.rmtree(self.folder, ignore_errors=True)

    def screen(self, *how):
        return self.tmux("capture-pane", "-p", *how)

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def type(self, text):
        """These bytes, as the keyboard and the mouse of a terminal send them."""
        self.tmux("send-keys", "-H", *(f"{b:x}" for b in text))

    def mouse(self, button, x, y, protocol="sgr"):
        """A press and release at a cell (0, 0 is at the top left); 0 = left button, 64 = wheel up, 65 = wheel down."""
        if protocol == "sgr":
            self.type(b"\x1b[<%d;%d;%dM" % (button, x + 1, y + 1) + (b"\x1b[<%d;%d;%dm" % (button, x + 1, y + 1) if button < 64 else b""))
        else:
            self.type(b"\x1b[M" + bytes([32 + button, 33 + x, 33 + y]) + (b"\x1b[M#" + bytes([33 + x, 33 + y]) if button < 64 else b""))

    def find(self, words):
        """The cell where these words begin."""
        for y, line in enumerate(self.shows(words).splitlines()):
            if words in line:
                return line.index(words), y

    def shows(self, *words):
        try:
            wait_until(lambda: all(w in self.screen() for w in words), words)
        except AssertionError:
            raise AssertionError(f"{words} never came on the screen:\n{self.screen()}")
        return self.screen()

    def hides(self, words):
        wait_until(lambda: words not in self.screen(), f"'{words}' gone from the screen")

    def quits(self):
        self.keys("q")
        self.ends()

    def ends(self, status=0):
        self.shows(f"status={status}", "ended")
        before, after = (open(os.path.join(self.folder, f)).read() for f in ("before", "after"))
        before, after = before.split("\n", 1)[1], after.split("\n", 1)[1]  # the first line has the size
        check(before == after, f"the terminal is not as it was:\n{before}\n{after}")
        check("WAITS FOR" not in self.screen(), "the screen of before is not back:\n" + self.screen())
