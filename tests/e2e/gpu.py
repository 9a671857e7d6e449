#!/usr/bin/env python3
"""A restart waits until the GPU has given the memory of the ended processes back.  There is no GPU in these tests: /dev/nvidia0
is a plain file, and nvidia-smi a script that answers what a test tells it to."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import HANGDOG, ROOT, Cases, Skip, check, main, need, run, scratch

CASES = case = Cases()

# Says where its GPU stands at each start; the first two starts hang with the device open.
PROGRAM = """
import os, sys, threading
folder = sys.argv[1]
asked = sorted(os.listdir(folder + "/asked"))
with open(folder + "/starts", "a") as f:
    f.write("%d %s\\n" % (len(asked), os.path.exists(folder + "/holder")))
if os.environ.get("HANGDOG_RESTART") == "1":
    sys.exit(6)
if os.path.exists("/dev/nvidia0"):
    device = os.open("/dev/nvidia0", os.O_RDWR)
with open(folder + "/holder", "w") as f:
    f.write("%d\\n" % os.getpid())
l = threading.Lock(); l.acquire(); l.acquire()
"""

# Lists the holder for LISTED questions after its end, and after that its memory shrinks by 100 MiB a question down to 100.
SMI = """#!/bin/sh
n=$(ls {d}/asked | wc -l)
touch {d}/asked/$(printf %04d $n)
case $1 in
--query-compute-apps=pid)
    [ $n -ge {listed} ] && rm -f {d}/holder
    echo 4194000
    [ -e {d}/holder ] && cat {d}/holder
    exit 0 ;;
--query-gpu=memory.used)
    used=$(({shrinks} - n * 100))
    [ $used -lt 100 ] && used=100
    echo $used
    echo "[N/A]" ;;
esac
"""


def restarted(d, smi, *options, files=("nvidia0",)):
    if os.geteuid() != 0:
        raise Skip("needs root, for a /dev of its own")
    os.mkdir(os.path.join(d, "asked"))
    os.mkdir(os.path.join(d, "bin"))
    with open(os.path.join(d, "prog.py"), "w") as f:
        f.write(PROGRAM)
    if smi is not None:
        with open(os.path.join(d, "bin", "nvidia-smi"), "w") as f:
            f.write(smi)
        os.chmod(os.path.join(d, "bin", "nvidia-smi"), 0o755)
    r = run(sys.executable, os.path.join(ROOT, "tests", "lib", "private_dev.py"), json.dumps({"files": files}), HANGDOG, "run", "--incident-dir",
            os.path.join(d, "state"), "--restart-delay", "0", "--cure", "none", "--on-hang", "restart", *options, "--", sys.executable,
            os.path.join(d, "prog.py"), d, env=dict(os.environ, PATH=os.path.join(d, "bin") + ":" + os.environ["PATH"]))
    if "no namespace here" in r.err:
        raise Skip(r.err.strip())
    got = json.loads(r.out)
    check(got["status"] == 6, got)
    starts = [line.split() for line in open(os.path.join(d, "starts"))]
    check(len(starts) == 2 and starts[0] == ["0", "False"], starts)
    return got, int(starts[1][0]), starts[1][1] == "True"


@case
def the_next_start_comes_when_nvidia_smi_lists_nobody_of_the_tree():
    with scratch() as d:
        got, asked, is_listed = restarted(d, SMI.format(d=d, listed=6, shrinks=0))
        check(asked >= 7 and not is_listed and "the GPU still" not in got["err"], (got, asked))


@case
def and_when_the_memory_in_use_shrinks_no_more():
    """In a container nvidia-smi does not know the pids: only the memory tells."""
    with scratch() as d:
        got, asked, _ = restarted(d, SMI.format(d=d, listed=0, shrinks=1500))
        check(asked >= 15, (got, asked))


@case
def it_waits_no_longer_than_the_term_timeout():
    with scratch() as d:
        got, asked, is_listed = restarted(d, SMI.format(d=d, listed=10000, shrinks=0), "--term-timeout", "1")
        check(is_listed and asked >= 2 and "the GPU still lists process" in got["err"], got)


@case
def an_nvidia_smi_that_hangs_does_not_hang_the_restart():
    with scratch() as d:
        got, asked, _ = restarted(d, f"#!/bin/sh\ntouch {d}/asked/0\nexec sleep 300\n", "--term-timeout", "1")
        check(asked == 1 and "may not have given its memory back" in got["err"], got)


@case
def without_nvidia_smi_there_is_nothing_to_wait_for():
    with scratch() as d:
        restarted(d, None)


@case
def nobody_asks_about_a_gpu_that_the_tree_does_not_use():
    with scratch() as d:
        _, asked, _ = restarted(d, SMI.format(d=d, listed=0, shrinks=0), files=())
        check(asked == 0, asked)


need("run")
main(CASES)
