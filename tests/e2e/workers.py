#!/usr/bin/env python3
"""Programs that look after their workers themselves: hangdog does not fight their restarts, and with kill-child it ends the
stuck worker only, which they then replace.  Real servers where they are installed (HANGDOG_TEST_PYTHON names a Python)."""
import glob
import json
import os
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import HANGDOG, Cases, Skip, check, hangdog, main, need, scratch, wait_until
from packages import python_with

CASES = case = Cases()

# Imported before the workers are forked: a thread holds the lock during the first fork, and lets it go when one hangs.
HELD = """
import os, threading, time
lock = threading.Lock()
def hold():
    with lock:
        taken.set()
        while not os.path.exists({mark!r}):
            time.sleep(0.01)
taken = threading.Event()
threading.Thread(target=hold, daemon=True).start()
taken.wait()
def use():
    open({mark!r}, "w").close()   # the next worker finds it free
    with lock:
        pass
"""


def write(d, name, text):
    path = os.path.join(d, name)
    with open(path, "w") as f:
        f.write(text)
    return path


def arguments(d, actions, *command, options=()):
    return [HANGDOG, "run", "--incident-dir", os.path.join(d, "state"), "--term-timeout", "1", "--restart-delay", "0", "--stall", "0", "--cure", "none",
            "--on-hang", actions, *options, "--", *command]


def guard(d, actions, *command, options=(), **env):
    return hangdog(*arguments(d, actions, *command, options=options)[1:], env=dict(os.environ, PYTHONPATH=d, XDG_RUNTIME_DIR=d, **env), cwd=d, timeout=150)


def actions_of(d):
    return [json.load(open(f))["action"] for f in sorted(glob.glob(os.path.join(d, "state", "*", "report.json")))]


# ---- a small supervisor: starts its worker anew whenever that ends badly --------------------------------------------------------

SUPERVISOR = """
import os, signal, sys, time
signal.alarm(100)
if {stubborn}:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
import held
starts = 0
while True:
    starts += 1
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        {worker}
        os._exit(0)
    with open("workers", "a") as f:
        print(pid, file=f)
    status = os.waitpid(pid, 0)[1]
    if status == 0:
        break
print("starts", starts, flush=True)
"""


def supervisor(d, worker, stubborn=False):
    write(d, "held.py", HELD.format(mark=os.path.join(d, "mark")))
    return write(d, "supervisor.py", SUPERVISOR.format(worker=worker, stubborn=stubborn))


def lives(pid):
    try:
        return open(f"/proc/{pid}/stat", errors="replace").read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


@case
def workers_that_crash_and_are_replaced_are_none_of_its_business():
    with scratch() as d:
        path = supervisor(d, "starts < 4 and os.abort()")
        r = guard(d, "restart", sys.executable, path)
        check(r.status == 0 and r.out == "starts 4\n" and r.err == "", r)


@case
def only_the_stuck_worker_is_ended_and_its_supervisor_replaces_it():
    with scratch() as d:
        r = guard(d, "kill-child,kill", sys.executable, supervisor(d, "held.use()"))
        check(r.status == 0 and r.out == "starts 2\n", r)
        (action,) = actions_of(d)
        check(action["taken"] == "kill-child" and "the others go on without it" in action["result"], action)


@case
def a_restart_ends_a_supervisor_that_keeps_replacing_workers():
    """It ignores SIGTERM and forks a new worker for each that is ended."""
    with scratch() as d:
        path = supervisor(d, "os.environ.get('HANGDOG_RESTART') or held.lock.acquire()", stubborn=True)
        r = guard(d, "restart", sys.executable, path)
        check(r.status == 0 and "starts 1\n" in r.out, r)
        before = [int(pid) for pid in open(os.path.join(d, "workers"))][:-1]
        check(len(before) > 1, f"it replaced none: {before}")
        check(not any(lives(pid) for pid in before), before)


@case
def torchrun_restarts_its_workers_itself():
    python = python_with("torch")
    with scratch() as d:
        path = write(d, "train.py", "import os, sys\nn = int(os.environ['TORCHELASTIC_RESTART_COUNT'])\nprint('try', n, flush=True)\nsys.exit(3 if n < 2 else 0)\n")
        r = guard(d, "restart", python, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=1", "--max-restarts=3", path)
        check(r.status == 0 and [line for line in r.out.splitlines() if line.startswith("try")] == ["try 0", "try 1", "try 2"], r)
        check("hangdog: DEADLOCK" not in r.err and "restart 1" not in r.err.split("hangdog:")[-1], r)


# ---- real servers ---------------------------------------------------------------------------------------------------------------

class Server:
    def __init__(self, d, *command, options=()):
        self.p = subprocess.Popen(arguments(d, "kill-child,kill", *command, options=options), cwd=d, stdin=subprocess.DEVNULL,
                                  stdout=open(os.path.join(d, "out"), "w"), stderr=open(os.path.join(d, "err"), "w"),
                                  env=dict(os.environ, PYTHONPATH=d, XDG_RUNTIME_DIR=d), start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.p.poll() is None:
            self.p.terminate()  # passed on to the server
        try:
            self.p.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.p.pid, signal.SIGKILL)
            self.p.wait()


def said(d):
    return open(os.path.join(d, "err")).read() + open(os.path.join(d, "out")).read()


def get(path):
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            s.connect(path)
            s.sendall(b"GET / HTTP/1.0\r\n\r\n")
            text = b""
            while part := s.recv(4096):
                text += part
            return text.decode()
    except OSError:
        return ""


@case
def gunicorn_replaces_its_stuck_worker_itself():
    """Its workers handle SIGUSR1, which their parent may send at any time: no proof (decision 0010), but gunicorn has a time limit."""
    python = python_with("gunicorn")
    with scratch() as d:
        write(d, "held.py", HELD.format(mark=os.path.join(d, "mark")))
        write(d, "app.py", "import held\ndef app(environ, start_response):\n    held.use()\n    start_response('200 OK', [])\n    return [b'served']\n")
        with Server(d, python, "-m", "gunicorn", "--preload", "--timeout", "3", "--workers", "1", "--bind", f"unix:{d}/sock", "app:app") as s:
            wait_until(lambda: "served" in get(os.path.join(d, "sock")) or s.p.poll() is not None, "it serves again", timeout=90)
            check(s.p.poll() is None and "WORKER TIMEOUT" in said(d), said(d))
        check(actions_of(d) == [], said(d))


@case
def celery_replaces_its_stuck_worker_itself():
    """As gunicorn's; it has a time limit for tasks."""
    python = python_with("celery")
    with scratch() as d:
        write(d, "held.py", HELD.format(mark=os.path.join(d, "mark")))
        for name in "queue", "results", "done":
            os.mkdir(os.path.join(d, name))
        write(d, "tasks.py", f"""
import celery, held
app = celery.Celery("tasks", broker="filesystem://", backend="file://{d}/results")
app.conf.broker_transport_options = dict(data_folder_in="{d}/queue", data_folder_out="{d}/queue", control_folder="{d}/queue")
@app.task
def work(n):
    held.use()
    return n * 2
""")
        send = "import tasks, sys\na = tasks.work.delay(1)\ntry:\n    a.get(timeout=90)\nexcept Exception as e:\n    print(type(e).__name__)\nprint(tasks.work.delay(21).get(timeout=90))"
        with Server(d, python, "-m", "celery", "-A", "tasks", "worker", "--pool", "prefork", "-c", "1", "--without-gossip", "--without-mingle",
                    "--without-heartbeat", "--time-limit", "4"):
            p = subprocess.run([python, "-c", send], cwd=d, capture_output=True, text=True, timeout=140, env=dict(os.environ, PYTHONPATH=d))
            check(p.stdout == "TimeLimitExceeded\n42\n", (p.stdout, p.stderr[-2000:], said(d)[-3000:]))
        check(actions_of(d) == [], said(d))


@case
def a_loader_that_is_tried_again():
    python = python_with("torch", "numpy")
    with scratch() as d:
        write(d, "held.py", HELD.format(mark=os.path.join(d, "mark")))
        path = write(d, "train.py", """
import signal; signal.alarm(140)
import held, torch
from torch.utils.data import DataLoader, Dataset
class Data(Dataset):
    def __len__(self):
        return 4
    def __getitem__(self, i):
        held.use()
        return i
for attempt in range(3):
    try:
        print(sum(int(b.sum()) for b in DataLoader(Data(), num_workers=1, multiprocessing_context="fork")), "in attempt", attempt)
        break
    except RuntimeError as e:
        print("lost:", "DataLoader worker" in str(e))
""")
        r = guard(d, "kill-child,kill", python, path)
        check(r.status == 0 and r.out == "lost: True\n6 in attempt 1\n", r)
        check([a["taken"] for a in actions_of(d)] == ["kill-child"], r)


need("run")
main(CASES)
