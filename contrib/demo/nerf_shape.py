#!/usr/bin/env python3
"""A training run with the shape of a well-known hang: the configuration is written first, then a data manager forks workers
out of a parent that has threads already, and waits for their first batch for ever.  Only config.yml ever appears.

    nerf_shape.py [--with plain|torch|jax] [--steps N] OUTPUT-DIR

plain  the images are decoded by a pool of threads that was used before the fork
torch  a tensor is shuffled by PyTorch's own threads, before the fork and in the workers
jax    a matrix is multiplied by JAX, before the fork and in the workers

With a cure (hangdog run --on-hang restart -- nerf_shape.py ...) it trains to its end, and the checkpoints are there.
"""
import argparse
import concurrent.futures
import json
import multiprocessing
import os
import time

decoders = concurrent.futures.ThreadPoolExecutor(2, thread_name_prefix="decoder")


def decode_plain(seed):
    return decoders.submit(sum, range(seed)).result()


def decode_torch(seed):
    import torch
    torch.manual_seed(seed)
    return int(torch.randperm(1 << 20)[:4].sum())


def decode_jax(seed):
    import jax.numpy as jnp
    matrix = jnp.full((512, 512), float(seed))
    return float(jnp.dot(matrix, matrix).sum())


DECODE = {"plain": decode_plain, "torch": decode_torch, "jax": decode_jax}


def load(kind, jobs, batches):
    """A worker of the data manager: seeds in, batches out."""
    for seed in iter(jobs.get, None):
        batches.put([DECODE[kind](seed + i) for i in range(4)])


class DataManager:
    """Looks at one image itself, to learn their size; the workers do the rest."""

    def __init__(self, kind, workers=2):
        DECODE[kind](1)
        self.jobs, self.batches = multiprocessing.Queue(), multiprocessing.Queue()
        self.workers = [multiprocessing.Process(target=load, args=(kind, self.jobs, self.batches)) for _ in range(workers)]
        for worker in self.workers:
            worker.start()
        self.seed = 0

    def next_batch(self):
        self.jobs.put(self.seed)
        self.seed += 4
        return self.batches.get()

    def close(self):
        for _ in self.workers:
            self.jobs.put(None)
        for worker in self.workers:
            worker.join()


def save_checkpoint(folder, step, state):
    os.makedirs(os.path.join(folder, "nerfstudio_models"), exist_ok=True)
    path = os.path.join(folder, "nerfstudio_models", f"step-{step:09d}.ckpt")
    with open(path + ".tmp", "w") as f:
        json.dump({"step": step, "state": state}, f)
    os.replace(path + ".tmp", path)


def train(kind, folder, steps):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "config.yml"), "w") as f:
        f.write(f"method: nerfacto\nsteps: {steps}\nstarted: {time.time()}\n")
    print(f"config written to {folder}/config.yml", flush=True)
    data, state = DataManager(kind), 0.0
    for step in range(steps):
        state += sum(data.next_batch())
        if (step + 1) % 10 == 0:
            save_checkpoint(folder, step, state)
            print(f"step {step}: checkpoint saved", flush=True)
    data.close()


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--with", dest="kind", choices=sorted(DECODE), default="plain")
    options.add_argument("--steps", type=int, default=20)
    options.add_argument("folder")
    given = options.parse_args()
    train(given.kind, given.folder, given.steps)
    print("finished", flush=True)
