#!/usr/bin/env python3
"""The examples below contrib/ are sound: each file passes the checker of its kind, and each hangdog command in them uses options
that this build has.  The shell examples run for real, with stand-ins for the launchers
that are not installed; MPI, torchrun and the notebook run for real where they are."""
import glob
import json
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import HANGDOG, ROOT, Skip, check, hangdog, main, run, scratch

CONTRIB = os.path.join(ROOT, "contrib")
EXAMPLES = ("systemd", "slurm", "torchrun", "mpi", "kubernetes", "docker", "notebook", "vscode")


def files(*patterns):
    return sorted(f for p in patterns for f in glob.glob(os.path.join(CONTRIB, "**", p), recursive=True))


def text(path):
    with open(path) as f:
        return f.read()


def each_example_says_in_one_line_what_it_is():
    for name in EXAMPLES:
        lines = text(os.path.join(CONTRIB, name, "README.md")).splitlines()
        check(len(lines) == 1 and len(lines[0]) > 40, f"contrib/{name}/README.md")


def shell_scripts_parse():
    scripts = files("*.sh", "*.sbatch", "*.bash")
    check(len(scripts) > 5, scripts)
    for path in scripts:
        r = run("bash", "-n", path)
        check(r.status == 0, r)


def units_verify():
    if not shutil.which("systemd-analyze"):
        raise Skip("no systemd-analyze")
    with scratch() as d:
        for path in files("*.service"):
            # Of this build, not installed; and an instance, so that %i is something.
            unit = text(path).replace("/usr/bin/hangdog", HANGDOG)
            name = os.path.basename(path).replace("@.", "@trainer.")
            with open(os.path.join(d, name), "w") as f:
                f.write(unit)
        for name in sorted(os.listdir(d)):
            r = run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", os.path.join(d, name),
                    env=dict(os.environ, SYSTEMD_UNIT_PATH=d + ":"))
            mine = [line for line in r.err.splitlines() if d in line or name in line]
            check(r.status == 0 and not mine, r)


def json_parses():
    for path in files("*.json", "*.ipynb"):
        json.loads(text(path))


def yaml_parses():
    try:
        import yaml
    except ImportError:
        raise Skip("no yaml for Python") from None
    for path in files("*.yaml"):
        doc = yaml.safe_load(text(path))
        if "kubernetes" in path:
            check(doc["kind"] in ("Job", "Pod") and doc["apiVersion"] and doc["metadata"]["name"], path)
            spec = doc["spec"] if doc["kind"] == "Pod" else doc["spec"]["template"]["spec"]
            volumes = {v["name"] for v in spec["volumes"]}
            for c in spec["containers"] + spec.get("initContainers", []):
                check({m["name"] for m in c.get("volumeMounts", [])} <= volumes, f"{path}: {c['name']} mounts what is not there")


def kubernetes_objects_are_valid():
    validate = shutil.which("kubernetes-validate")
    if not validate:
        raise Skip("no kubernetes-validate (pip)")
    for path in files("kubernetes/*.yaml"):
        r = run(validate, path)
        check(r.status == 0, r)


def notebook_and_text_are_the_same():
    book = json.loads(text(os.path.join(CONTRIB, "notebook", "hangdog.ipynb")))
    cells = ["".join(c["source"]) for c in book["cells"] if c["cell_type"] == "code"]
    parts = re.split(r"# ---- cell \d+: ", text(os.path.join(CONTRIB, "notebook", "cells.txt")))[1:]
    check(cells == ["# " + p.strip() for p in parts], "contrib/notebook: the two differ")
    for cell in cells:
        plain = "\n".join("pass" if line[:1] in "%!" else line for line in cell.splitlines())
        compile(plain, "cell", "exec")


def words_of(path):
    """The text of a file with quotes and commas of its lists as spaces, continued lines joined."""
    body = re.sub(r"\\\n", " ", text(path))
    return re.sub(r'[",\[\]]+', " ", body) if path.endswith((".yaml", ".json", "Dockerfile")) else body


def commands_use_options_that_exist():
    known = {}
    seen = 0
    for path in files("*.sh", "*.sbatch", "*.service", "*.yaml", "*.txt", "*.ipynb"):
        for command, rest in re.findall(r"hangdog +(run|attach|why|dump|doctor|ps|ctl) ([^\n]*)", words_of(path)):
            if command not in known:
                known[command] = set(re.findall(r"--[a-z-]+", hangdog(command, "--help").out))
            for option in re.findall(r"(?<!\S)--[a-z-]+", re.split(r" -- |hangdog |\$\(", rest)[0]):
                check(option in known[command], f"{path}: hangdog {command} has no {option}")
                seen += 1
    check(seen > 10, f"only {seen} options seen")


def stand_in(folder, name, script):
    path = os.path.join(folder, name)
    with open(path, "w") as f:
        f.write("#!/bin/sh\n" + script)
    os.chmod(path, 0o755)


def launchers_pass_the_status_on():
    """mpirun, torchrun and srun by stand-ins that start what comes after their own options."""
    skip_options = 'while :; do case $1 in -n|--nproc-per-node|--max-restarts) shift 2 ;; -*) shift ;; *) break ;; esac; done; exec "$@"\n'
    with scratch() as d:
        for name in ("mpirun", "torchrun", "srun"):
            stand_in(d, name, skip_options)
        stand_in(d, "scontrol", f'echo "$@" >{d}/requeued\n')
        with open(os.path.join(d, "train.py"), "w") as f:
            f.write("import sys; sys.exit(int(sys.argv[-1]))\n")
        env = dict(os.environ, PATH=f"{d}:{os.path.dirname(HANGDOG)}:{os.environ['PATH']}", SLURM_JOB_ID="7", HANGS=f"{d}/hangs",
                   XDG_STATE_HOME=d)
        for args in (("mpi/run.sh", "python3", "train.py", "5"), ("torchrun/train.sh", "train.py", "5"), ("slurm/train.sbatch", "5")):
            r = run("bash", os.path.join(CONTRIB, args[0]), *args[1:], env=env, cwd=d)
            check(r.status == 5, r)
        check(os.path.isdir(f"{d}/hangs/7") and not os.path.exists(f"{d}/requeued"), "slurm: no folder, or requeued")


def a_slurm_job_that_hung_is_requeued():
    with scratch() as d:
        stand_in(d, "srun", "exit 124\n")
        stand_in(d, "scontrol", f'echo "$@" >{d}/requeued\n')
        env = dict(os.environ, PATH=f"{d}:{os.environ['PATH']}", SLURM_JOB_ID="7", HANGS=f"{d}/hangs")
        r = run("bash", os.path.join(CONTRIB, "slurm", "train.sbatch"), env=env, cwd=d)
        check(r.status == 124 and text(f"{d}/requeued") == "requeue 7\n", r)


MPI_PROGRAM = r"""
#include <mpi.h>
#include <pthread.h>
#include <stdio.h>
int main(int argc, char **argv)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	int rank, sum;
	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
	printf("rank %d sum %d\\n", rank, sum);
	fflush(stdout);
	for (int i = 0; argc > 1 && rank == 1 && i < 2; i++)
		pthread_mutex_lock(&lock);
	MPI_Barrier(MPI_COMM_WORLD);
	MPI_Finalize();
	return 0;
}
"""


def mpirun_for_real():
    """Two ranks that talk to each other; then one of them is dead, and the job ends."""
    if not shutil.which("mpicc") or not shutil.which("mpirun"):
        raise Skip("no MPI (openmpi-bin, libopenmpi-dev)")
    with scratch() as d:
        with open(os.path.join(d, "ring.c"), "w") as f:
            f.write(MPI_PROGRAM)
        r = run("mpicc", "-o", "ring", "ring.c", "-lpthread", cwd=d)
        check(r.status == 0, r)
        env = dict(os.environ, PATH=f"{os.path.dirname(HANGDOG)}:{os.environ['PATH']}", XDG_STATE_HOME=d, OMPI_ALLOW_RUN_AS_ROOT="1",
                   OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMPI_MCA_rmaps_base_oversubscribe="1")
        r = run(os.path.join(CONTRIB, "mpi", "run.sh"), "./ring", env=env, cwd=d)
        check(r.status == 0 and "rank 0 sum 1" in r.out and "rank 1 sum 1" in r.out and "hangdog" not in r.err, r)
        r = run(os.path.join(CONTRIB, "mpi", "run.sh"), "./ring", "hang", env=env, cwd=d)
        check(r.status == 124 and "hangdog: DEADLOCK" in r.err and "self-lock" not in r.out, r)


TORCH_PROGRAM = """
import os, threading, time, torch, torch.distributed as dist
dist.init_process_group("gloo")
x = torch.ones(1) * dist.get_rank()
dist.all_reduce(x)
first = os.environ["TORCHELASTIC_RESTART_COUNT"] == "0"
print("rank", dist.get_rank(), "sum", x.item(), "first" if first else "again", flush=True)
if first and dist.get_rank() == 0:
    log_lock = threading.Lock()
    def write():
        with log_lock: time.sleep(1000)
    threading.Thread(target=write, daemon=True).start()
    while not log_lock.locked(): pass
    pid = os.fork()
    if pid == 0:
        with log_lock: os._exit(0)
    os.waitpid(pid, 0)
dist.barrier()
dist.destroy_process_group()
"""


def torchrun_for_real():
    """A worker of the first attempt hangs and is ended; torchrun starts the group again, and that goes well."""
    torchrun = os.path.join(os.path.dirname(os.environ.get("HD_DOCS_PYTHON", "")), "torchrun")
    torchrun = torchrun if os.path.exists(torchrun) else shutil.which("torchrun")
    if not torchrun:
        raise Skip("no torchrun (HD_DOCS_PYTHON names a Python with PyTorch)")
    with scratch() as d:
        with open(os.path.join(d, "train.py"), "w") as f:
            f.write(TORCH_PROGRAM)
        env = dict(os.environ, PATH=f"{os.path.dirname(HANGDOG)}:{os.path.dirname(torchrun)}:{os.environ['PATH']}", XDG_STATE_HOME=d, GPUS="2")
        r = run(os.path.join(CONTRIB, "torchrun", "train.sh"), "train.py", env=env, cwd=d, timeout=200)
        check(r.status == 0 and "rank 0 sum 1.0 first" in r.out and "rank 0 sum 1.0 again" in r.out, r)
        check("DEADLOCK (proven)" in r.err and "log_lock" in r.err, r)


def the_notebook_runs():
    """Executed in a Jupyter kernel of its own: the wheel installs, a script runs under hangdog, the terminal opens."""
    jupyter = os.environ.get("HD_JUPYTER", "")
    wheels = glob.glob(os.path.join(ROOT, "dist", "hangdog-*.whl"))
    if not jupyter or not wheels:
        raise Skip("HD_JUPYTER names no jupyter (with nbconvert, ipykernel, colab-xterm), or no wheel is built (make wheel)")
    with scratch() as d:
        shutil.copy(wheels[0], d)
        shutil.copy(os.path.join(CONTRIB, "notebook", "hangdog.ipynb"), d)
        shutil.copy(os.path.join(CONTRIB, "demo", "fork_deadlock.py"), os.path.join(d, "train.py"))
        env = dict(os.environ, PATH=f"{os.path.dirname(jupyter)}:{os.environ['PATH']}", XDG_STATE_HOME=d, HOME=d)
        r = run(jupyter, "nbconvert", "--to", "notebook", "--execute", "--output", "out.ipynb", "hangdog.ipynb", cwd=d, env=env, timeout=300)
        check(r.status == 0, r)
        out = text(os.path.join(d, "out.ipynb"))
        check("DEADLOCK (proven)" in out and "stats_lock" in out and "hangdog why " in out, out)


if __name__ == "__main__":
    main([(f.__name__, f) for f in (each_example_says_in_one_line_what_it_is, shell_scripts_parse, units_verify, json_parses,
                                    yaml_parses, kubernetes_objects_are_valid, notebook_and_text_are_the_same, commands_use_options_that_exist,
                                    launchers_pass_the_status_on, a_slurm_job_that_hung_is_requeued,
                                    mpirun_for_real, torchrun_for_real, the_notebook_runs)])
