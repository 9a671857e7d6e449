"""What machine learning scripts do with processes and threads: PyTorch's DataLoader with every start method, its
multiprocessing queues, joblib with every backend, scikit-learn searches, NumPy and PyTorch threads before a healthy fork."""
import concurrent.futures as futures
import itertools
import multiprocessing
import os

import joblib
import numpy
import torch
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC
from torch.utils.data import DataLoader, Dataset, IterableDataset


class Squares(Dataset):
    def __len__(self):
        return 200

    def __getitem__(self, i):
        return torch.full((100,), float(i * i))


class Stream(IterableDataset):
    def __iter__(self):
        info = torch.utils.data.get_worker_info()
        return iter(range(info.id if info else 0, 100, info.num_workers if info else 1))


def loaders():
    for method, persistent, prefetch in itertools.product(("fork", "forkserver", "spawn"), (False, True), (1, 4)):
        loader = DataLoader(Squares(), batch_size=10, num_workers=2, multiprocessing_context=method, persistent_workers=persistent,
                            prefetch_factor=prefetch)
        total = sum(batch.sum().item() for _ in range(2) for batch in loader)
        yield f"loader-{method}-{persistent}-{prefetch}", total
    yield "stream", sorted(x for batch in DataLoader(Stream(), num_workers=3, batch_size=7) for x in batch.tolist()) == list(range(100))
    half = iter(DataLoader(Squares(), num_workers=2))  # dropped in the middle
    next(half)
    del half
    yield "dropped", "ok"


def doubled(queue, back):
    for x in iter(queue.get, None):
        back.put(x * 2)


def queues():
    for method in "fork", "spawn":
        context = torch.multiprocessing.get_context(method)
        there, back = context.Queue(), context.Queue()
        worker = context.Process(target=doubled, args=(there, back))
        worker.start()
        for i in range(20):
            there.put(torch.ones(1000) * i)
        total = sum(back.get().sum().item() for _ in range(20))
        there.put(None)
        worker.join()
        yield f"queue-{method}", f"{total} {worker.exitcode}"


def power(x):
    return int(numpy.linalg.matrix_power(numpy.eye(30) * 1.0, x).sum())


def pools():
    for backend in "loky", "multiprocessing", "threading":
        for _ in range(3):
            total = sum(joblib.Parallel(n_jobs=2, backend=backend)(joblib.delayed(power)(i) for i in range(40)))
        yield f"joblib-{backend}", total
    with futures.ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("forkserver")) as pool:
        yield "executor", sum(pool.map(power, range(40), chunksize=3))
    x, y = make_classification(400, 20, random_state=0)
    search = GridSearchCV(SVC(), {"C": [0.1, 1, 10], "gamma": [0.01, 0.1]}, n_jobs=2).fit(x, y)
    yield "grid", round(search.best_score_, 6)
    yield "forest", round(RandomForestClassifier(50, n_jobs=2, random_state=0).fit(x, y).score(x, y), 6)


def forks():
    torch.ones(2000, 2000) @ torch.ones(2000, 2000)  # its pool of threads exists now; the child does not use it
    for i in range(20):
        pid = os.fork()
        if pid == 0:
            os._exit(i)
        yield f"fork-{i}", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    for part in loaders(), queues(), pools(), forks():
        for name, value in part:
            print("result", name, value, flush=True)
