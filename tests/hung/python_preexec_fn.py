# EXPECT: verdict=deadlock cause=inherited-lock|missing-thread certainty=proven scope=process kind=python-lock
# subprocess with a preexec_fn that takes a lock which another thread held: the parent waits for the child's exec.
import subprocess
import threading

import fixture

log_lock = threading.Lock()


def announce():
    fixture.begin()
    with log_lock:
        pass


def main():
    fixture.begin()
    fixture.hold_while(log_lock.acquire, lambda: subprocess.run(["true"], preexec_fn=announce))


main()
