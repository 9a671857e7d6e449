#!/usr/bin/env python3
"""Real wheels that hang after a fork: what their threads wait for is named in the words of the library inside.  And a run
that does not hang: is the warning about fork and threads real for it?  HANGDOG_TEST_PYTHON names interpreters that have them."""
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import HANGDOG, ROOT, check, main, need, run, scratch
from packages import python_with

BEGIN = "import fixture, os\nfixture.begin()\n"
COPY = """
pid = fixture.fork()
if pid == 0:
    work()
    os._exit(0)
fixture.wait(pid)
"""
SKLEARN = """
import numpy
from sklearn.cluster import KMeans
def work():
    KMeans(4, n_init=1).fit(numpy.random.rand(2000, 8))
work()
"""
TORCH = """
import torch
def work():
    torch.set_num_threads(2)
    torch.ones(1000000).mul(2).sum()
work()
"""
TOKENIZERS = """
os.environ["TOKENIZERS_PARALLELISM"] = "true"
from tokenizers import Tokenizer, models, pre_tokenizers
tokenizer = Tokenizer(models.WordLevel({"a": 0, "b": 1, "[UNK]": 2}, unk_token="[UNK]"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
def work():
    tokenizer.encode_batch(["a b a b"] * 1000)
work()
"""
POLARS = """
import polars
frame = polars.DataFrame({"a": list(range(100000)), "b": [i % 7 for i in range(100000)]})
def work():
    frame.group_by("b").agg(polars.col("a").sum())
work()
"""


def guard(d, python, program, *options):
    need("run")
    env = {k: v for k, v in os.environ.items() if not k.startswith("OMP_")}
    return run(HANGDOG, "run", "--interval", "20", "--stall", "0", *options, "--", python, "-W", "ignore", "-c", program, timeout=150,
               env=dict(env, PYTHONPATH=os.path.join(ROOT, "tests", "lib"), XDG_STATE_HOME=d, XDG_RUNTIME_DIR=d))


def hangs_in(module, program, what, rule):
    python = python_with(module)
    with scratch() as d:
        path = os.path.join(d, "report.json")
        r = guard(d, python, BEGIN + program + COPY, "--on-hang", "kill", "--term-timeout", "1", "--report", path)
        check(r.status == 124, r)
        report = json.load(open(path))
    waits = [t["wait"] for p in report["processes"] if p["pid"] in report["culprits"] for t in p["threads"] if t["deadlocked"]]
    objects = [w["object"] for w in waits]
    check(any(re.search(what, o) for o in objects), f"they wait for {objects}, expected '{what}'")
    check(report["cause"] == "missing-thread" and report["advice"][0]["rule"] == rule, report["summary"] + str(report["advice"][:1]))


def scikit_learn_waits_for_its_openmp_team():
    hangs_in("sklearn", SKLEARN, "the other threads of an OpenMP team or pool", "sklearn-openmp")


def torch_waits_for_its_openmp_team():
    hangs_in("torch", TORCH, "the other threads of an OpenMP team or pool", "torch-openmp")


def tokenizers_wait_for_rayon():
    hangs_in("tokenizers", TOKENIZERS, "the threads of a rayon pool", "tokenizers-rayon")


def polars_waits_for_its_runtime():
    hangs_in("polars", POLARS, "the tokio runtime to wake this thread|the threads of a rayon pool|parking_lot", "polars-fork")


def the_answer_to_the_warning_of_jax_is_honest():
    python = python_with("jax")
    used = ("import jax.numpy as np, multiprocessing, subprocess\n(np.ones((64, 64)) @ np.ones((64, 64))).block_until_ready()\n")
    with scratch() as d:
        r = guard(d, python, used + "with multiprocessing.get_context('fork').Pool(2) as p: print(p.map(abs, [1, 2]))", "--audit")
        text = " ".join(r.err.replace("hangdog:", "").split())
        check(r.status == 0 and "They hang if they use it" in text and "of JAX/XLA waited" in text and "The copy must not use JAX" in text, r)
    with scratch() as d:
        r = guard(d, python, used + "import os\nif os.fork() == 0: os.execlp('true', 'true')\nos.wait()", "--audit")
        text = " ".join(r.err.replace("hangdog:", "").split())
        check(r.status == 0 and "No danger: each of these copies became another program at once" in text, r)


main([(f.__name__, f) for f in (scikit_learn_waits_for_its_openmp_team, torch_waits_for_its_openmp_team, tokenizers_wait_for_rayon,
                                polars_waits_for_its_runtime, the_answer_to_the_warning_of_jax_is_honest)])
