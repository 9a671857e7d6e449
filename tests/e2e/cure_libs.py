#!/usr/bin/env python3
"""--cure with the libraries it is for: each program hangs without its cure, ends well with it, and the side effects are the
ones that 'hangdog doctor --cures' states.  What is not installed is skipped (HANGDOG_TEST_PYTHON names a Python that has it)."""
import glob
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import Cases, Skip, check, hangdog, main, need, run, scratch
from packages import python_with

CASES = case = Cases()
OURS = ("OMP_", "OPENBLAS_", "MKL_", "NUMEXPR_", "TOKENIZERS_", "GRPC_", "JOBLIB_", "VLLM_", "DASK_", "HEAP", "MALLOC_", "HANGDOG_MP")
ENV = {k: v for k, v in os.environ.items() if not k.startswith(OURS)}
# Some of these hangs are no proven deadlock (a poller with a time limit, a socket): nothing moves any more, that is all.
STALLS = ("--stall", "4", "--progress", "output", "--certainty", "suspected")
MAIN = 'if __name__ == "__main__":'


def guard_command(d, command, *args, env=None):
    return hangdog("run", "--incident-dir", os.path.join(d, "state"), "--restart-delay", "0", "--term-timeout", "1", "--stall", "0", *args, "--",
                   *command, env=dict(ENV, **(env or {})), timeout=110, cwd=d)


def guard(d, python, code, *args, env=None, argv=()):
    path = os.path.join(d, "prog.py")
    with open(path, "w") as f:
        f.write("import signal; signal.alarm(100)\n" + code)
    return guard_command(d, [python, path, *argv], *args, env=env)


def hangs_without_and_ends_with(python, code, cure, expected="finished\n", env=None, stalls=False):
    with scratch() as d:
        more = STALLS if stalls else ()
        r = guard(d, python, code, "--on-hang", "kill", "--cure", "none", *more, env=env)
        check(r.status == 124 and (stalls or "DEADLOCK" in r.err), f"no hang without the cure: {r}")
        r = guard(d, python, code, "--on-hang", "kill", "--cure", cure, *more, env=env)
        check(r.status == 0 and r.out == expected, f"with the cure: {r}")
        return r


TORCH = """
import multiprocessing as mp, torch
def work():
    {first}
    torch.randperm(1 << 20)
{main}
    mp.set_start_method("fork")
    torch.set_num_threads(2)
    torch.randperm(1 << 20)
    p = mp.Process(target=work); p.start(); p.join()
    print("finished" if p.exitcode == 0 else p.exitcode)
"""


@case
def torch_in_a_forked_process():
    # set_num_threads undoes OMP_NUM_THREADS: only OMP_THREAD_LIMIT, which the cure sets as well, wins over it.
    hangs_without_and_ends_with(python_with("torch", "numpy"), TORCH.format(first="torch.set_num_threads(2)", main=MAIN), "omp-threads=1")


@case
def torch_with_all_its_threads_by_omp_pause():
    hangs_without_and_ends_with(python_with("torch", "numpy"), TORCH.format(first="torch.set_num_threads(2)", main=MAIN), "omp-pause")


LOADER = """
import torch
from torch.utils.data import DataLoader, Dataset
class Data(Dataset):
    def __len__(self):
        return 8
    def __getitem__(self, i):
        torch.set_num_threads(2)
        return torch.randperm(1 << 18)[:4]
{main}
    torch.set_num_threads(2)
    torch.randperm(1 << 20)
    print(sum(len(batch) for batch in DataLoader(Data(), num_workers=2, {more})), "finished")
"""


@case
def a_dataloader_by_each_of_its_cures():
    python = python_with("torch", "numpy")
    with scratch() as d:
        code = LOADER.format(main=MAIN, more="multiprocessing_context='fork'")
        r = guard(d, python, code, "--on-hang", "kill", "--cure", "none")
        check(r.status == 124, r)
        for cure in ("omp-threads=1", "omp-pause"):
            r = guard(d, python, code, "--on-hang", "kill", "--cure", cure)
            check(r.status == 0 and r.out == "8 finished\n", r)
        r = guard(d, python, LOADER.format(main=MAIN, more=""), "--on-hang", "kill", "--cure", "mp-start=spawn")
        check(r.status == 0 and r.out == "8 finished\n", f"torch asks multiprocessing for its default: {r}")


SKLEARN = """
import multiprocessing as mp, numpy
from sklearn.cluster import KMeans
data = numpy.random.RandomState(0).rand(4000, 8)
def fit():
    KMeans(8, n_init=1, random_state=0).fit(data)
{main}
    mp.set_start_method("fork")
    fit()
    p = mp.Process(target=fit); p.start(); p.join()
    print("finished" if p.exitcode == 0 else p.exitcode)
"""


@case
def scikit_learn_in_a_forked_process():
    python = python_with("sklearn", "numpy")
    for cure in ("omp-threads=1", "omp-pause"):
        hangs_without_and_ends_with(python, SKLEARN.format(main=MAIN), cure)


JOBLIB = """
import joblib, numpy, multiprocessing as mp
from sklearn.cluster import KMeans
data = numpy.random.RandomState(0).rand(4000, 8)
def fit(seed):
    KMeans(8, n_init=1, random_state=seed).fit(data)
{main}
    fit(0)
    joblib.Parallel(n_jobs=2, backend="multiprocessing")(joblib.delayed(fit)(i) for i in range(2))
    print("finished")
"""


@case
def joblib_with_its_multiprocessing_backend():
    hangs_without_and_ends_with(python_with("sklearn", "joblib"), JOBLIB.format(main=MAIN), "joblib-start=forkserver")


TOKENIZERS = """
import multiprocessing as mp, os
from tokenizers import Tokenizer, models, pre_tokenizers
tokenizer = Tokenizer(models.WordLevel({"a": 0, "b": 1, "[UNK]": 2}, unk_token="[UNK]"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
texts = ["a b a b"] * 5000
def encode():
    tokenizer.encode_batch(texts)
if __name__ == "__main__":
    mp.set_start_method("fork")
    encode()
    p = mp.Process(target=encode); p.start(); p.join()
    print("finished" if p.exitcode == 0 else p.exitcode)
"""


# Unset, the library switches its threads off in children by itself; a program that insists on them hangs.
INSIST = "import os; os.environ.setdefault('TOKENIZERS_PARALLELISM', 'true'); os.environ.setdefault('RAYON_NUM_THREADS', '2')\n"


@case
def tokenizers_that_insist_on_threads():
    hangs_without_and_ends_with(python_with("tokenizers"), INSIST + TOKENIZERS, "tokenizers=off")


@case
def one_rayon_thread_is_no_cure():
    with scratch() as d:
        r = guard(d, python_with("tokenizers"), INSIST + TOKENIZERS, "--on-hang", "kill", "--cure", "none", env={"RAYON_NUM_THREADS": "1"})
        check(r.status == 124, f"then the list of non-cures is wrong: {r}")


POLARS = """
import multiprocessing as mp, polars as pl
frame = pl.DataFrame({"a": list(range(200000)), "b": [i % 7 for i in range(200000)]})
def work(n):
    return frame.group_by("b").agg(pl.col("a").sum()).sort("b").height
if __name__ == "__main__":
    work(0)
    with mp.Pool(1) as pool:
        print("finished" if pool.map(work, [1]) == [7] else "wrong")
"""


@case
def polars_by_starting_workers_afresh():
    python = python_with("polars")
    need_fork(python)
    hangs_without_and_ends_with(python, POLARS, "mp-start=spawn")


def need_fork(python):
    if run(python, "-c", "import sys; sys.exit(sys.version_info >= (3, 14))").status != 0:
        raise Skip("this Python does not fork by default")


# A lock of the program's own that a thread of the parent holds for good.
HELD = """
import threading
lock = threading.Lock()
taken = threading.Event()
def hold():
    with lock:
        taken.set()
        threading.Event().wait()
def work(n):
    with lock:
        return n * 2
"""

LOCK = "import {module} as mp" + HELD + """\
if __name__ == "__main__":
    threading.Thread(target=hold, daemon=True).start()
    taken.wait()
    with mp.Pool(1) as pool:
        print("finished" if pool.map(work, [1]) == [2] else "wrong")
"""


@case
def the_package_multiprocess_has_a_default_of_its_own():
    python = python_with("multiprocess")
    need_fork(python)
    for method in "spawn", "forkserver":
        hangs_without_and_ends_with(python, LOCK.format(module="multiprocess"), f"mp-start={method}")


GRPC = """
import os, signal, sys, threading
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "{support}")   # as some libraries on top of gRPC do
import grpc, concurrent.futures
def serve():
    class Echo(grpc.GenericRpcHandler):
        def service(self, details):
            if "Stream" in details.method:
                return grpc.unary_stream_rpc_method_handler(lambda request, context: (request for _ in range(10 ** 9)))
            return grpc.unary_unary_rpc_method_handler(lambda request, context: request)
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4), handlers=[Echo()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port
read, write = os.pipe()
server_pid = os.fork()
if server_pid == 0:
    signal.alarm(100)
    server, port = serve()
    os.write(write, b"%d" % port)
    server.wait_for_termination(100)
    os._exit(0)
port = int(os.read(read, 20))
channel = grpc.insecure_channel("127.0.0.1:%d" % port)
def call(channel):
    return channel.unary_unary("/echo/Echo")(b"hi", wait_for_ready=True)
def stream():
    for _ in channel.unary_stream("/echo/Stream")(b"hi", wait_for_ready=True):
        pass
def end():
    os.kill(server_pid, 9)
    print("finished", flush=True)
    os._exit(0)
"""

# The parent is quiet, the child makes a channel of its own.
GRPC_CHILD = GRPC + """
assert call(channel) == b"hi"
child = os.fork()
if child == 0:
    signal.alarm(100)
    os._exit(0 if call(grpc.insecure_channel("127.0.0.1:%d" % port)) == b"hi" else 3)
assert os.waitpid(child, 0)[1] == 0
end()
"""

# The parent is busy, the children only start another program.
GRPC_EXEC = GRPC + """
for _ in range(2):
    threading.Thread(target=stream, daemon=True).start()
for i in range(50):
    child = os.fork()
    if child == 0:
        os.execv("/bin/true", ["true"])
    os.waitpid(child, 0)
    with open("forks", "w") as f:
        print(i, file=f)
end()
"""


@case
def grpc_in_a_child_of_a_quiet_parent():
    hangs_without_and_ends_with(python_with("grpc"), GRPC_CHILD.format(support="false"), "grpc-fork=on", stalls=True)


@case
def grpc_in_a_parent_whose_children_start_programs():
    """The streams go on while fork() waits for ever: what counts as moving is the file that each fork is noted in."""
    python, code = python_with("grpc"), GRPC_EXEC.format(support="true")
    with scratch() as d:
        stalls = ("--stall", "5", "--progress", f"file:{d}/forks", "--certainty", "suspected")
        r = guard(d, python, code, "--on-hang", "kill", "--cure", "none", *stalls)
        check(r.status == 124, f"no hang without the cure: {r}")
        r = guard(d, python, code, "--on-hang", "kill", "--cure", "grpc-fork=off")
        check(r.status == 0 and r.out == "finished\n", r)


@case
def grpc_fork_off_leaves_children_without_grpc():
    with scratch() as d:
        r = guard(d, python_with("grpc"), GRPC_CHILD.format(support="true"), "--on-hang", "kill", "--cure", "grpc-fork=off", *STALLS)
        check(r.status != 0, f"the stated cost is not there: {r}")


BLAS = """
import numpy, os, threading
a = numpy.ones((400, 400))
a @ a
n = len(os.listdir("/proc/self/task"))
stop = threading.Event()
def burn():
    while not stop.is_set():
        a @ a
threads = [threading.Thread(target=burn) for _ in range(2)]
for t in threads: t.start()
for i in range(int(os.environ["FORKS"])):
    pid = os.fork()
    if pid == 0:
        a @ a
        os._exit(0)
    os.waitpid(pid, 0)
stop.set()
print("finished with", n, "thread", flush=True)
os._exit(0)
"""


@case
def blas_that_computes_during_a_fork():
    """fork() waits for OpenBLAS's threads, which the others keep busy: after some forks, never the same number."""
    python = python_with("numpy")
    with scratch() as d:
        r = guard(d, python, BLAS, "--on-hang", "kill", "--cure", "none", *STALLS, env={"FORKS": "1000000"})
        check(r.status == 124 and "OpenBLAS" in r.err, f"no hang without the cure: {r}")
        r = guard(d, python, BLAS, "--on-hang", "kill", "--cure", "blas-threads=1", env={"FORKS": "100"})
        check(r.status == 0 and r.out == "finished with 1 thread\n", r)


# libgomp is there already (from scikit-learn, or PyTorch), so MKL takes its threads from that.
MKL = """
import ctypes, glob, os, sys
ctypes.CDLL("libgomp.so.1", ctypes.RTLD_GLOBAL)
import mkl
mkl = ctypes.CDLL(sorted(glob.glob(sys.prefix + "/lib/libmkl_rt.so*"))[0])
n = 300
a = (ctypes.c_double * (n * n))(*([1.0] * (n * n)))
c = (ctypes.c_double * (n * n))()
def multiply():
    mkl.cblas_dgemm(101, 111, 111, n, n, n, ctypes.c_double(1.0), a, n, a, n, ctypes.c_double(0.0), c, n)
multiply()
threads = len(os.listdir("/proc/self/task"))
pid = os.fork()
if pid == 0:
    multiply()
    os._exit(0)
os.waitpid(pid, 0)
print("finished with", threads, "thread")
"""


def python_with_mkl():
    python = python_with("mkl")
    prefix = run(python, "-c", "import sys; print(sys.prefix)").out.strip()
    if not glob.glob(os.path.join(prefix, "lib", "libmkl_rt.so*")):
        raise Skip("mkl without libmkl_rt")
    return python


@case
def mkl_on_gnu_openmp():
    python = python_with_mkl()
    for cure in "mkl=sequential", "blas-threads=1":
        hangs_without_and_ends_with(python, MKL, cure, "finished with 1 thread\n")


KMP = """
import ctypes, glob, os, sys
omp = ctypes.CDLL(glob.glob(sys.prefix + "/lib/libiomp5.so")[0])
body = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(lambda a, b: None)
omp.omp_set_num_threads(2)
omp.__kmpc_fork_call(None, 0, body)   # what compilers make of "#pragma omp parallel"
pid = os.fork()
if pid == 0:
    omp.__kmpc_fork_call(None, 0, body)
    os._exit(0)
os.waitpid(pid, 0)
print("finished")
"""


@case
def switching_intels_fork_handler_off_is_no_cure():
    python = python_with_mkl()
    with scratch() as d:
        r = guard(d, python, KMP, "--on-hang", "kill")
        check(r.status == 0 and r.out == "finished\n", r)
        r = guard(d, python, KMP, "--on-hang", "kill", *STALLS, env={"KMP_INIT_AT_FORK": "FALSE"})
        check(r.status == 124, f"then the list of non-cures is wrong: {r}")


# ---- workers of dask and vLLM: a lock of their module is held by a thread of the parent -----------------------------------------

DASK = """
import threading
from held import *
{main}
    from distributed import Client, LocalCluster
    threading.Thread(target=hold, daemon=True).start()
    taken.wait()
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        print("finished" if client.submit(work, 1).result(60) == 2 else "wrong", flush=True)
"""

VLLM = """
import importlib.util, os, sys, threading, types
# Only vLLM's own code that starts its workers (multiproc_worker_utils.py of 0.6.0): all of vLLM wants a GPU.
package = types.ModuleType("vllm")
package.__path__ = importlib.util.find_spec("vllm").submodule_search_locations
sys.modules["vllm"] = package
from vllm.executor.multiproc_worker_utils import ProcessWorkerWrapper, ResultHandler
from held import *
class Worker:
    def double(self, n):
        return work(n)
{main}
    threading.Thread(target=hold, daemon=True).start()
    taken.wait()
    handler = ResultHandler()
    worker = ProcessWorkerWrapper(handler, Worker)
    handler.start()
    done = worker.execute_method("double", 2).get() == 4
    worker.kill_worker()
    print("finished" if done else "wrong", flush=True)
    os._exit(0)
"""


def held(d):
    with open(os.path.join(d, "held.py"), "w") as f:
        f.write(HELD)


@case
def dask_that_is_configured_to_fork():
    python = python_with("distributed")
    with scratch() as d:
        held(d)
        with open(os.path.join(d, "dask.yaml"), "w") as f:
            f.write("distributed:\n  worker:\n    multiprocessing-method: fork\n")
        env = {"DASK_CONFIG": os.path.join(d, "dask.yaml")}
        r = guard(d, python, DASK.format(main=MAIN), "--on-hang", "kill", "--cure", "none", *STALLS, env=env)
        check(r.status == 124, f"no hang without the cure: {r}")
        r = guard(d, python, DASK.format(main=MAIN), "--on-hang", "kill", "--cure", "dask-start=spawn", env=env)
        check(r.status == 0 and r.out == "finished\n", r)
        r = guard(d, python, DASK.format(main="if True:"), "--on-hang", "kill", "--cure", "dask-start=spawn", *STALLS, "--stall", "20", env=env)
        check(r.status != 0 and "bootstrapping phase" in r.err, f"the stated cost is not there: {r}")


@case
def the_workers_of_vllm():
    python = python_with("vllm")
    with scratch() as d:
        held(d)
        r = guard(d, python, VLLM.format(main=MAIN), "--on-hang", "kill", "--cure", "none", *STALLS)
        check(r.status == 124, f"no hang without the cure: {r}")
        r = guard(d, python, VLLM.format(main=MAIN), "--on-hang", "kill", "--cure", "vllm-start=spawn")
        check(r.status == 0 and r.out.endswith("finished\n"), r)
        r = guard(d, python, VLLM.format(main="if True:"), "--on-hang", "kill", "--cure", "vllm-start=spawn", *STALLS, "--stall", "20")
        check(r.status != 0 and "bootstrapping phase" in r.err, f"the stated cost is not there: {r}")


# ---- allocators -----------------------------------------------------------------------------------------------------------------

TCMALLOC = """
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
static void *churn(void *arg)
{
	for (;;)
		free(memset(malloc(100), 1, 100));
	return arg;
}
int main(int argc, char **argv)
{
	pthread_t t;
	alarm(100);
	for (int i = 0; i < 2; i++)
		pthread_create(&t, NULL, churn, NULL);
	for (int i = 0; i < atoi(argv[1]); i++) {
		pid_t pid = fork();
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			alarm(100);
			free(memset(malloc(100), 1, 100));
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
	dprintf(1, "finished\\n");
	_exit(0);
}
"""

# As in a server that bundles a jemalloc which knows nothing of its forks: its background thread may hold a lock then.  It is
# awake for moments only: here each of its locks is kept a little longer, as if it lost the processor there.
JEMALLOC = """
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
static __thread int is_main;
int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
	static int (*unlock)(pthread_mutex_t *);
	if (unlock == NULL)
		unlock = (int (*)(pthread_mutex_t *))dlsym(RTLD_NEXT, "pthread_mutex_unlock");
	if (!is_main)
		usleep(300);
	return unlock(mutex);
}
const char *malloc_conf = "background_thread:true,dirty_decay_ms:1,muzzy_decay_ms:1,narenas:1,tcache:false";
static void use(void)
{
	static char *p[400];
	for (int k = 0; k < 400; k++)
		*(p[k] = malloc(16384 + k * 4096 % 65536)) = 1;
	for (int k = 0; k < 400; k++)
		free(p[k]);
}
int main(int argc, char **argv)
{
	is_main = 1;
	alarm(100);
	for (int i = 0; i < atoi(argv[1]); i++) {
		use();
		pid_t pid = (pid_t)syscall(SYS_fork);
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			alarm(100);
			use();
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
	int n = 0;
	DIR *threads = opendir("/proc/self/task");
	for (struct dirent *e; (e = readdir(threads)) != NULL;)
		n += e->d_name[0] != '.';
	dprintf(1, "finished with %d thread\\n", n);
	_exit(0);
}
"""


def compiled(d, code, library):
    path = os.path.join(d, "prog")
    with open(path + ".c", "w") as f:
        f.write("#define _GNU_SOURCE\n#include <dirent.h>\n#include <stdio.h>\n#include <string.h>\n" + code)
    r = run("cc", "-O1", "-g", "-fno-builtin", "-o", path, path + ".c", f"-l{library}", "-pthread")
    if f"cannot find -l{library}" in r.err:
        raise Skip(f"no lib{library} to link with")
    check(r.status == 0, r)
    return path


@case
def tcmalloc_whose_start_script_profiles_the_heap():
    with scratch() as d:
        script = f": ${{HEAPPROFILE={d}/profile}}; export HEAPPROFILE; exec \"$@\""
        program = compiled(d, TCMALLOC, "tcmalloc")
        r = guard_command(d, ["sh", "-c", script, "sh", program, "1000000"], "--on-hang", "kill", "--cure", "none", *STALLS)
        check(r.status == 124, f"no hang without the cure: {r}")
        for name in os.listdir(d):
            if name.startswith("profile"):
                os.unlink(os.path.join(d, name))
        r = guard_command(d, ["sh", "-c", script, "sh", program, "500"], "--on-hang", "kill", "--cure", "heap-profile=off")
        check(r.status == 0 and r.out == "finished\n", r)
        check(not any(name.startswith("profile") for name in os.listdir(d)), "no profile, as stated")


@case
def jemalloc_with_a_background_thread():
    with scratch() as d:
        program = compiled(d, JEMALLOC, "jemalloc")
        r = guard_command(d, [program, "1000000"], "--on-hang", "kill", "--cure", "none")
        check(r.status == 124 and "DEADLOCK" in r.err, f"no hang without the cure: {r}")
        r = guard_command(d, [program, "300"], "--on-hang", "kill", "--cure", "jemalloc-background=off")
        check(r.status == 0 and r.out == "finished with 1 thread\n", r)


# ---- stated costs ---------------------------------------------------------------------------------------------------------------

@case
def tokenizers_off_makes_no_threads():
    code = TOKENIZERS.replace('mp.set_start_method("fork")', "").split("    p = mp.Process")[0] + '    print(len(os.listdir("/proc/self/task")))\n'
    python = python_with("tokenizers")
    with scratch() as d:
        check(int(guard(d, python, INSIST + code, "--cure", "none").out) > 1, "it has threads without")
        check(guard(d, python, INSIST + code, "--cure", "tokenizers=off").out == "1\n", "and none with the cure")


@case
def joblib_workers_come_from_a_server():
    code = """
import joblib, os
def parent(_):
    with open("/proc/%d/cmdline" % os.getppid()) as f:
        return "forkserver" in f.read()
if __name__ == "__main__":
    print(all(joblib.Parallel(n_jobs=2, backend="multiprocessing")(joblib.delayed(parent)(i) for i in range(2))))
"""
    python = python_with("joblib")
    with scratch() as d:
        check(guard(d, python, code, "--cure", "none").out == "False\n", "forked")
        check(guard(d, python, code, "--cure", "joblib-start=forkserver").out == "True\n", "from a server: the first use starts it")


# ---- the stated costs of mp-start ------------------------------------------------------------------------------------------

@case
def mp_start_needs_work_that_can_be_pickled():
    with scratch() as d:
        code = 'import multiprocessing as mp\nif __name__ == "__main__":\n    p = mp.Process(target=lambda: None); p.start(); p.join()\n'
        r = guard(d, sys.executable, code, "--cure", "mp-start=spawn")
        check(r.status == 1 and "pickle" in r.err, r)


@case
def mp_start_workers_do_not_see_what_the_parent_changed():
    with scratch() as d:
        code = ('import multiprocessing as mp\nseen = []\ndef work(): print(len(seen), flush=True)\n'
                'if __name__ == "__main__":\n    seen.append(1); p = mp.Process(target=work); p.start(); p.join()\n')
        check(guard(d, sys.executable, code, "--cure", "mp-start=spawn").out == "0\n", "spawn")


@case
def every_python_here_starts_workers_afresh():
    versions = os.path.expanduser("~/.pyenv/versions")
    pythons = [os.path.join(versions, v, "bin", "python3") for v in sorted(os.listdir(versions)) if v.startswith("3.")] \
        if os.path.isdir(versions) else []
    for python in [sys.executable, *pythons]:
        if run(python, "-c", "import sys; sys.exit(sys.version_info < (3, 8))").status != 0:
            continue
        for method in "spawn", "forkserver":
            with scratch() as d:
                r = guard(d, python, LOCK.format(module="multiprocessing"), "--on-hang", "kill", "--cure", f"mp-start={method}")
                check(r.status == 0 and r.out == "finished\n", r)


@case
def a_program_that_chooses_later_is_not_disturbed():
    with scratch() as d:
        code = ('import multiprocessing as mp\ndef work(): pass\nif __name__ == "__main__":\n'
                '    assert mp.get_start_method(allow_none=True) is None\n    mp.set_start_method("fork")\n'
                '    assert mp.get_context("spawn") is not mp.get_context("fork")\n    print(mp.get_start_method())\n')
        check(guard(d, sys.executable, code, "--cure", "mp-start=spawn").out == "fork\n", "its own choice")


need("run")
main(CASES)
