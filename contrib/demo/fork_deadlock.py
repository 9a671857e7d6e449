"""A fork deadlock as users meet it: a trainer with a metrics thread starts a multiprocessing worker.

The metrics thread holds `stats_lock` at the moment of the fork.  The worker is a copy of the process, lock included, but
only of the thread that forked: nobody is left in it to release the lock.  The trainer waits for the worker, for ever.
"""
import multiprocessing
import threading

stats_lock = threading.Lock()
stats = {}
writing = threading.Event()
epoch_over = threading.Event()


def write_metrics():
    """Runs in a thread of the trainer all the time."""
    with stats_lock:
        stats["loss"] = 0.1
        writing.set()
        epoch_over.wait()


def count_batch(n):
    with stats_lock:
        stats["batches"] = stats.get("batches", 0) + n
        return stats["batches"]


def load_data(queue):
    queue.put(count_batch(1))


def main():
    threading.Thread(target=write_metrics, name="metrics-writer", daemon=True).start()
    writing.wait()
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    worker = context.Process(target=load_data, args=(queue,), name="data-loader")
    worker.start()
    epoch_over.set()
    print("first batch:", queue.get())
    worker.join()


if __name__ == "__main__":
    main()
