#!/usr/bin/env python3
"""Where names come from: inlined functions, Rust, code without a file, files that were deleted or replaced, other mount
namespaces, separate and packed debug files, and a debuginfod server only where the user asked for one."""
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import HANGDOG, Cases, Skip, check, hangdog, main, need, scratch, wait_until

CASES = case = Cases()

PROGRAM = r"""
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>
static inline __attribute__((always_inline)) void inlined_leaf(void) { for (;;) pause(); }
__attribute__((noinline)) void outer_function(void) { inlined_leaf(); __asm__ volatile(""); }
int main(int argc, char **argv)
{
	/* push %rbp; mov %rsp,%rbp; call *%rdi; pop %rbp; ret: code without a file, as a JIT compiler writes it */
	static const unsigned char jit[] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3};
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(60);
	puts("ready");
	fflush(stdout);
	if (argc > 1 && strcmp(argv[1], "jit") == 0) {
		void *code = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		memcpy(code, jit, sizeof(jit));
		((void (*)(void (*)(void)))code)(outer_function);
		return 1;
	}
	outer_function();
	return 1;
}
"""
RUST = """
mod shop { pub struct Till<T>(pub T); impl<T> Till<T> { #[inline(never)] pub fn wait_for_coins(&self) { std::thread::sleep(std::time::Duration::from_secs(60)); } } }
fn main() { println!("ready"); shop::Till(1u8).wait_for_coins(); }
"""


# Stands still inside its PLT: each instruction of the call traps, and the handler stays in the N-th that is neither in the program's own
# code nor in a library, all of which lie elsewhere.
STUB = r"""
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <ucontext.h>
#include <unistd.h>
extern char __executable_start[], _start[];
static int left;
static void trapped(int number, siginfo_t *info, void *context)
{
	char *pc = (char *)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
	if (pc >= __executable_start && pc < _start && left-- == 0)
		for (;;)
			pause();
}
__attribute__((noinline)) static void caller_of_stub(void *p)
{
	__asm__ volatile("pushf; orq $256, (%%rsp); popf" ::: "memory", "cc");
	free(p);
	__asm__ volatile("pushf; andq $~256, (%%rsp); popf" ::: "memory", "cc");
}
int main(int argc, char **argv)
{
	struct sigaction sa = {.sa_sigaction = trapped, .sa_flags = SA_SIGINFO};
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(60);
	left = atoi(argv[1]);
	sigaction(SIGTRAP, &sa, 0);
	puts("ready");
	fflush(stdout);
	caller_of_stub(malloc(argc));
	return 1;
}
"""


def compile_c(folder, name="prog", *flags, source=PROGRAM):
    path = os.path.join(folder, name)
    subprocess.run(["cc", "-g", "-O1", "-fno-omit-frame-pointer", *flags, "-x", "c", "-", "-o", path], input=source.encode(), check=True)
    return path


class Running:
    def __init__(self, *args, **kw):
        self.p = subprocess.Popen(args, stdout=subprocess.PIPE, text=True, **kw)
        check(self.p.stdout.readline() == "ready\n", args)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.p.kill()
        self.p.communicate()

    def frames(self, *options, pid=None, env=None, wrap=()):
        """The main thread's frames, once it has blocked in the function that the program ends in."""
        got = []

        def blocked():
            if wrap:
                out = subprocess.run([*wrap, HANGDOG, "dump", "--json", *options, str(pid or self.p.pid)], env=env, check=True,
                                     stdout=subprocess.PIPE, text=True, timeout=60).stdout
            else:
                out = hangdog("dump", "--json", *options, pid or self.p.pid, env=env).out
            got[:] = json.loads(out)["processes"][0]["threads"][0]["stack"]
            return any(f["function"] == "main" or "::main" in (f["function"] or "") for f in got)
        wait_until(blocked, got)
        return list(got)


def names(frames):
    return [f["function"] for f in frames]


@case
def inlined_functions_are_shown_with_their_lines():
    with scratch() as folder, Running(compile_c(folder)) as r:
        frames = r.frames("--lines")
        at = {f["function"]: f["line"] for f in frames if f["line"]}
        check("inlined_leaf" in at and "outer_function" in at, frames)
        check(PROGRAM.split("\n")[at["inlined_leaf"] - 1].startswith("static inline"), at)
        check("inlined_leaf" not in names(r.frames()), "without --lines")


@case
def code_without_a_file_is_passed_by_its_frame_pointer_and_that_is_said():
    with scratch() as folder, Running(compile_c(folder), "jit") as r:
        frames = r.frames()
        i = names(frames).index("outer_function")
        check(frames[i + 1]["module"] is None and frames[i + 2]["function"] == "main", frames)
        text = hangdog("dump", r.p.pid).out
        lines = [line for line in text.split("\n") if line.lstrip().startswith("#")]
        check("(no file)" in lines[i + 1] and "(guessed)" in lines[i + 2], text)


@case
def rust_names_are_readable():
    if not shutil.which("rustc"):
        raise Skip("no rustc")
    with scratch() as folder:
        path = os.path.join(folder, "prog")
        subprocess.run(["rustc", "-C", "symbol-mangling-version=v0", "-o", path, "-"], input=RUST.encode(), check=True, stderr=subprocess.DEVNULL)
        with Running(path) as r:
            frames = r.frames()
            check(any("shop::Till<u8>" in (n or "") and "wait_for_coins" in n for n in names(frames)), names(frames))


@case
def a_thread_inside_a_plt_stub_is_shown_in_the_stub():
    # How the linker makes stubs, and how many of their instructions a call passes.
    ways = [(["-Wl,-z,lazy"], 3), (["-Wl,-z,now"], 1), (["-Wl,-z,lazy", "-fcf-protection=full", "-Wl,-z,ibtplt"], 5),
            (["-Wl,-z,now", "-no-pie"], 1)]
    for flags, instructions in ways:
        for strip in False, True:
            with scratch() as folder:
                path = compile_c(folder, "prog", *flags, source=STUB)
                if strip:
                    subprocess.run(["strip", path], check=True)
                for i in range(instructions):
                    with Running(path, str(i)) as r:
                        def functions():
                            return names(json.loads(hangdog("dump", "--json", r.p.pid).out)["processes"][0]["threads"][0]["stack"])
                        wait_until(lambda: functions()[0] == "pause" and len(functions()) > 5, (flags, strip, i, functions()))
                        got = functions()
                        check(got.count("free@plt") == 1, (flags, strip, i, got))
                        after = got[got.index("free@plt") + 1:]
                        check(strip or after[:2] == ["caller_of_stub", "main"], (flags, i, got))
                        check("__libc_start_main" in "".join(map(str, after)), (flags, strip, i, got))


FRAMES_ONLY = r"""
#include <stdio.h>
#include <sys/prctl.h>
#include <signal.h>
#include <unistd.h>
__attribute__((noinline)) static void leaf(int n) { volatile char room[600]; room[n] = 1; for (;;) pause(); }
__attribute__((noinline)) static void middle(int n) { volatile char room[300]; room[n] = 1; leaf(n + 1); room[n] = 2; }
__attribute__((noinline)) static void top(int n) { middle(n); __asm__ volatile(""); }
int main(int argc, char **argv) { prctl(PR_SET_PDEATHSIG, SIGKILL); alarm(60); puts("ready"); fflush(stdout); top(argc); return argv != 0; }
"""


@case
def unwind_tables_that_are_stored_packed_are_read():
    # As Go's linker writes them: no .eh_frame, and .debug_frame packed.
    with scratch() as folder:
        path = compile_c(folder, "prog", "-fomit-frame-pointer", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables", "-gz=zlib",
                         source=FRAMES_ONLY)
        with Running(path) as r:
            def lines():
                return [line.split() for line in hangdog("dump", r.p.pid).out.splitlines() if line.strip().startswith("#")]
            wait_until(lambda: lines()[0][1] == "pause", lines)
            check([line[1] for line in lines()[:5]] == ["pause", "leaf", "middle", "top", "main"], lines())
            check(not any("(guessed)" in line for line in lines()), lines())


RECURSION = r"""
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>
__attribute__((noinline)) int recurse(int n) { volatile int x = n; if (n == 0) for (;;) pause(); return recurse(n - 1) + x; }
static void *work(void *arg) { recurse(100000); return arg; }
int main(int argc, char **argv)
{
	pthread_attr_t at;
	pthread_t t;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(60);
	pthread_attr_init(&at);
	pthread_attr_setstacksize(&at, 64 << 20);
	pthread_create(&t, &at, work, 0);
	puts("ready");
	fflush(stdout);
	pthread_join(t, 0);
	return argc != 0 && argv != 0;
}
"""


@case
def endless_recursion_is_shown_to_its_beginning():
    with scratch() as folder:
        with Running(compile_c(folder, "prog", "-pthread", "-fno-optimize-sibling-calls", source=RECURSION)) as r:
            def stack():
                return names(json.loads(hangdog("dump", "--json", r.p.pid).out)["processes"][0]["threads"][-1]["stack"])
            wait_until(lambda: stack()[0] == "pause", stack)
            check(stack().count("recurse") == 100001 and "work" in stack()[-4:], (len(stack()), stack()[-5:]))
            text = hangdog("dump", r.p.pid).out
            check("(the same 99999 times more)" in text and len(text.splitlines()) < 30 and "\n    #100002 work  " in text, text[-3000:])
            check("further" not in text, text)
            tree = hangdog("dump", "--merge", r.p.pid).out.splitlines()
            check(len(tree) > 100000 and "work" in "".join(tree[-100006:-99999]), tree[-100006:-99999])


ODD_STACKS = r"""
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <ucontext.h>
#include <unistd.h>
#define FN __attribute__((noinline)) static void
#define END __asm__ volatile("")
FN stand(void) { for (;;) pause(); }
FN handler(int number) { stand(); (void)number; END; }
FN crash(void) { *(volatile int *)8 = 1; END; }
FN outer(void) { crash(); END; }
FN coroutine(void) { stand(); END; }
FN with_vfork(void) { if (vfork() == 0) { prctl(PR_SET_PDEATHSIG, SIGKILL); stand(); } END; }
static void *work(void *arg) { stand(); return arg; }
int main(int argc, char **argv)
{
	static ucontext_t here, there;
	stack_t other = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};
	struct sigaction sa = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
	pthread_t t;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(60);
	puts("ready");
	fflush(stdout);
	if (argc > 1 && strcmp(argv[1], "signal") == 0) {
		sigaltstack(&other, 0);
		sigaction(SIGSEGV, &sa, 0);
		outer();
	} else if (argc > 1 && strcmp(argv[1], "coroutine") == 0) {
		getcontext(&there);
		there.uc_stack = other;
		makecontext(&there, coroutine, 0);
		swapcontext(&here, &there);
	} else if (argc > 1 && strcmp(argv[1], "vfork") == 0) {
		with_vfork();
	} else {
		pthread_create(&t, 0, work, 0);
		pthread_exit(0);
	}
	return 1;
}
"""


def stands(path, how, wanted, thread=0):
    with Running(path, how) as r:
        def stack():
            return names(json.loads(hangdog("dump", "--json", r.p.pid).out)["processes"][0]["threads"][thread]["stack"])
        wait_until(lambda: stack()[:len(wanted)] == wanted, (how, wanted, stack()))
        return hangdog("dump", r.p.pid).out + hangdog("dump", "--python", r.p.pid).out


@case
def signal_handlers_coroutines_vfork_and_ended_leaders_are_told():
    with scratch() as folder:
        path = compile_c(folder, "prog", "-D_GNU_SOURCE", "-pthread", source=ODD_STACKS)
        stands(path, "signal", ["pause", "stand", "handler", "<signal handler called>", "crash", "outer", "main"])
        stands(path, "coroutine", ["pause", "stand", "coroutine"])
        stands(path, "vfork", ["vfork", "with_vfork", "main"])
        text = stands(path, "leader", ["pause", "stand", "work"], thread=1)
        check("state Z\n    (it has ended)" in text and "(it runs no Python code)" in text and "not read" not in text, text)


TEAM = """
import os, threading
def stand(): threading.Event().wait()
for name in "loader", "writer", "writer":
    threading.Thread(target=stand, name=name, daemon=True).start()
print("ready", flush=True)
stand()
"""


@case
def threads_in_one_place_keep_their_names_and_can_be_shown_one_by_one():
    with Running(sys.executable, "-c", TEAM) as r:
        def text(*options):
            return hangdog("dump", "--python", *options, r.p.pid).out
        wait_until(lambda: "3 threads stand here: the next one and " in text(), text)
        first = text().split("3 threads stand here")[1]
        check('"loader"' in first and '"writer", ' in first + "," and first.count("stand  ") == 1, first)
        each = text("--threads")
        check("stand here" not in each and each.count("stand  ") == 4 and each.count('"writer", state') == 2, each)


@case
def only_one_form_is_printed():
    for two in ("--json", "--merge"), ("--merge", "--folded"), ("--json", "--folded"):
        r = hangdog("dump", *two, os.getpid())
        check(r.status == 125 and r.out == "" and r.err.count("\n") == 1 and "choose one" in r.err, r)


@case
def a_file_that_was_replaced_is_read_as_it_was():
    with scratch() as folder:
        path = compile_c(folder)
        with Running(path) as r:
            shutil.copy("/bin/true", path + ".new")
            os.rename(path + ".new", path)
            check("outer_function" in names(r.frames()), names(r.frames()))
            os.unlink(path)
            check("outer_function" in names(r.frames()), names(r.frames()))


def can_unshare():
    if subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        raise Skip("no mount namespaces here")


@case
def a_file_of_another_mount_namespace_is_found_there():
    can_unshare()
    with scratch() as folder:
        path = compile_c(folder)
        hidden = os.path.join(folder, "hidden")
        os.mkdir(hidden)
        script = f"mount -t tmpfs none {hidden} && cp {path} {hidden}/prog && exec {hidden}/prog"
        with Running("unshare", "-m", "sh", "-c", script) as r:
            check(not os.listdir(hidden), "it is not visible here")
            frames = r.frames("--lines")
            check("inlined_leaf" in names(frames), frames)


def strip_apart(path, folder):
    """Debug information goes to its own file: its path below a debug folder, and the build-id."""
    notes = subprocess.run(["readelf", "-n", path], check=True, stdout=subprocess.PIPE, text=True).stdout
    build_id = notes.split("Build ID: ")[1].split()[0]
    debug = os.path.join(folder, ".build-id", build_id[:2], build_id[2:] + ".debug")
    os.makedirs(os.path.dirname(debug))
    subprocess.run(["objcopy", "--only-keep-debug", path, debug], check=True)
    subprocess.run(["strip", path], check=True)
    return debug, build_id


@case
def a_separate_debug_file_is_found_by_build_id():
    can_unshare()
    with scratch() as folder:
        path = compile_c(folder, "prog", "-Wl,--build-id")
        store = os.path.join(folder, "debug")
        os.mkdir(store)
        strip_apart(path, store)
        os.makedirs("/usr/lib/debug", exist_ok=True)
        wrap = ["unshare", "-m", "sh", "-c", f'mount --bind {store} /usr/lib/debug && exec "$@"', "sh"]
        with Running(path) as r:
            def functions(options, wrap):
                out = subprocess.run([*wrap, HANGDOG, "dump", "--json", *options, str(r.p.pid)], check=True, stdout=subprocess.PIPE, text=True,
                                     timeout=60).stdout
                return names(json.loads(out)["processes"][0]["threads"][0]["stack"])
            check("outer_function" not in functions([], []), "stripped")
            wait_until(lambda: "outer_function" in functions([], wrap), functions([], wrap))
            check("inlined_leaf" in functions(["--lines"], wrap), functions(["--lines"], wrap))


@case
def a_stripped_program_has_the_names_that_it_carries_packed():
    if not shutil.which("xz"):
        raise Skip("no xz")
    bomb = "head -c 400000000 /dev/zero | xz -0 > mini.xz"
    for pack, known in ("xz -k mini", True), (bomb, False):
        with scratch() as folder:
            compile_c(folder)
            subprocess.run(["sh", "-ec", "echo outer_function > keep; objcopy --only-keep-debug prog debug; "
                            "objcopy -S --keep-symbols=keep debug mini; strip prog; " + pack + "; objcopy --add-section .gnu_debugdata=mini.xz prog"],
                           cwd=folder, check=True)
            with Running(os.path.join(folder, "prog")) as r:
                def functions():
                    return names(json.loads(hangdog("dump", "--json", r.p.pid).out)["processes"][0]["threads"][0]["stack"])
                wait_until(lambda: "pause" in functions(), functions())
                check(("outer_function" in functions()) == known, (pack, functions()))


class Server(http.server.ThreadingHTTPServer):
    def __init__(self, files):
        self.asked = []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                server.asked.append(self.path)
                path = files.get(self.path)
                self.send_response(200 if path else 404)
                body = open(path, "rb").read() if path else b""
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


@case
def a_debuginfod_server_is_asked_only_if_the_user_named_one():
    if not os.path.exists("/usr/lib/x86_64-linux-gnu/libdebuginfod.so.1"):
        raise Skip("no libdebuginfod here")
    with scratch() as folder:
        path = compile_c(folder, "prog", "-Wl,--build-id")
        debug, build_id = strip_apart(path, folder)
        server = Server({f"/buildid/{build_id}/debuginfo": debug})
        try:
            with Running(path) as r:
                def functions(env):
                    out = hangdog("dump", "--json", "--lines", r.p.pid, env=env).out
                    return names(json.loads(out)["processes"][0]["threads"][0]["stack"])
                env = {k: v for k, v in os.environ.items() if k != "DEBUGINFOD_URLS"}
                env["DEBUGINFOD_CACHE_PATH"] = os.path.join(folder, "cache")
                check("inlined_leaf" not in functions(env) and not server.asked, server.asked)
                env["DEBUGINFOD_URLS"] = f"http://127.0.0.1:{server.server_address[1]}"
                wait_until(lambda: "inlined_leaf" in functions(env), (functions(env), server.asked))
                check(f"/buildid/{build_id}/debuginfo" in server.asked, server.asked)
        finally:
            server.shutdown()
            server.server_close()


if __name__ == "__main__":
    need("dump")
    main(CASES)
