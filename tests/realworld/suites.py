"""The suites: each runs one command through a Run and gives its result, which must be equal bare and guarded.  What they
test is not ours and not in this tree: it is installed, or built by fetch.sh below $HANGDOG_REALWORLD_SRC."""
import glob
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import time
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
LOADS = os.path.join(HERE, "loads")
SRC = os.environ.get("HANGDOG_REALWORLD_SRC", os.path.expanduser("~/.cache/hangdog-realworld"))
ML = os.environ.get("HANGDOG_REALWORLD_ML", "python3")  # a Python with torch, joblib, scikit-learn and pytest


class Missing(Exception):
    """What the suite needs is not here."""


class Suite:
    def __init__(self, run, *version):
        self.run, self.command = run, version

    def version(self):
        """The first line with a number that the command says."""
        try:
            said = subprocess.run(self.command, capture_output=True, text=True, timeout=60, check=False)
        except OSError:
            return "?"
        return ([line.strip() for line in (said.stdout + said.stderr).splitlines() if re.search(r"\d", line)] or ["?"])[0][:50]


def need_tool(*names):
    for name in names:
        if shutil.which(name) is None:
            raise Missing(f"{name} is not installed")


def source(pattern, *files):
    """A tree that fetch.sh brought, with these files in it."""
    found = sorted(path for path in glob.glob(os.path.join(SRC, pattern)) if os.path.isdir(path))
    if not found or not all(os.path.exists(os.path.join(found[-1], f)) for f in files):
        raise Missing(f"no {pattern} with {' '.join(files)} in {SRC}: tests/realworld/fetch.sh")
    return found[-1]


def read(path):
    with open(path, errors="replace") as f:
        return f.read()


def results_said(run):
    """The 'result NAME VALUE' lines that our own programs and scripts print."""
    return dict(re.findall(r"^result (\S+) (.*)$", run.said(), re.M))


def tap_results(folder):
    """Every 'ok N' and 'not ok N' of the logs in a folder."""
    outcome = {}
    for path in glob.glob(os.path.join(folder, "*.tap")):
        for word, number in re.findall(r"^((?:not )?ok)\s+(\d+)", read(path), re.M):
            outcome[f"{os.path.basename(path)} {number}"] = word
    return outcome


# ---- CPython -------------------------------------------------------------------------------------------------------------

def junit_results(path):
    outcome = {}
    for case in xml.etree.ElementTree.parse(path).iter("testcase") if os.path.exists(path) else ():
        kinds = {child.tag for child in case} & {"failure", "error", "skipped"}
        outcome[f"{case.get('classname', '')} {case.get('name')}"] = ",".join(sorted(kinds)) or case.get("result", "ok")
    return outcome


def python_of(version):
    free = glob.glob(os.path.join(SRC, "python-" + version, "bin", "python" + version))  # free-threaded ones: fetch.sh makes 3.13t
    return sorted(glob.glob(os.path.expanduser(f"~/.pyenv/versions/{version}.*/bin/python")) + free)[-1:]


def python_suite(version, *modules):
    def suite(run):
        found = python_of(version)
        if not found:
            raise Missing(f"no CPython {version}")
        lib = glob.glob(os.path.join(os.path.dirname(os.path.dirname(found[0])), "lib", "python3.*", "test"))[0]
        here = [m for m in modules if glob.glob(os.path.join(lib, m + "*"))]
        if not here:
            raise Missing(f"CPython {version} came without {' '.join(modules)}")
        result = os.path.join(run.folder, "result.xml")
        status = run.run([found[0], "-m", "test", "--junit-xml", result] + here, cwd=run.folder)
        return dict(junit_results(result), status=status)
    return Suite(suite, *python_of(version) or ["false"], "-V")


# ---- shells and tools ----------------------------------------------------------------------------------------------------

def bash_suite(run):
    tree = os.path.join(run.folder, "bash")
    shutil.copytree(source("bash-5*", "bash", "recho", "zecho", "xcase"), tree, symlinks=True)
    script = """cd tests; PATH=.:..:$PATH THIS_SH=../bash BUILD_DIR=.. TMPDIR=$PWD/..; export PATH THIS_SH BUILD_DIR TMPDIR
        unset BASH_ENV; for x in run-*; do case $x in run-all|run-minimal|run-gprof|*~|*.orig) continue;; esac
        BASH_TSTOUT=$TMPDIR/tst-$x sh $x >$x.said 2>&1; echo "result $x $? `wc -l <$x.said`"; done"""
    status = run.run(["sh", "-c", script], cwd=tree)
    for path in glob.glob(os.path.join(tree, "tests", "*.said")):
        shutil.copy(path, run.folder)
    shutil.rmtree(tree)
    return dict(results_said(run), status=status)


def git_suite(pattern):
    def suite(run):
        tests = os.path.join(source("git-2*", "git", "t/helper/test-tool"), "t")
        out = os.path.join(run.folder, "tap")
        os.makedirs(out)
        script = f"""ls {pattern}-*.sh | xargs -P2 -n1 sh -c './$0 --root="{run.folder}/trash" >{out}/$0.tap 2>&1 </dev/null; true'"""
        run.env.update(GIT_TEST_OPTS="", TEST_OUTPUT_DIRECTORY=run.folder, HOME=run.folder)
        status = run.run(["sh", "-c", script], cwd=tests)
        shutil.rmtree(os.path.join(run.folder, "trash"), ignore_errors=True)
        return dict(tap_results(out), status=status)
    return Suite(suite, "sh", "-c", f"{SRC}/git-2*/git --version")


def coreutils_suite(run):
    tree = source("coreutils-9*", "src/ls", "Makefile")
    status = run.run(["make", "-j2", "check", "SUBDIRS=.", "RUN_EXPENSIVE_TESTS=no"], cwd=tree)
    lines = re.findall(r"^(PASS|FAIL|SKIP|XFAIL|XPASS|ERROR): (\S+)$", run.said(), re.M)
    return dict({name: word for word, name in lines}, status=status)


def perl_suite(run):
    """Perl's own tests of processes, pipes, sockets, signals and threads, with the perl that is installed."""
    tree = source("perl-5*", "t/op/fork.t")
    out = os.path.join(run.folder, "tap")
    os.makedirs(out)
    own = "op/fork.t op/alarm.t op/kill0.t op/die_exit.t op/exec.t op/sleep.t op/sselect.t op/wantarray.t op/threads.t io/*.t"
    more = "*/IPC-*/t/*.t */Thread-*/t/*.t */threads*/t/*.t */IO/t/*.t */Socket/t/*.t */Time-HiRes/t/*.t ext/POSIX/t/*.t"
    script = f"""cd {tree}/t; for t in {own}; do n=`echo $t | tr / _`; perl -I../lib $t >{out}/$n.tap 2>&1; echo "result $n $?"; done
        cd ..; for t in {more}; do [ -e $t ] || continue; n=`echo $t | tr / _`;
        (cd `dirname $t`/..; timeout 120 perl t/`basename $t` >{out}/$n.tap 2>&1; echo "result $n $?"); done"""
    status = run.run(["bash", "-c", script])
    return dict(tap_results(out), status=status, **results_said(run))


def make_suite(run):
    """git is built with make -j4: a make, a shell, a compiler, an assembler, a linker a file."""
    tree = os.path.join(run.folder, "git")
    shutil.copytree(source("git-2*", "Makefile"), tree, symlinks=True, ignore=shutil.ignore_patterns("*.o", "*.a", "git", "t"))
    plain = ["NO_CURL=1", "NO_GETTEXT=1", "NO_TCLTK=1", "NO_EXPAT=1", "CFLAGS=-O0"]
    status = run.run(["make", "-j4", *plain, "git"], cwd=tree)
    outcome = {"status": status, "git": os.path.exists(os.path.join(tree, "git"))}
    shutil.rmtree(tree)
    return outcome


def tmux_suite(run):
    need_tool("tmux")
    run.env.update(TMUX_TMPDIR=run.folder)
    status = run.run(["sh", os.path.join(LOADS, "tmux.sh")], cwd=run.folder)
    return dict(results_said(run), status=status)


def sftp_suite(run):
    need_tool("sftp", "ssh-keygen")
    if not os.path.exists("/usr/sbin/sshd"):
        raise Missing("sshd is not installed")
    os.makedirs("/run/sshd", exist_ok=True)
    status = run.run(["sh", os.path.join(LOADS, "sftp.sh"), str(free_port())], cwd=run.folder)
    return dict(results_said(run), status=status)


# ---- stress and languages ------------------------------------------------------------------------------------------------

def stress_suite(*stressors):
    def suite(run):
        need_tool("stress-ng")
        args = [word for name in stressors for word in (f"--{name}", "2")]
        return {"status": run.run(["stress-ng", "--timeout", "15", "--temp-path", run.folder, *args], cwd=run.folder)}
    return Suite(suite, "stress-ng", "--version")


def go_suite(*packages):
    def suite(run):
        need_tool("go")
        run.env.update(GOFLAGS="-mod=mod", GOCACHE="/tmp/hangdog-realworld-go", CGO_ENABLED="1")
        status = run.run(["go", "test", "-count=1", "-short", "-v", *packages], cwd=run.folder)
        lines = re.findall(r"^\s*(ok|FAIL|--- PASS:|--- FAIL:|--- SKIP:|\?)\s+(\S+)", run.said(), re.M)
        return dict({name: word for word, name in lines}, status=status)
    return Suite(suite, "go", "version")


def rust_suite(run):
    """Builds and tests a crate of its own with a thread pool over crossing channels: cargo, rustc, linker, libtest."""
    need_tool("cargo")
    os.makedirs(os.path.join(run.folder, "c", "src"))
    with open(os.path.join(run.folder, "c", "Cargo.toml"), "w") as f:
        f.write('[package]\nname = "c"\nversion = "0.1.0"\nedition = "2021"\n')
    shutil.copy(os.path.join(LOADS, "crossing.rs"), os.path.join(run.folder, "c", "src", "lib.rs"))
    status = run.run(["cargo", "test", "--offline"], cwd=os.path.join(run.folder, "c"))
    return dict(re.findall(r"^test (\S+) \.\.\. (\w+)", run.said(), re.M), status=status)


def load_suite(tool, name, *version):
    """A program of ours in loads/, which prints 'result NAME VALUE' lines."""
    def suite(run):
        need_tool(tool)
        status = run.run([tool, os.path.join(LOADS, name)], cwd=run.folder)
        return dict(results_said(run), status=status)
    return Suite(suite, *version or (tool, "--version"))


def soak_suite(run):
    """All the small loads again and again, for $HANGDOG_SOAK_S seconds: does hangdog grow?"""
    need_tool("node", "java", "tmux")
    run.env.update(TMUX_TMPDIR=run.folder, ML=ML)
    run.run(["bash", os.path.join(LOADS, "soak.sh"), os.environ.get("HANGDOG_SOAK_S", "60")], cwd=run.folder)
    return {"wrong": re.findall(r"^wrong .*", run.said(), re.M), "end": "end" in run.said().split()}


def pytest_suite(*args):
    def suite(run):
        if client(ML, "-c", "import torch, joblib, sklearn, pytest").returncode != 0:
            raise Missing(f"{ML} has no torch, joblib, sklearn or pytest (HANGDOG_REALWORLD_ML names another)")
        result = os.path.join(run.folder, "result.xml")
        status = run.run([ML, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junit-xml={result}", *args], cwd=run.folder)
        return dict(junit_results(result), status=status)
    return Suite(suite, ML, "-c", f"import {args[1].split('.')[0]} as m; print(m.__name__, m.__version__)")


# ---- servers under load --------------------------------------------------------------------------------------------------

def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(port):
    for _ in range(1200):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the server did not come up")


def client(*args, **kw):
    return subprocess.run(args, capture_output=True, text=True, check=False, **kw)


def redis_suite(run):
    need_tool("redis-server", "redis-benchmark")
    port = free_port()
    p = run.start(["redis-server", "--port", str(port), "--dir", run.folder, "--appendonly", "yes", "--save", "1 1",
                   "--io-threads", "2"])
    wait_for_port(port)
    bench = client("redis-benchmark", "-p", str(port), "-n", "20000", "-q", "-t", "set,get,lpush,zadd,mset")
    client("redis-cli", "-p", str(port), "bgrewriteaof")
    time.sleep(3)  # idle, as servers mostly are
    client("redis-cli", "-p", str(port), "shutdown")
    return {"status": run.finish(p), "benchmark": bench.returncode, "tests": bench.stdout.count("requests per second")}


def nginx_suite(run):
    need_tool("nginx", "ab")
    port = free_port()
    conf = os.path.join(run.folder, "nginx.conf")
    with open(conf, "w") as f:
        f.write(f"""worker_processes 4; daemon off; pid {run.folder}/pid; error_log {run.folder}/error;
        events {{ worker_connections 256; }} http {{ access_log off; aio threads;
        server {{ listen 127.0.0.1:{port}; root /usr/share; location / {{ autoindex on; }} }} }}""")
    p = run.start(["nginx", "-c", conf, "-p", run.folder])
    wait_for_port(port)
    bench = client("ab", "-q", "-n", "10000", "-c", "50", f"http://127.0.0.1:{port}/")
    client("nginx", "-c", conf, "-p", run.folder, "-s", "reload")
    time.sleep(3)
    if shutil.which("wrk"):
        client("wrk", "-t2", "-c20", "-d5", f"http://127.0.0.1:{port}/")
    client("nginx", "-c", conf, "-p", run.folder, "-s", "quit")
    return {"status": run.finish(p), "benchmark": bench.returncode,
            "failed": (re.findall(r"Failed requests:\s+(\d+)", bench.stdout) or ["?"])[0]}


def as_postgres():
    need_tool("setpriv")
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        raise Missing("no user postgres") from None
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else [], user


def postgres_suite(run):
    need_tool("postgres", "initdb", "pgbench")
    as_user, user = as_postgres()
    data, port = os.path.join(run.folder, "data"), free_port()
    os.makedirs(data)
    os.chown(data, user.pw_uid, user.pw_gid)
    made = client(*as_user, "initdb", "-D", data, "-A", "trust", "-U", "postgres", cwd="/")
    if made.returncode != 0:
        raise Missing("initdb failed: " + made.stderr[-200:])
    p = run.start(as_user + ["postgres", "-D", data, "-p", str(port), "-k", data, "-c", "listen_addresses=127.0.0.1",
                             "-c", "max_parallel_workers_per_gather=4", "-c", "min_parallel_table_scan_size=0",
                             "-c", "parallel_setup_cost=0", "-c", "deadlock_timeout=5s"])
    wait_for_port(port)
    where = ["-h", "127.0.0.1", "-p", str(port), "-U", "postgres"]
    client(*as_user, "createdb", *where, "bench", cwd="/")
    first = client(*as_user, "pgbench", *where, "-i", "-s", "2", "-q", "bench", cwd="/")
    second = client(*as_user, "pgbench", *where, "-c", "8", "-j", "2", "-T", "15", "bench", cwd="/")
    query = "select count(*) from pgbench_accounts a join pgbench_tellers t using (bid)"
    rows = client(*as_user, "psql", *where, "-tAc", query, "bench", cwd="/")
    time.sleep(3)
    os.kill(int(read(os.path.join(data, "postmaster.pid")).split()[0]), signal.SIGINT)
    return {"status": run.finish(p), "init": first.returncode, "bench": second.returncode, "rows": rows.stdout.strip()}


def pg_regress_suite(folder, program, schedule):
    """PostgreSQL's regression or isolation tests: their own server, up to twenty clients at once."""
    def suite(run):
        tree, prefix = source("postgresql-*", f"src/test/{folder}/{program}"), source("pg", "bin/postgres")
        here = os.path.join(tree, "src", "test", folder)
        as_user, user = as_postgres()
        out = os.path.join(run.folder, "out")
        os.makedirs(out)
        os.chown(out, user.pw_uid, user.pw_gid)
        run.env.update(PATH=f"{prefix}/bin:{os.environ['PATH']}", HOME=out)
        status = run.run([*as_user, os.path.join(here, program), f"--temp-instance={out}/data", f"--inputdir={here}",
                          f"--outputdir={out}", f"--bindir={prefix}/bin", f"--dlpath={tree}/src/test/regress",
                          f"--port={free_port()}", f"--schedule={here}/{schedule}"], cwd=out)
        return dict(re.findall(r"^(?:test)?\s*(\S+)\s+\.\.\. (ok|FAILED|failed)", run.said(), re.M), status=status)
    return Suite(suite, "sh", "-c", f"{SRC}/pg/bin/postgres --version")


SUITES = {
    "bash": Suite(bash_suite, "sh", "-c", f"{SRC}/bash-5*/bash --version"),
    "git-t0": git_suite("t0*"),
    "git-t1": git_suite("t1*"),
    "git-t5": git_suite("t5*"),
    "coreutils": Suite(coreutils_suite, "sh", "-c", f"{SRC}/coreutils-9*/src/ls --version"),
    "perl": Suite(perl_suite, "perl", "-v"),
    "make-j4": Suite(make_suite, "make", "--version"),
    "cargo-test": Suite(rust_suite, "cargo", "--version"),
    "tmux": Suite(tmux_suite, "tmux", "-V"),
    "sftp": Suite(sftp_suite, "ssh", "-V"),
    "stress-ng-fork": stress_suite("fork", "vfork", "clone", "daemon", "wait", "zombie", "exec"),
    "stress-ng-futex": stress_suite("futex", "mutex", "pthread", "sem", "sem-sysv", "schedpolicy"),
    "stress-ng-pipe": stress_suite("pipe", "mq", "msg", "fifo", "eventfd", "sockpair", "poll", "epoll"),
    "stress-ng-lock": stress_suite("flock", "lockf", "lockofd", "locka", "lease", "dekker"),
    "stress-ng-signal": stress_suite("kill", "sigq", "sigsuspend", "timer", "itimer", "timerfd", "sigpipe", "sigfd", "switch"),
    "stress-ng-memory": stress_suite("memfd", "userfaultfd", "io-uring", "sock", "udp", "membarrier", "shm"),
    "redis": Suite(redis_suite, "redis-server", "--version"),
    "nginx": Suite(nginx_suite, "nginx", "-v"),
    "postgres": Suite(postgres_suite, "postgres", "--version"),
    "postgres-regress": pg_regress_suite("regress", "pg_regress", "parallel_schedule"),
    "postgres-isolation": pg_regress_suite("isolation", "pg_isolation_regress", "isolation_schedule"),
    "go-sync": go_suite("sync", "sync/atomic", "context", "time", "os", "os/exec", "os/signal", "io", "bufio"),
    "go-net": go_suite("net", "net/http", "net/rpc", "log", "path/filepath", "testing", "database/sql"),
    "node": load_suite("node", "node.js"),
    "java": load_suite("java", "Crowd.java"),
    "ml-loads": load_suite(ML, "ml.py", ML, "-c", "import torch; print('torch', torch.__version__)"),
    "soak": Suite(soak_suite, "uname", "-sr"),
    "ml-joblib": pytest_suite("--pyargs", "joblib.test.test_parallel"),
    "ml-sklearn": pytest_suite("--pyargs", "sklearn.utils.tests.test_parallel", "sklearn.ensemble.tests.test_bagging"),
    "ml-multiprocess": load_suite(ML, "multiprocess_tests.py", ML, "-c", "import multiprocess as m; print('multiprocess', m.__version__)"),
}
PYTHON_SUITES = {
    "threads": ("test_threading", "test_threading_local", "test_threadsignals", "test_queue", "test_thread", "test_fork1",
                "test_wait3", "test_wait4", "test_threadedtempfile"),
    "subprocess": ("test_subprocess", "test_os", "test_pty", "test_eintr"),
    "signal": ("test_signal", "test_selectors", "test_logging", "test_socketserver"),
    "net": ("test_socket", "test_ssl"),
    "asyncio": ("test_asyncio",),
    "futures": ("test_concurrent_futures",),
    **{f"multiprocessing-{method}": (f"test_multiprocessing_{method}",) for method in ("fork", "forkserver", "spawn")},
}
for v in "3.13", "3.12", "3.11", "3.8", "3.13t", "3.14t", "3.15t":
    for suite_name, suite_modules in PYTHON_SUITES.items():
        SUITES[f"cpython-{v}-{suite_name}"] = python_suite(v, *suite_modules)
