"""Run as process 1 of a PID namespace of 500 numbers (300 of them only once): pid_churn.py HANGDOG PROGRAM STATE.  hangdog ends a tree, some of which
dies at SIGTERM and some only at SIGKILL; in between, innocent processes are born with the numbers of the dead.  Prints
'rounds=N ended=N innocent=N harmed=N reused=N'."""
import collections
import os
import subprocess
import sys

ALIVE = 20
hangdog, program, state = sys.argv[1:4]
with open("/proc/sys/kernel/pid_max", "w") as f:
    f.write("500")
innocent = harmed = reused = 0
alive = collections.deque()


def bear(tree):
    """One that lives until its pipe is closed."""
    global innocent, reused
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(writer)
        for _, other in alive:
            os.close(other)
        os.read(reader, 1)
        os._exit(0)
    os.close(reader)
    innocent += 1
    reused += pid in tree
    alive.append((pid, writer))


def retire():
    global harmed
    pid, writer = alive.popleft()
    os.close(writer)
    harmed += os.waitpid(pid, 0)[1] != 0


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return {int(word) for word in f.read().split()}
    except OSError:
        return set()


statuses = []
# On a busy machine few are born in one round.
while len(statuses) < 3 or (reused <= 20 and len(statuses) < 15):
    tree = set()
    p = subprocess.Popen([hangdog, "run", "-q", "--incident-dir", state, "--term-timeout", "2", "--on-hang", "kill", "--", program,
                          "mixed", "60"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while p.poll() is None:
        for root in children(p.pid):
            tree |= {root} | children(root)
        if len(tree) < 61:
            continue
        bear(tree)
        if len(alive) > ALIVE:
            retire()
    statuses.append(p.returncode)
while alive:
    retire()
print(f"rounds={len(statuses)} ended={statuses.count(124)} innocent={innocent} harmed={harmed} reused={reused}", flush=True)
