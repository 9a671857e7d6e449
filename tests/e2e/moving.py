#!/usr/bin/env python3
"""Processes that change while they are looked at: what a dump shows of a thread is one moment of that thread, never a mixture of
two, and who has gone is not there."""
import json
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import Cases, check, hangdog, main, need, scratch

CASES = case = Cases()
TRIES = 60

BEGIN = r"""
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>
#define FN __attribute__((noinline)) void
#define END __asm__ volatile("")
static void begin(void) { prctl(PR_SET_PDEATHSIG, SIGKILL); alarm(120); }
"""


def compile_c(folder, name, source, *flags):
    path = os.path.join(folder, name)
    subprocess.run(["cc", "-O1", "-D_GNU_SOURCE", "-pthread", *flags, "-x", "c", "-", "-o", path], input=(BEGIN + source).encode(), check=True)
    return path


class Started:
    def __init__(self, *args, **kw):
        self.p = subprocess.Popen(args, stdout=subprocess.DEVNULL, **kw)

    def __enter__(self):
        return self.p.pid

    def __exit__(self, *_):
        self.p.send_signal(signal.SIGKILL)
        self.p.wait()


def dumped(pid, *options):
    r = hangdog("dump", "--json", *options, pid)
    # On a busy machine somebody may not stop in time, and then that is said.
    check(r.status == 0 and (r.err == "" or "different moments" in r.err), r)
    return json.loads(r.out)["processes"]


def stacks(pid, *options):
    return [[f["function"] for f in t["stack"]] for p in dumped(pid, *options) for t in p["threads"]]


def own(stack, *prefixes):
    return [f for f in stack if f is not None and f.startswith(prefixes)]


ONE = """
FN one_b(void) { usleep(700); END; }
FN one_a(void) { one_b(); END; }
int main(int argc, char **argv) { begin(); one_a(); execl(argv[1], argv[1], argv[0], (char *)0); return argc; }
"""
TWO = """
FN two_c(void) { volatile char room[500]; room[0] = 1; usleep(700); END; }
FN two_b(void) { two_c(); END; }
FN two_a(void) { two_b(); END; }
int main(int argc, char **argv) { begin(); two_a(); execl(argv[1], argv[1], argv[0], (char *)0); return argc; }
"""


@case
def a_program_that_becomes_another_one_is_shown_as_one_of_both():
    # Both lie at the same addresses: names of one in a stack of the other would be as good as any.
    with scratch() as folder:
        one, two = (compile_c(folder, name, text, "-no-pie") for name, text in (("one", ONE), ("two", TWO)))
        whole = 0
        with Started(one, two) as pid:
            for i in range(TRIES * 2):
                for stack in stacks(pid, *(["--consistent"] if i % 2 else [])):
                    mine = own(stack, "one_", "two_")
                    check(mine == [] or mine in (["one_b", "one_a"], ["two_c", "two_b", "two_a"]), stack)
                    whole += "main" in stack
        check(whole > 0, "it was never met in one of its functions")


PLUGIN = r"""
static pthread_barrier_t all;
static void *work(void *arg)
{
	for (int i = 0;; i++) {
		void *library = dlopen(((char **)arg)[1 + i % 2], RTLD_NOW);
		void (*enter)(void) = (void (*)(void))dlsym(library, "enter");
		pthread_barrier_wait(&all);
		enter();
		pthread_barrier_wait(&all);
		dlclose(library);
		pthread_barrier_wait(&all);
	}
	return 0;
}
int main(int argc, char **argv)
{
	begin();
	pthread_t t;
	pthread_barrier_init(&all, 0, 3);
	for (int i = 0; i < 3; i++)
		pthread_create(&t, 0, work, argv);
	pause();
	return argc;
}
"""


@case
def libraries_that_come_and_go_keep_their_names_apart():
    with scratch() as folder:
        program = compile_c(folder, "program", PLUGIN)
        one = compile_c(folder, "one.so", "FN one_b(void) { usleep(300); END; } FN enter(void) { one_b(); END; }", "-shared", "-fPIC")
        two = compile_c(folder, "two.so", "FN two_c(void) { usleep(300); END; } FN two_b(void) { two_c(); END; } "
                        "FN enter(void) { two_b(); END; }", "-shared", "-fPIC")
        seen = 0
        with Started(program, one, two) as pid:
            for _ in range(TRIES):
                for stack in stacks(pid):
                    mine = own(stack, "one_", "two_")
                    check(mine in ([], ["one_b"], ["two_c", "two_b"]), stack)
                    seen += mine != [] and "work" in stack
        check(seen > TRIES, seen)  # of three threads that are in one of them most of the time


TOKEN = r"""
static sem_t turn[6];
FN with_token(void) { usleep(30); END; }
static void *work(void *arg)
{
	for (long i = (long)arg;;) {
		sem_wait(&turn[i]);
		with_token();
		sem_post(&turn[(i + 1) % 6]);
	}
	return 0;
}
int main(int argc, char **argv)
{
	begin();
	pthread_t t;
	for (long i = 0; i < 6; i++)
		pthread_create(&t, 0, work, (void *)i);
	sem_post(&turn[0]);
	pause();
	return argc != 0 && argv != 0;
}
"""


@case
def a_consistent_dump_is_of_one_moment():
    with scratch() as folder, Started(compile_c(folder, "token", TOKEN)) as pid:
        results = [hangdog("dump", "--json", "--consistent", pid) for _ in range(TRIES * 3)]
        whole = [json.loads(r.out)["processes"][0]["threads"] for r in results if r.err == ""]
        seen = [sum("with_token" in [f["function"] for f in t["stack"]] for t in threads) for threads in whole]
        check(seen and max(seen) == 1, f"two threads have the one token: {seen}")


@case
def a_consistent_dump_of_a_traced_process_says_that_it_is_none():
    with scratch() as folder, Started(compile_c(folder, "token", TOKEN)) as pid:
        tracer = subprocess.Popen(["strace", "-f", "-e", "none", "-p", str(pid)], stderr=subprocess.PIPE, text=True)
        try:
            check("attached" in tracer.stderr.readline(), "strace")
            r = hangdog("dump", "--consistent", pid)
            check(r.status == 0 and r.err.count("\n") == 1 and "strace" in r.err and "different moments" in r.err, r)
        finally:
            tracer.kill()
            tracer.communicate()


CHURN = r"""
static void *brief(void *arg) { usleep(500); return arg; }
int main(int argc, char **argv)
{
	begin();
	for (;;) {
		pthread_t t[20];
		for (int i = 0; i < 20; i++)
			pthread_create(&t[i], 0, brief, 0);
		for (int i = 0; i < 20; i++)
			pthread_join(t[i], 0);
	}
	return argc != 0 && argv != 0;
}
"""


@case
def threads_that_end_meanwhile_are_not_shown():
    with scratch() as folder, Started(compile_c(folder, "churn", CHURN)) as pid:
        for i in range(TRIES):
            threads = dumped(pid, *(["--consistent"] if i % 2 else []))[0]["threads"]
            check(threads and all(t["stack"] and t["name"] == "churn" for t in threads), threads)


FORKS = r"""
#include <sys/wait.h>
int main(int argc, char **argv)
{
	begin();
	for (;;) {
		for (int i = 0; i < 10; i++)
			if (fork() == 0) { usleep(500); _exit(0); }
		while (waitpid(-1, 0, 0) > 0) { }
	}
	return argc != 0 && argv != 0;
}
"""


@case
def processes_that_end_meanwhile_are_not_shown():
    with scratch() as folder, Started(compile_c(folder, "forks", FORKS)) as pid:
        for i in range(TRIES):
            for p in dumped(pid, *(["--python"] if i % 2 else [])):
                check(p["comm"] == "forks" and p["ppid"] > 0 and p["threads"], p)


@case
def a_process_that_ends_meanwhile_is_an_answer_or_one_line():
    for _ in range(TRIES):
        p = subprocess.Popen(["sleep", "0.004"])
        r = hangdog("dump", p.pid)
        check((r.status == 0 and r.err == "" and "thread" in r.out) or
              (r.status == 125 and r.out == "" and r.err.count("\n") == 1 and f"process {p.pid}" in r.err), r)
        p.wait()


if __name__ == "__main__":
    need("dump")
    main(CASES)
