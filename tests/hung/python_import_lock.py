# EXPECT: verdict=deadlock cause=inherited-lock|missing-thread certainty=proven scope=process kind=python-lock
# Another thread is in the middle of an import at the fork; the child imports the same module.
import os
import sys
import tempfile
import threading

import fixture


def main():
    fixture.begin()
    fixture.importing = threading.Event()
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "slow_module.py"), "w") as f:
            f.write("import fixture, time\nfixture.importing.set()\ntime.sleep(3600)\n")
        sys.path.insert(0, folder)
        threading.Thread(target=__import__, args=("slow_module",), daemon=True).start()
        fixture.importing.wait()
        sys.path.pop(0)
    pid = fixture.fork()
    if pid == 0:
        import slow_module
        os._exit(0)
    fixture.wait(pid)


main()
