#!/usr/bin/env python3
"""--cure with the libraries it is for: each program hangs without its cure, ends well with it, and the side effects are the
ones that 'hangdog doctor --cures' states.  What is not installed is skipped (HANGDOG_TEST_PYTHON names a Python that has it)."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import Skip, check, hangdog, main, need, run, scratch
from packages import python_with

CASES = []
ENV = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "OPENBLAS_", "MKL_", "TOKENIZERS_", "GRPC_", "JOBLIB_", "HANGDOG_MP"))}
MAIN = 'if __name__ == "__main__":'


def case(function):
    CASES.append((function.__name__.replace("_", " "), function))
    return function


def guard(d, python, code, *args, env=None):
    path = os.path.join(d, "prog.py")
    with open(path, "w") as f:
        f.write("import signal; signal.alarm(100)\n" + code)
    return hangdog("run", "--incident-dir", os.path.join(d, "state"), "--restart-delay", "0", "--stall", "0", *args, "--", python, path,
                   env=dict(ENV, **(env or {})), timeout=110)


def hangs_without_and_ends_with(python, code, cure, expected="finished\n", env=None):
    with scratch() as d:
        r = guard(d, python, code, "--on-hang", "kill", "--cure", "none", env=env)
        check(r.status == 124 and "DEADLOCK" in r.err, f"no hang without the cure: {r}")
        r = guard(d, python, code, "--on-hang", "kill", "--cure", cure, env=env)
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


LOCK = """
import {module} as mp, threading
lock = threading.Lock()
taken = threading.Event()
def hold():
    with lock:
        taken.set()
        threading.Event().wait()
def work(n):
    with lock:
        return n * 2
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


@case
def grpc_channels_of_a_quiet_parent():
    python = python_with("grpc")
    code = """
import grpc, os, concurrent.futures
def serve():
    class Echo(grpc.GenericRpcHandler):
        def service(self, details):
            return grpc.unary_unary_rpc_method_handler(lambda request, context: request)
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(2), handlers=[Echo()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port
def call(port):
    with grpc.insecure_channel("127.0.0.1:%d" % port) as channel:
        return channel.unary_unary("/echo/Echo")(b"hi", timeout=20, wait_for_ready=True)
read, write = os.pipe()
pid = os.fork()
if pid == 0:
    server, port = serve()
    os.write(write, b"%d" % port)
    server.wait_for_termination(30)
    os._exit(0)
port = int(os.read(read, 20))
assert call(port) == b"hi"
child = os.fork()
if child == 0:
    os._exit(0 if call(port) == b"hi" else 3)
print("finished" if os.waitpid(child, 0)[1] == 0 else "failed", flush=True)
os.kill(pid, 9)
"""
    with scratch() as d:
        r = guard(d, python, code, "--on-hang", "kill", "--cure", "grpc-fork=on")
        check(r.status == 0 and r.out.endswith("finished\n"), r)


BLAS = """
import numpy, os, threading
a = numpy.ones((400, 400))
stop = threading.Event()
def burn():
    while not stop.is_set():
        a @ a
threads = [threading.Thread(target=burn) for _ in range(2)]
for t in threads: t.start()
for i in range(30):
    pid = os.fork()
    if pid == 0:
        a @ a
        os._exit(0)
    os.waitpid(pid, 0)
stop.set()
print("finished")
"""


@case
def blas_that_computes_during_a_fork():
    # It hangs often, not always, so only the cured side is a promise.
    with scratch() as d:
        r = guard(d, python_with("numpy"), BLAS, "--on-hang", "kill", "--cure", "blas-threads=1")
        check(r.status == 0 and r.out == "finished\n", r)


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
