"""What the Python programs share: they die with whoever started them, children too."""
import ctypes
import os
import signal
import sys
import time

PR_SET_PDEATHSIG = 1


def begin():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def fork():
    pid = os.fork()
    if pid == 0:
        begin()
    return pid


def wait(pid):
    """Waits for the child and ends with its status: it did not hang."""
    status = os.waitpid(pid, 0)[1]
    sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


LOOKALIKE_S = 1.2


def stand_still():
    time.sleep(LOOKALIKE_S)


def hold_while(take, then):
    """Calls take() in another thread, which keeps what it took; then calls then()."""
    import threading
    taken = threading.Event()

    def body():
        take()
        taken.set()
        time.sleep(3600)

    threading.Thread(target=body, name="holder", daemon=True).start()
    taken.wait()
    return then()
