#!/usr/bin/env python3
"""The live view in a real terminal (tmux): keys, resize, small screens, terminal types, and that it leaves no trace."""
import os
import shutil
import signal
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import HANGDOG, ROOT, Skip, check, hangdog, main, need, wait_until
from terminal import Terminal

CASES = []
DATA = os.path.join(ROOT, "tests", "data", "snapshots")
HANG = os.path.join(DATA, "python_lock_refill.hds")

def case(function):
    def skipping():
        if shutil.which("tmux") is None:
            raise Skip("there is no tmux")
        need("top")
        function()
    CASES.append((function.__name__.replace("_", " "), skipping))
    return function


def replay(path=HANG, **kw):
    return Terminal(f"{HANGDOG} top --replay {path}", **kw)


@case
def a_recording_is_shown_and_q_leaves_the_terminal_as_it_was():
    with replay() as t:
        t.shows("DEADLOCK (proven)", "PROVEN", "python-lock cache_lock", "child 10143", "qQuit")
        t.keys("s")
        t.shows("#0 ")
        t.keys("q")
        t.ends()


@case
def arrows_search_filter_and_help_work():
    with replay(os.path.join(DATA, "healthy.hds")) as t:
        t.shows("nothing wrong", "cc1")
        t.keys("/", "c", "c", "1", "Enter")
        t.shows("602 (cc1) runs")
        t.keys("Up")
        t.shows("601 (make) waits")
        t.keys("F", "s", "l", "e", "e", "p", "Enter")
        t.shows("sleep 60")
        t.hides("cc1 -O2")
        t.keys("Escape")
        t.shows("cc1 -O2")
        t.keys("?", "PageDown", "PageDown")
        t.shows("end the whole tree (asks first)")
        t.keys("x", "q")
        t.ends()


@case
def a_new_size_is_taken_at_once():
    with replay() as t:
        t.shows("qQuit")
        t.tmux("resize-window", "-x", "120", "-y", "40")
        wait_until(lambda: "qQuit" in t.screen().rstrip("\n").splitlines()[-1] and len(t.screen().rstrip("\n").splitlines()) == 40, "all 40 lines")
        t.tmux("resize-window", "-x", "20", "-y", "5")
        t.shows("DEADLOCK", "10143 python-lo")
        check(len(t.screen().rstrip("\n").splitlines()) == 5, t.screen())
        t.keys("w")
        t.shows("waits for")
        t.keys("q")
        t.ends()


@case
def every_usual_terminal_type_works():
    for term in "xterm", "xterm-256color", "screen", "tmux-256color", "linux", "vt100":
        # For "linux" ncurses loads libgpm, which loses the name of the console.
        with replay(term=term, env=("NCURSES_GPM_TERMS=",)) as t:
            t.shows("DEADLOCK (proven)", "python-lock cache_lock")
            t.keys("s")
            t.shows("#0 ")
            t.keys("Up")
            t.shows("Its stack was not recorded")
            t.keys("q")
            t.ends()


@case
def ascii_is_enough():
    with replay(env=("LC_ALL=C",)) as t:
        check(all(ord(c) < 128 for c in t.shows("DEADLOCK (proven)", "`-")), t.screen())
        t.keys("q")
        t.ends()


@case
def colours_come_and_no_color_keeps_them_away():
    with replay() as t:
        t.shows("qQuit")
        check("38;5;203" in t.screen("-e"), repr(t.screen("-e")))
        t.keys("q")
        t.ends()
    with replay(env=("NO_COLOR=1",)) as t:
        t.shows("qQuit")
        check("38;5;" not in t.screen("-e") and "\x1b[31m" not in t.screen("-e"), repr(t.screen("-e")))
        t.keys("q")
        t.ends()


@case
def the_mouse_selects_scrolls_and_presses_the_keys_below():
    # xterm and xterm.js (notebooks, VS Code) send the newer form, screen and tmux the older one.
    for term, protocol in ("xterm-256color", "sgr"), ("screen-256color", "old"):
        with replay(os.path.join(DATA, "healthy.hds"), term=term) as t:
            x, y = t.find(" 602 ")
            t.mouse(0, x + 1, y, protocol)
            t.shows("602 (cc1) runs")
            t.mouse(65, x, y, protocol)
            t.hides("602 (cc1) runs")
            for _ in range(9):
                t.mouse(64, x, y, protocol)
            t.shows("600 (")
            t.mouse(0, *t.find("?Help"), protocol)
            t.shows("end the whole tree (asks first)") if t.keys("PageDown", "PageDown") is None else None
            t.keys("Escape")
            t.mouse(0, *t.find("sStack"), protocol)
            t.shows("stack")
            t.mouse(0, *t.find("qQuit"), protocol)
            t.ends()


@case
def run_top_shows_the_output_takes_input_and_passes_the_status_on():
    script = r'printf "\033[1;31mred\033[0m\n"; stty size; read x; echo got $x; seq 100; exit 7'
    with Terminal(f"{HANGDOG} run --top -- sh -c '{script}'") as t:
        t.shows("red", "output", "nothing wrong")
        check("38;5;1m" in t.screen("-e") or "[31m" in t.screen("-e").replace("1;31", "31"), repr(t.screen("-e")))
        t.keys("i")
        t.shows("keys go to the command")
        t.keys("a", "b", "Enter", "C-]")
        t.shows("the command has ended with status 7", "100")
        t.keys("Tab", "PageUp", "PageUp", "Home")
        t.hides("100\n")
        t.shows("got ab")
        t.keys("q")
        t.ends(7)


@case
def leaving_run_top_asks_and_closes_the_commands_terminal():
    with Terminal(f"{HANGDOG} run --top -- sleep 300") as t:
        t.shows("sleep 300", "qQuit", "300")
        t.keys("q")
        t.shows("its terminal closes with")
        t.keys("x")
        t.shows("nothing was done")
        t.keys("q", "y")
        t.ends(129)


@case
def errors_are_one_line_and_nothing_is_left_behind():
    r = hangdog("top", "999999999")
    check(r.status == 125 and r.err.count("\n") == 1, r)
    r = hangdog("top", "--replay", "/nonexistent")
    check(r.status == 125 and "/nonexistent" in r.err and r.err.count("\n") == 1, r)
    r = hangdog("top", "--replay", HANG)
    check(r.status == 125 and "needs a terminal" in r.err, r)
    with replay(term="dumb") as t:
        t.shows("TERM=dumb")
        t.ends(125)


@case
def nothing_guarded_is_said_with_how_to_start():
    with tempfile.TemporaryDirectory() as d:
        r = hangdog("top", env=dict(os.environ, XDG_RUNTIME_DIR=d))
        check(r.status == 0 and "hangdog run -- COMMAND" in r.out, r)


@case
def sigterm_gives_the_terminal_back():
    with replay() as t:
        t.shows("qQuit")
        shell = int(t.tmux("display-message", "-p", "#{pane_pid}"))
        child = int(open(f"/proc/{shell}/task/{shell}/children").read().split()[0])
        os.kill(child, signal.SIGTERM)
        t.ends()


if __name__ == "__main__":
    main(CASES)
