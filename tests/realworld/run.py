#!/usr/bin/env python3
"""Whole suites of other people's programs, bare and under `hangdog run --interval 10 --on-hang kill`: the same results,
and no verdict at all.  A verdict on a healthy suite is the worst bug that hangdog can have; its incident is kept.

    tests/realworld/run.py [--keep DIR] [--table FILE] [SUITE...]     without SUITE: all that this machine has

Not part of `make check`: it takes an hour, and needs what it tests to be installed (stress-ng, redis, PostgreSQL, nginx
and apache2-utils, Go with its sources, CPython with its tests).  What is missing is skipped."""
import argparse
import glob
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
O = os.path.join(ROOT, os.environ.get("O", "build"))
HANGDOG = os.environ.get("HANGDOG", os.path.join(O, "hangdog"))
LIMIT_S = 900


class Missing(Exception):
    """What the suite needs is not here."""


def need_tool(*names):
    for name in names:
        if shutil.which(name) is None:
            raise Missing(f"{name} is not installed")


# ---- running ------------------------------------------------------------------------------------------------------

class Watch(threading.Thread):
    """Asks the supervisor now and then how far it is."""

    def __init__(self, env):
        super().__init__(daemon=True)
        self.env, self.most, self.over = env, {"looks": 0, "processes": 0, "threads": 0}, threading.Event()

    def run(self):
        while not self.over.wait(1):
            p = subprocess.run([HANGDOG, "ps", "--json"], capture_output=True, text=True, env=self.env)
            try:
                rows = json.loads(p.stdout)
            except ValueError:
                continue
            for row in rows if isinstance(rows, list) else rows.get("supervisors", []):
                for name in self.most:
                    self.most[name] = max(self.most[name], row.get(name) or 0)


def forks_so_far():
    """Tasks made on the whole machine since it started."""
    return int(re.search(r"^processes (\d+)", open("/proc/stat").read(), re.M).group(1))


class Run:
    """One command, bare or guarded, in a folder of its own."""

    def __init__(self, folder, guarded):
        self.folder, self.guarded, self.incidents = folder, guarded, os.path.join(folder, "incidents")
        os.makedirs(folder)
        os.chmod(folder, 0o755)
        self.env = dict(os.environ, XDG_RUNTIME_DIR=folder, HOME=os.environ.get("HOME", folder))
        self.log = open(os.path.join(folder, "log"), "wb")
        self.watch = Watch(self.env)

    def start(self, command, **kw):
        if self.guarded:
            command = [HANGDOG, "run", "--interval", "10", "--on-hang", "kill", "--incident-dir", self.incidents, "--"] + command
            self.watch.start()
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT, env=self.env,
                                start_new_session=True, **kw)

    def finish(self, p):
        try:
            status = p.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            status = f"over {LIMIT_S} s"
        self.watch.over.set()
        self.log.close()
        return status

    def run(self, command, **kw):
        return self.finish(self.start(command, **kw))

    def said(self):
        return open(self.log.name, errors="replace").read()

    def verdicts(self):
        """Incidents, and what hangdog said: both must be none."""
        said = [line for line in self.said().splitlines() if line.startswith("hangdog: ")]
        return len(glob.glob(os.path.join(self.incidents, "*"))), said


# ---- suites: a function from a Run to its result, which must be equal bare and guarded ------------------------------------

def python_suite(version, *modules):
    def suite(run):
        found = sorted(glob.glob(os.path.expanduser(f"~/.pyenv/versions/{version}.*/bin/python")))
        if not found:
            raise Missing(f"no CPython {version}")
        lib = glob.glob(os.path.join(os.path.dirname(os.path.dirname(found[-1])), "lib", "python3.*", "test"))[0]
        here = [m for m in modules if glob.glob(os.path.join(lib, m + "*"))]
        if not here:
            raise Missing(f"CPython {version} came without {' '.join(modules)}")
        result = os.path.join(run.folder, "result.xml")
        status = run.run([found[-1], "-m", "test", "--junit-xml", result] + here, cwd=run.folder)
        outcome = {"status": status}
        for case in xml.etree.ElementTree.parse(result).iter("testcase") if os.path.exists(result) else ():
            kinds = {child.tag for child in case} & {"failure", "error", "skipped"}
            outcome[case.get("name")] = ",".join(sorted(kinds)) or case.get("result", "ok")
        return outcome
    return suite


def stress_suite(*stressors):
    def suite(run):
        need_tool("stress-ng")
        args = [word for name in stressors for word in (f"--{name}", "2")]
        return {"status": run.run(["stress-ng", "--timeout", "15", "--temp-path", run.folder, *args], cwd=run.folder)}
    return suite


def make_suite(run):
    need_tool("make", "cc")
    status = run.run(["make", "-j4", "-C", ROOT, "O=" + os.path.join(run.folder, "build")])
    shutil.rmtree(os.path.join(run.folder, "build"), ignore_errors=True)
    return {"status": status}


def go_suite(*packages):
    def suite(run):
        need_tool("go")
        run.env.update(GOFLAGS="-mod=mod", GOCACHE="/tmp/hangdog-realworld-go", CGO_ENABLED="1")
        status = run.run(["go", "test", "-count=1", "-short", *packages], cwd=run.folder)
        lines = re.findall(r"^(ok|FAIL|---|\?)\s+(\S+)", run.said(), re.M)
        return dict({"status": status}, **{name: word for word, name in lines})
    return suite


def rust_suite(run):
    """Builds and tests a crate of its own with a thread pool over crossing channels: cargo, rustc, linker, libtest."""
    need_tool("cargo")
    os.makedirs(os.path.join(run.folder, "c", "src"))
    open(os.path.join(run.folder, "c", "Cargo.toml"), "w").write('[package]\nname = "c"\nversion = "0.1.0"\nedition = "2021"\n')
    open(os.path.join(run.folder, "c", "src", "lib.rs"), "w").write(RUST)
    return {"status": run.run(["cargo", "test", "--offline"], cwd=os.path.join(run.folder, "c"))}


RUST = """
#[cfg(test)]
mod tests {
    use std::sync::{mpsc, Arc, Condvar, Mutex, RwLock};
    use std::thread;
    fn cross(n: usize) {
        let shared = Arc::new((Mutex::new(0usize), Condvar::new(), RwLock::new(0usize)));
        let (tx, rx) = mpsc::sync_channel(1);
        let workers: Vec<_> = (0..n).map(|i| {
            let (s, tx) = (shared.clone(), tx.clone());
            thread::spawn(move || for _ in 0..2000 {
                let mut turn = s.0.lock().unwrap();
                while *turn % n != i { turn = s.1.wait(turn).unwrap(); }
                *turn += 1;
                s.1.notify_all();
                *s.2.write().unwrap() += 1;
                tx.send(*turn).unwrap();
            })
        }).collect();
        drop(tx);
        assert_eq!(rx.iter().count(), 2000 * n);
        for w in workers { w.join().unwrap(); }
        assert_eq!(*shared.2.read().unwrap(), 2000 * n);
    }
    #[test] fn two() { cross(2) }
    #[test] fn three() { cross(3) }
    #[test] fn seven() { cross(7) }
}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(port):
    for _ in range(600):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the server did not come up")


def redis_suite(run):
    need_tool("redis-server", "redis-benchmark")
    port = free_port()
    p = run.start(["redis-server", "--port", str(port), "--dir", run.folder, "--appendonly", "yes", "--save", "1 1",
                   "--io-threads", "4"])
    wait_for_port(port)
    bench = subprocess.run(["redis-benchmark", "-p", str(port), "-n", "50000", "-q", "-t", "set,get,lpush,zadd,mset"],
                           capture_output=True, text=True)
    subprocess.run(["redis-cli", "-p", str(port), "bgrewriteaof"], capture_output=True)
    time.sleep(3)  # idle, as servers mostly are
    subprocess.run(["redis-cli", "-p", str(port), "shutdown"], capture_output=True)
    return {"status": run.finish(p), "benchmark": bench.returncode, "tests": bench.stdout.count("requests per second")}


def nginx_suite(run):
    need_tool("nginx", "ab")
    port = free_port()
    conf = os.path.join(run.folder, "nginx.conf")
    open(conf, "w").write(f"""worker_processes 4; daemon off; pid {run.folder}/pid; error_log {run.folder}/error;
        events {{ worker_connections 256; }} http {{ access_log off; aio threads;
        server {{ listen 127.0.0.1:{port}; root /usr/share; location / {{ autoindex on; }} }} }}""")
    p = run.start(["nginx", "-c", conf, "-p", run.folder])
    wait_for_port(port)
    bench = subprocess.run(["ab", "-q", "-n", "20000", "-c", "50", f"http://127.0.0.1:{port}/"], capture_output=True, text=True)
    subprocess.run(["nginx", "-c", conf, "-p", run.folder, "-s", "reload"], capture_output=True)
    time.sleep(3)
    subprocess.run(["nginx", "-c", conf, "-p", run.folder, "-s", "quit"], capture_output=True)
    return {"status": run.finish(p), "benchmark": bench.returncode,
            "failed": (re.findall(r"Failed requests:\s+(\d+)", bench.stdout) or ["?"])[0]}


def postgres_suite(run):
    need_tool("postgres", "initdb", "pgbench", "setpriv")
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        raise Missing("no user postgres") from None
    data, port = os.path.join(run.folder, "data"), free_port()
    as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
    os.makedirs(data)
    os.chown(data, user.pw_uid, user.pw_gid)

    def client(*args):
        return subprocess.run(as_user + list(args), capture_output=True, text=True, cwd="/")
    made = client("initdb", "-D", data, "-A", "trust", "-U", "postgres")
    if made.returncode != 0:
        raise Missing("initdb failed: " + made.stderr[-200:])
    p = run.start(as_user + ["postgres", "-D", data, "-p", str(port), "-k", data, "-c", "listen_addresses=127.0.0.1",
                             "-c", "max_parallel_workers_per_gather=4", "-c", "min_parallel_table_scan_size=0",
                             "-c", "parallel_setup_cost=0", "-c", "deadlock_timeout=5s"])
    wait_for_port(port)
    where = ["-h", "127.0.0.1", "-p", str(port), "-U", "postgres"]
    client("createdb", *where, "bench")
    first = client("pgbench", *where, "-i", "-s", "2", "-q", "bench")
    second = client("pgbench", *where, "-c", "8", "-j", "2", "-T", "15", "bench")
    rows = client("psql", *where, "-tAc", "select count(*) from pgbench_accounts a join pgbench_tellers t using (bid)", "bench")
    time.sleep(3)
    p_master = int(open(os.path.join(data, "postmaster.pid")).readline())
    os.kill(p_master, signal.SIGINT)
    return {"status": run.finish(p), "init": first.returncode, "bench": second.returncode, "rows": rows.stdout.strip()}


SUITES = {
    "make-j4": make_suite,
    "cargo-test": rust_suite,
    "stress-ng-fork": stress_suite("fork", "vfork", "clone", "daemon", "wait", "zombie"),
    "stress-ng-futex": stress_suite("futex", "mutex", "pthread", "sem", "sem-sysv", "schedpolicy"),
    "stress-ng-pipe": stress_suite("pipe", "mq", "msg", "fifo", "eventfd", "sockpair", "poll", "epoll"),
    "stress-ng-lock": stress_suite("flock", "lockf", "lockofd", "locka", "lease", "dekker"),
    "stress-ng-signal": stress_suite("kill", "sigq", "sigsuspend", "timer", "itimer", "timerfd", "sigpipe", "switch"),
    "redis": redis_suite,
    "nginx": nginx_suite,
    "postgres": postgres_suite,
    "go-sync": go_suite("sync", "sync/atomic", "context", "time", "os", "os/exec", "os/signal", "io", "bufio"),
    "go-net": go_suite("net", "net/http", "net/rpc", "log", "path/filepath", "testing", "database/sql"),
}
for v in "3.13", "3.12", "3.11":
    SUITES[f"cpython-{v}-threads"] = python_suite(v, "test_threading", "test_threading_local", "test_threadsignals", "test_queue",
                                                  "test_thread", "test_fork1", "test_wait3", "test_wait4", "test_threadedtempfile")
    SUITES[f"cpython-{v}-subprocess"] = python_suite(v, "test_subprocess", "test_os", "test_pty", "test_eintr")
    SUITES[f"cpython-{v}-signal"] = python_suite(v, "test_signal", "test_selectors", "test_logging", "test_socketserver")
    SUITES[f"cpython-{v}-net"] = python_suite(v, "test_socket", "test_ssl")
    SUITES[f"cpython-{v}-asyncio"] = python_suite(v, "test_asyncio")
    SUITES[f"cpython-{v}-futures"] = python_suite(v, "test_concurrent_futures")
    for method in "fork", "forkserver", "spawn":
        SUITES[f"cpython-{v}-multiprocessing-{method}"] = python_suite(v, f"test_multiprocessing_{method}")


# ---- comparing -----------------------------------------------------------------------------------------------------------

def differences(bare, guarded):
    return [f"{name}: {bare.get(name)} bare, {guarded.get(name)} guarded" for name in sorted(set(bare) | set(guarded), key=str)
            if bare.get(name) != guarded.get(name)]


def row_of(name, keep):
    folder = os.path.join(keep, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    os.chmod(folder, 0o755)
    bare = SUITES[name](Run(os.path.join(folder, "bare"), False))
    run, before, began = Run(os.path.join(folder, "guarded"), True), forks_so_far(), time.monotonic()
    guarded = SUITES[name](run)
    incidents, said = run.verdicts()
    return {"suite": name, "tests": max(len(bare) - 1, 1), "seconds": round(time.monotonic() - began), "tasks": forks_so_far() - before,
            "processes": run.watch.most["processes"], "threads": run.watch.most["threads"], "looks": run.watch.most["looks"],
            "verdicts": incidents, "said": said[:20], "differences": differences(bare, guarded)}


def main():
    # Started in the background these are ignored, and suites that send them to themselves would never end.
    for number in signal.SIGINT, signal.SIGQUIT, signal.SIGHUP:
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    parser = argparse.ArgumentParser()
    parser.add_argument("--keep", default=None, help="where logs and incidents stay")
    parser.add_argument("--table", default=None, help="append one JSON line a suite")
    parser.add_argument("suites", nargs="*")
    options = parser.parse_args()
    keep = options.keep or tempfile.mkdtemp(prefix="hangdog-realworld-")
    os.makedirs(keep, exist_ok=True)
    os.chmod(keep, 0o755)
    passed = failed = skipped = 0
    for name in options.suites or SUITES:
        try:
            row = row_of(name, keep)
        except Missing as e:
            print(f"skipped {name}: {e}", flush=True)
            skipped += 1
            continue
        good = row["verdicts"] == 0 and not row["said"] and not row["differences"]
        passed, failed = passed + good, failed + (not good)
        print(("ok " if good else "FAILED ") + json.dumps(row), flush=True)
        if options.table:
            with open(options.table, "a") as out:
                out.write(json.dumps(row) + "\n")
    print(f"{passed} passed, {failed} failed, {skipped} skipped; logs and incidents: {keep}")
    sys.exit(1 if failed else 0)


main()
