#!/usr/bin/env python3
"""The preload libraries of --cure: programs that hang without and end well with them, and what else they might do."""
import functools
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import O, ROOT, Cases, Skip, check, hangdog, main, need, run, scratch

CASES = case = Cases()
WORK = tempfile.mkdtemp(prefix="hangdog-test-")
USES = "time names locale atexit environment users random loader gettext iconv syslog".split()


@functools.lru_cache(None)
def build(name, *flags):
    out = os.path.join(WORK, name.replace(".c", "") + (".so" if "-shared" in flags else ""))
    r = run("cc", "-D_GNU_SOURCE", "-O1", "-g", "-pthread", *flags, "-o", out, os.path.join(ROOT, "tests", "fixtures", name))
    if r.status != 0:
        raise Skip(f"{name} cannot be built here: {r.err.splitlines()[0]}")
    return out


def guard(*args, env=None, d=WORK):
    return hangdog("run", "--incident-dir", os.path.join(d, "state"), "--restart-delay", "0", "--stall", "0", *args, env=env, timeout=110)


def gate_case(use):
    program = os.path.join(WORK, "busy_fork")
    # Some of these locks (setlocale's) can also be inherited in a state where the child spins: no proof then, but no end either.
    r = guard("--on-hang", "kill", "--cure", "none", "--stall", "4", "--progress", "output", "--certainty", "suspected", "--", program,
              use, "100000")
    # And a child forked while another thread changes the loader's lists may die of that instead of hanging.
    has_died = use == "loader" and "Inconsistency detected by ld.so" in r.err
    check(has_died or (r.status == 124 and ("DEADLOCK" in r.err or "spin" in r.err or "suspected" in r.err)), r)
    r = guard("--on-hang", "kill", "--cure", "fork-gate", "--", program, use, "300")
    check(r.status == 0 and r.out == "finished\n", r)


for name in USES:
    CASES.append((f"fork-gate: {name}", lambda name=name: gate_case(name)))


@case
def the_advice_leads_to_the_gate():
    program = os.path.join(WORK, "busy_fork")
    r = guard("--on-hang", "restart,kill", "--", program, "time", "300")
    check(r.status == 0 and r.out == "finished\n", r)
    check("cure fork-gate: LD_PRELOAD=" in r.err, r)


def probe(name, **env):
    program = build("gate_probe.c")
    r = guard("--on-hang", "report", "--cure", "fork-gate", "--", program, name, env=dict(os.environ, **env))
    check(r.status == 0 and r.out == "fine\n", r)
    check("DEADLOCK" not in r.err, r)


for name in "popen signal handlers crowd errno".split():
    CASES.append((f"the gate and {name}", lambda name=name: probe(name)))


@case
def the_gate_gives_up_waiting_and_nobody_hangs():
    library = build("slow_start.c", "-shared", "-fPIC")
    probe("knot", SLOW_LIBRARY=library, SLOW_MARK=os.path.join(WORK, "mark"))


@case
def the_loader_still_sees_who_calls_it():
    with scratch() as d:
        check(run("cc", "-shared", "-fPIC", "-x", "c", "-o", os.path.join(d, "libonlyhere.so"), "/dev/null").status == 0, "cc")
        program = os.path.join(d, "probe")
        r = run("cc", "-D_GNU_SOURCE", "-O1", "-pthread", f"-Wl,-rpath,{d}", "-o", program, os.path.join(ROOT, "tests/fixtures/gate_probe.c"))
        check(r.status == 0, r)
        r = guard("--cure", "fork-gate", "--", program, "runpath")
        check(r.status == 0 and r.out == "fine\n", r)


@case
def openmp_hangs_without_and_not_with_each_of_its_cures():
    program = build("omp_fork.c", "-fopenmp")
    env = {k: v for k, v in os.environ.items() if not k.startswith("OMP_")}
    r = guard("--on-hang", "kill", "--cure", "none", "--", program, "1", env=env)
    check(r.status == 124 and "DEADLOCK" in r.err, r)
    r = guard("--on-hang", "kill", "--cure", "omp-threads=1", "--", program, "20", env=env)
    check(r.status == 0 and r.out == "finished with 1 threads\n", r)
    r = guard("--on-hang", "kill", "--cure", "omp-pause", "--", program, "200", env=env)
    check(r.status == 0 and r.out == "finished with 2 threads\n", f"its threads are as many as before: {r}")


@case
def a_cure_that_the_user_ruled_out_is_followed_by_the_next():
    program = build("omp_fork.c", "-fopenmp")
    r = guard("--on-hang", "restart,kill", "--", program, "3", env=dict(os.environ, OMP_NUM_THREADS="2", OMP_THREAD_LIMIT="4"))
    check(r.status == 0 and r.out == "finished with 2 threads\n", r)
    check("cure omp-pause" in r.err and "omp-threads" not in r.err.split("restart 1")[1], r)


@case
def what_the_user_preloads_stays_and_comes_first():
    r = guard("--cure", "fork-gate,omp-pause", "--", "sh", "-c", "echo $LD_PRELOAD", env=dict(os.environ, LD_PRELOAD="libm.so.6"))
    first, *ours = r.out.strip().split(":")
    check(first == "libm.so.6" and len(ours) == 2 and all(os.path.isfile(p) for p in ours), r)
    for p in ours:
        check(os.stat(p).st_mode & 0o022 == 0 and os.stat(os.path.dirname(p)).st_mode & 0o022 == 0, p)


@case
def a_folder_whose_name_cannot_be_preloaded_is_not_used():
    with scratch() as d:
        spaced = os.path.join(d, "with blank")
        r = guard("--cure", "fork-gate", "--", "sh", "-c", "echo $LD_PRELOAD", d=spaced)
        check("with blank" not in r.out and os.path.isfile(r.out.strip()), r)


@case
def a_folder_where_nothing_may_be_executed_is_not_used():
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        raise Skip("needs root and unshare")
    with scratch() as d:
        r = run("unshare", "-m", "sh", "-c", f"mount -t tmpfs -o noexec none {d} && exec {O}/hangdog run --incident-dir {d} "
                "--cure fork-gate -- sh -c 'echo $LD_PRELOAD'")
        check(r.status == 0 and r.out.startswith("/tmp/hangdog-0-cure/"), r)


@case
def a_folder_that_others_may_write_to_is_not_used():
    with scratch() as d:
        os.makedirs(os.path.join(d, "state", "cure"))
        os.chmod(os.path.join(d, "state", "cure"), 0o777)
        r = guard("--cure", "fork-gate,mp-start=spawn", "--", "sh", "-c", "echo $LD_PRELOAD $PYTHONPATH", d=d)
        check(d not in r.out and r.out.count("-cure/") == 2, r)


@case
def every_python_here_still_works():
    versions = os.path.expanduser("~/.pyenv/versions")
    pythons = [sys.executable] + [os.path.join(versions, v, "bin", "python3") for v in sorted(os.listdir(versions))
                                  if v.startswith("3.")] if os.path.isdir(versions) else [sys.executable]
    code = ("import os, socket, subprocess, time; time.localtime(); socket.getaddrinfo('localhost', 80); p = os.fork(); "
            "p or os._exit(0); assert os.waitpid(p, 0)[1] == 0; assert subprocess.check_output(['echo', 'x']) == b'x\\n'; print('ok')")
    for python in pythons:
        r = guard("--cure", "fork-gate,omp-pause,mp-start=spawn", "--", python, "-c", code)
        check(r.status == 0 and r.out == "ok\n", r)


try:
    need("run")
    for first in "busy_fork.c", "gate_probe.c":  # before cases run side by side
        build(first)
    main(CASES)
finally:
    shutil.rmtree(WORK, ignore_errors=True)
