#!/usr/bin/env python3
"""Shell completion in the real shells, with the real Tab key: commands, options, their values, processes with their command,
incidents."""
import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import HANGDOG, ROOT, Skip, check, commands, hangdog, main, run, scratch, wait_until
from terminal import Terminal

SCRIPTS = os.path.join(ROOT, "contrib", "completion")
START = {
    "bash": "bash --norc --noprofile -i",
    "zsh": "zsh -f -i",
    "fish": "fish --no-config -i",
}
SETUP = {
    "bash": f"source {SCRIPTS}/hangdog.bash; bind 'set show-all-if-ambiguous on' 'set page-completions off' 'set completion-query-items 0'",
    "zsh": f"fpath=({SCRIPTS} $fpath); autoload -U compinit; compinit -u -D; LISTMAX=0; unsetopt list_ambiguous",
    "fish": f"source {SCRIPTS}/hangdog.fish",
}
HANG = os.path.join(ROOT, "tests", "data", "snapshots", "python_lock_refill.hds")
ID = "20261124T094532.123Z-4711-1"
CASES = []


class Shell(Terminal):
    """A real shell, with hangdog in its PATH and its completion loaded."""

    def __init__(self, name, folder):
        env = (f"PATH={os.path.dirname(HANGDOG)}:$PATH", f"HOME={folder}", f"XDG_RUNTIME_DIR={folder}", f"XDG_STATE_HOME={folder}",
               "PS1=ready:", "HISTFILE=")
        super().__init__(f"sh -c 'cd {folder}; exec {START[name]}'", width=100, height=60, env=env)
        self.line(SETUP[name] + "; clear; echo re''ady")
        self.shows("ready")

    def line(self, text):
        self.tmux("send-keys", "-l", text)
        self.keys("Enter")

    def tab(self, text, *shown, tabs=1):
        """What is on the screen once the words are there after Tab; the line is empty again then."""
        self.tmux("send-keys", "-l", text)
        self.keys(*["Tab"] * tabs)
        screen = self.shows(*shown)
        self.keys("C-c")
        self.line("clear; echo em''pty")
        self.shows("empty")
        return screen


def case(function):
    for name in SETUP:
        def one(name=name):
            for program in (name, "tmux"):
                if shutil.which(program) is None:
                    raise Skip(f"there is no {program}")
            with scratch() as d:
                function(name, d)
        CASES.append((f"{name} {function.__name__.replace('_', ' ')}", one))
    return function


@case
def completes_commands_options_and_values(name, folder):
    with Shell(name, folder) as s:
        s.tab("hangdog ", *commands(), "explain what each thread waits for")
        s.tab("hangdog wh", "hangdog why")
        s.tab("hangdog run --on", "hangdog run --on-hang")
        s.tab("hangdog run --fo", "--follow", "--fork-evidence", "what is noted")
        s.tab("hangdog run --on-hang ", "report", "heal", "kill", "kill-child", "restart", "stop", "exec:")
        s.tab("hangdog run --on-hang report,he", "report,heal")
        s.tab("hangdog run --certainty ", "suspected", "owned", "proven")
        s.tab("hangdog run --certainty=pr", "--certainty=proven")
        s.tab("hangdog run --cure omp-threads=1,mkl", "omp-threads=1,mkl=sequential")
        s.tab("hangdog run --color ne", "--color never")


@case
def completes_processes_with_their_command(name, folder):
    p = subprocess.Popen(["sleep", "98765"], start_new_session=True)
    try:
        with Shell(name, folder) as s:
            s.tab(f"hangdog why {p.pid}", f"why {p.pid}")
        r = hangdog("--complete", "why", str(p.pid))
        check(r.out == f"{p.pid}\tsleep 98765\n", r)
    finally:
        p.kill()
        p.wait()


@case
def completes_guarded_processes_and_what_can_be_asked(name, folder):
    env = dict(os.environ, XDG_RUNTIME_DIR=folder)
    guards = [subprocess.Popen([HANGDOG, "run", "--die-with-me", "--", "sleep", seconds], env=env, stdin=subprocess.DEVNULL) for seconds in ("98764", "98763")]
    roots = []

    def offered():
        roots[:] = [line.split("\t")[0] for line in hangdog("--complete", "ctl", "", env=env).out.splitlines() if "\tsleep 9876" in line]
        return len(roots) == 2

    try:
        wait_until(offered, "the guarded processes are offered")
        with Shell(name, folder) as s:
            s.tab("hangdog ctl ", *roots, "sleep 98764", "sleep 98763")
            s.tab(f"hangdog ctl {roots[0]} ", "dump", "why", "kill", "restart", "heal", "detach")
            s.tab(f"hangdog ctl {roots[0]} de", f"ctl {roots[0]} detach")
        for pid in roots:
            os.kill(int(pid), signal.SIGTERM)
        for guard in guards:
            guard.wait(30)
    finally:
        for guard in guards:
            guard.kill()
            guard.wait()


@case
def completes_incidents(name, folder):
    r = run("sh", "-c", f"'{HANGDOG}' replay --json '{HANG}'")
    os.makedirs(os.path.join(folder, "hangdog", ID))
    for file, text in (("report.json", r.out), ("report.txt", ""), ("snapshot.hds", open(HANG).read())):
        with open(os.path.join(folder, "hangdog", ID, file), "w") as f:
            f.write(text)
    with Shell(name, folder) as s:
        s.tab("hangdog incidents ", "list", "show", "rm")
        s.tab("hangdog incidents show ", "last", ID, "inherited-lock: python3")
        s.tab("hangdog incidents rm 2026", f"rm {ID}")


@case
def completes_files_and_the_command_that_is_run(name, folder):
    for file in "night.hds", "program-of-mine":
        open(os.path.join(folder, file), "w").close()
    os.chmod(os.path.join(folder, "program-of-mine"), 0o755)
    with Shell(name, folder) as s:
        s.tab("hangdog replay nig", "replay night.hds")
        s.tab("hangdog run --report nig", "--report night.hds")
        s.tab("hangdog run ./progr", "run ./program-of-mine")
        s.tab("hangdog run --interval 5 -- ./progr", "-- ./program-of-mine")
        s.tab("hangdog run mkfif", "run mkfifo")
        s.tab("hangdog run cat nig", "run cat night.hds")


if __name__ == "__main__":
    main(CASES)
