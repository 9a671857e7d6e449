"""One command, run bare or guarded in one of four ways, and what hangdog says about itself meanwhile."""
import glob
import os
import re
import signal
import subprocess
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HANGDOG = os.environ.get("HANGDOG", os.path.join(ROOT, os.environ.get("O", "build"), "hangdog"))
LIMIT_S = 1500
ATTACHED_S = 6  # then hangdog lets go, and attaches again

# bare     without hangdog
# launch   hangdog run
# observe  hangdog run --follow observe: never a tracer
# attach   started bare; hangdog attach while it runs, let go and attached again every few seconds
MODES = ("bare", "launch", "observe", "attach")


def read(path):
    try:
        with open(path, errors="replace") as f:
            return f.read()
    except OSError:
        return ""


def marked(mark):
    """Processes that were started with this mark in their environment."""
    for path in glob.glob("/proc/[0-9]*/environ"):
        if mark in read(path):
            yield int(path.split("/")[2])


class Watch(threading.Thread):
    """Looks now and then at hangdog's own figures, and at hangdog."""

    def __init__(self):
        super().__init__(daemon=True)
        self.pid, self.metrics, self.over = 0, [], threading.Event()
        self.most = {"processes": 0, "threads": 0, "rss_mib": 0, "fds": 0}
        self.cpu_s, self.course = {}, []  # by pid of hangdog; [seconds, RSS in KiB, descriptors] once in a while
        self.began = time.monotonic()

    def run(self):
        while not self.over.wait(1):
            self.look()

    def look(self):
        if not self.metrics or self.pid == 0:
            return
        now = {name: self.figure(name, self.metrics[-1:]) for name in ("processes", "threads")}
        rss_kib = int((re.findall(r"VmRSS:\s+(\d+)", read(f"/proc/{self.pid}/status")) or [0])[0])
        times = read(f"/proc/{self.pid}/stat").rpartition(")")[2].split()
        try:
            now.update(rss_mib=round(rss_kib / 1024), fds=len(os.listdir(f"/proc/{self.pid}/fd")))
            self.cpu_s[self.pid] = (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, IndexError):
            return
        seconds = round(time.monotonic() - self.began)
        if not self.course or seconds >= self.course[-1][0] + 20:
            self.course.append([seconds, rss_kib, now["fds"]])
        for name, value in now.items():
            self.most[name] = max(self.most[name], value)

    def figure(self, name, files=None, fold=sum):
        found = [re.search(rf"^hangdog_{name}\{{[^\n]*\}} ([0-9.]+)$", read(path), re.M) for path in files or self.metrics]
        return fold([float(m[1]) if "." in m[1] else int(m[1]) for m in found if m] or [0])

    def figures(self):
        return dict(self.most, cpu_s=round(sum(self.cpu_s.values()), 1), course=self.course[-60:], forks=self.figure("forks_total"), looks=self.figure("looks_total"),
                    gathers=self.figure("gathers_total"), longest_stop_ms=round(self.figure("longest_stop_seconds", fold=max) * 1000, 1))


class Attacher(threading.Thread):
    """Attaches to a running program, lets it go, and attaches again until it has ended."""

    def __init__(self, run, pid):
        super().__init__(daemon=True)
        self.run_, self.pid, self.over, self.wrong = run, pid, threading.Event(), []

    def run(self):
        n = 0
        while not self.over.is_set() and os.path.exists(f"/proc/{self.pid}"):
            self.once(n)
            n += 1
            self.over.wait(0.05)

    def once(self, n):
        run = self.run_
        with open(os.path.join(run.folder, f"attach{n}.log"), "wb") as log:
            p = subprocess.Popen([HANGDOG, "attach", *run.options(n), str(self.pid)], stdin=subprocess.DEVNULL, stdout=log,
                                 stderr=subprocess.STDOUT, env=run.env)
        run.watch.pid = p.pid
        self.over.wait(ATTACHED_S)
        if n % 2 == 0 and p.poll() is None:
            told = subprocess.run([HANGDOG, "ctl", str(self.pid), "detach"], capture_output=True, text=True, env=run.env, check=False)
            if told.returncode != 0 and p.poll() is None:
                self.wrong.append(f"ctl detach {n}: {told.stderr.strip()}")
                p.terminate()
        elif p.poll() is None:
            p.terminate()
        try:
            status = p.wait(30)
        except subprocess.TimeoutExpired:
            p.kill()
            status = p.wait()
            self.wrong.append(f"attach {n} did not let go within 30 s")
        if status not in (0, -signal.SIGTERM, 128 + signal.SIGTERM) and os.path.exists(f"/proc/{self.pid}"):
            self.wrong.append(f"attach {n} ended with {status}: {read(log.name)[-300:]}")


class Run:
    """One command in a folder of its own."""

    def __init__(self, folder, mode):
        self.folder, self.mode, self.incidents = folder, mode, os.path.join(folder, "incidents")
        os.makedirs(folder)
        os.chmod(folder, 0o755)
        self.mark = f"HANGDOG_REALWORLD={folder}"
        self.env = dict(os.environ, XDG_RUNTIME_DIR=folder, HOME=os.environ.get("HOME", folder), HANGDOG_REALWORLD=folder)
        self.log = open(os.path.join(folder, "log"), "wb")
        self.watch, self.attacher, self.seconds, self.cpu_s = Watch(), None, 0, 0

    def options(self, n):
        self.watch.metrics.append(os.path.join(self.folder, f"metrics{n}"))
        return ["--interval", "10", "--on-hang", "kill", "--incident-dir", self.incidents, "--metrics", self.watch.metrics[-1]]

    def start(self, command, **kw):
        if self.mode in ("launch", "observe"):
            follow = ["--follow", "observe"] if self.mode == "observe" else []
            command = [HANGDOG, "run", *self.options(0), *follow, "--", *command]
        self.began = time.monotonic()
        p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT, env=self.env,
                             start_new_session=True, **kw)
        if self.mode == "attach":
            self.attacher = Attacher(self, p.pid)
            self.attacher.start()
        elif self.mode != "bare":
            self.watch.pid = p.pid
        self.watch.start()
        return p

    def finish(self, p):
        try:
            status = p.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            status = f"over {LIMIT_S} s"
        self.seconds = time.monotonic() - self.began
        if self.attacher is not None:
            self.attacher.over.set()
            self.attacher.join()
        self.watch.over.set()
        for pid in marked(self.mark):
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        p.wait()
        self.log.close()
        return status

    def run(self, command, **kw):
        return self.finish(self.start(command, **kw))

    def said(self):
        return read(self.log.name)

    def verdicts(self):
        """Incidents, and what hangdog said: both must be none."""
        logs = [self.log.name, *glob.glob(os.path.join(self.folder, "attach*.log"))]
        said = [line for log in logs for line in read(log).splitlines() if line.startswith("hangdog: ")]
        return len(glob.glob(os.path.join(self.incidents, "*"))), said + (self.attacher.wrong if self.attacher else [])
