#!/usr/bin/env python3
"""What the live view costs: CPU of `hangdog top` over 1,000 idle threads at one refresh a second (must be under 3 % of a
core), and over 10,000 threads what a key costs.  Needs tmux and a C compiler."""
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import HANGDOG

SOURCE = r"""
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>
static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t c = PTHREAD_COND_INITIALIZER;
static void *idle(void *a) { pthread_mutex_lock(&m); for (;;) pthread_cond_wait(&c, &m); return a; }
int main(int argc, char **argv) {
	pthread_attr_t small;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(300);
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 65536);
	for (int i = 0; i < atoi(argv[argc - 1]); i++) {
		pthread_t t;
		if (pthread_create(&t, &small, idle, NULL) != 0)
			return 1;
	}
	write(1, "ready\n", 6);
	for (;;)
		usleep(100000);
}
"""


def ticks(pid):
    fields = open(f"/proc/{pid}/stat", errors="replace").read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def measure(folder, threads):
    def tmux(*args):
        return subprocess.run(["tmux", "-S", f"{folder}/tmux", "-f", "/dev/null", *args], stdout=subprocess.PIPE, text=True).stdout
    program = subprocess.Popen([f"{folder}/many", str(threads)], stdout=subprocess.PIPE)
    try:
        program.stdout.readline()
        tmux("new-session", "-d", "-x", "120", "-y", "40", f"exec env LC_ALL=C.UTF-8 {HANGDOG} top {program.pid}")
        time.sleep(6)
        top = int(tmux("list-panes", "-F", "#{pane_pid}"))
        before = ticks(top)
        time.sleep(15)
        idle = (ticks(top) - before) / os.sysconf("SC_CLK_TCK") / 15
        before, began = ticks(top), time.monotonic()
        for _ in range(40):
            tmux("send-keys", "NPage", "Down", "Down", "Up", "Down")
        time.sleep(3)  # all of them are handled by then; the refreshes meanwhile are taken off
        used = (ticks(top) - before) / os.sysconf("SC_CLK_TCK") - idle * (time.monotonic() - began)
        keys = max(used, 0) / 200
        print(f"{threads} threads: {100 * idle:.2f} % of a core at one refresh a second; {1000 * keys:.2f} ms a key")
        return idle
    finally:
        tmux("kill-server")
        program.kill()
        program.wait()


with tempfile.TemporaryDirectory() as d:
    with open(f"{d}/many.c", "w") as f:
        f.write(SOURCE)
    subprocess.run(["cc", "-O1", "-pthread", "-w", "-o", f"{d}/many", f"{d}/many.c"], check=True)
    share = measure(d, 1000)
    measure(d, 10000)
    sys.exit(0 if share < 0.03 else 1)
