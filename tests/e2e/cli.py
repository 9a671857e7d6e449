#!/usr/bin/env python3
"""The command line as a user meets it: help, version, misuse, and the texts made from the option table."""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import HANGDOG, ROOT, Cases, Skip, check, commands, hangdog, main, need, run

CASES = case = Cases()


def fails(args, *words):
    """Misuse: status 125, nothing on stdout, one line on stderr that begins 'hangdog: ' and names what is wrong."""
    r = hangdog(*args)
    check(r.status == 125, r)
    check(r.out == "", r)
    check(r.err.startswith("hangdog: ") and r.err.count("\n") == 1, r)
    for word in words:
        check(word in r.err, f"'{word}' is missing in the message\n{r}")


@case
def help_lists_the_commands_on_stdout():
    r = hangdog("--help")
    check(r.status == 0 and r.err == "", r)
    check(r.out == hangdog("-h").out, r)


@case
def each_command_explains_itself_in_80_columns():
    for name in commands():
        r = hangdog(name, "--help")
        check(r.status == 0 and r.err == "" and r.out.startswith(f"usage: hangdog {name}"), r)
        check(max(map(len, r.out.splitlines())) <= 80, r)
        check(hangdog(name, "-h").out == r.out, r)


@case
def version_is_one_line():
    version = open(os.path.join(ROOT, "VERSION")).read().strip()
    for option in "--version", "-V":
        r = hangdog(option)
        check(r.status == 0 and r.out == f"hangdog {version}\n" and r.err == "", r)


@case
def no_command():
    fails([], "--help")


@case
def unknown_command_offers_the_nearest():
    fails(["whyy", "1"], "whyy", "why") if "why" in commands() else fails(["whyy", "1"], "whyy")
    fails(["frobnicate"], "frobnicate")
    fails(["./train.py"], "hangdog run -- ./train.py")
    fails(["--frob"], "--frob")
    fails(["--generate", "perl"], "perl", "man, readme")


@case
def an_option_before_the_command_says_what_was_meant():
    fails(["--verison"], "--verison", "did you mean --version?")
    fails(["-v"], "-v", "did you mean -V?")
    fails(["--json", "why", "1"], "--json", "hangdog COMMAND --json")
    fails(["-z"], "-z", "hangdog --help")
    fails(["--\x1b[31m\n"], "hangdog --help")


@case
def a_full_stdout_is_an_error():
    r = run("sh", "-c", f"'{HANGDOG}' --help > /dev/full")
    check(r.status == 125 and r.err.startswith("hangdog: "), r)


RUN_MISUSE = [
    ([], "COMMAND", "usage: hangdog run"),
    (["--intervall", "5", "true"], "--intervall", "did you mean --interval"),
    (["--interval"], "--interval", "MS"),
    (["--interval", "0", "true"], "'0'", "1 to"),
    (["--interval", "-5", "true"], "'-5'"),
    (["--interval", "1e3", "true"], "'1e3'"),
    (["--interval", "99999999999999999999", "true"], "99999999999999999999"),
    (["--stall", "1.2345", "true"], "'1.2345'", "seconds"),
    (["--stall", "", "true"], "''"),
    (["--certainty", "prooven", "true"], "prooven", "proven"),
    (["--on-hang", "kil", "true"], "kil", "did you mean 'kill'"),
    (["--on-hang", "report,", "true"], "--on-hang"),
    (["--on-hang", "exec:", "true"], "--on-hang"),
    (["--on-hang", ",".join(["report"] * 9), "true"], "more than"),
    (["--progress", "file:", "true"], "--progress"),
    (["--follow", "strace", "true"], "ptrace, observe"),
    (["--color", "pink", "true"], "auto, always, never"),
    (["--report", "", "true"], "--report"),
    (["--quiet=yes", "true"], "--quiet", "no value"),
    (["--once", "true"], "--once"),
    (["-z", "true"], "-z"),
    (["--re", "true"], "several"),
]


@case
def misused_options_of_run_are_named():
    need("run")
    for args, *words in RUN_MISUSE:
        fails(["run"] + args, *words)


@case
def what_follows_the_command_is_the_commands():
    need("run")
    r = hangdog("run", "echo", "--help", "--interval", "-x")
    check(r.status == 0 and r.out == "--help --interval -x\n", r)
    r = hangdog("run", "--", "echo", "--", "a")
    check(r.status == 0 and r.out == "-- a\n", r)


@case
def misused_pids_are_named():
    for name in "attach", "why", "dump":
        if name not in commands():
            continue
        fails([name], "process id", f"hangdog {name}")
        for bad in "12x", "0", "-0x5", "4294967297", "":
            fails([name, "--", bad], f"'{bad}'", "pgrep")
        fails([name] + ["1"] * 65, "too many")


@case
def misused_ctl_is_named():
    need("ctl")
    fails(["ctl", "1"], "ACTION")
    fails(["ctl", "1", "kil"], "did you mean 'kill'")
    fails(["ctl", "x", "kill"], "'x'")


@case
def misused_replay_is_named():
    need("replay")
    fails(["replay"], "FILE")
    fails(["replay", "a", "b"], "'b'", "usage: hangdog replay [OPTIONS] FILE")
    fails(["ps", "1"], "'1'", "usage: hangdog ps [OPTIONS])")


GENERATED = [("man", "docs/man/hangdog.1")]


@case
def generated_texts_are_up_to_date():
    for kind, path in GENERATED:
        made, kept = hangdog("--generate", kind).out, open(os.path.join(ROOT, path)).read()
        check(made == kept, f"{path} differs from the option table: run 'make docs'")
    table = hangdog("--generate", "readme").out
    check(table in open(os.path.join(ROOT, "README.md")).read(), "README.md's option table is old: run 'make docs'")


@case
def the_man_page_has_no_faults_and_names_everything():
    page = os.path.join(ROOT, "docs", "man", "hangdog.1")
    for command in commands():
        check(f".B hangdog {command}\n" in open(page).read(), f"{command} is not in the man page")
    if shutil.which("man") is None:
        raise Skip("no man")
    for width in "80", "120":
        r = run("man", "--warnings", "-P", "cat", "-l", page, env=dict(os.environ, MANWIDTH=width, LC_ALL="C.UTF-8"))
        check(r.status == 0 and r.err == "" and "KEYS OF THE LIVE VIEW" in r.out, r)
    if shutil.which("mandoc"):
        r = run("mandoc", "-Tlint", "-Wwarning", page)
        check(r.status == 0 and r.out == "", r)


def seen_on_a_terminal(*args, term="xterm"):
    """What a terminal gets of stderr."""
    master, slave = os.openpty()
    p = subprocess.Popen([HANGDOG, *args], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=slave, env=dict(os.environ, TERM=term))
    os.close(slave)
    out = b""
    while True:
        try:
            got = os.read(master, 4096)
        except OSError:  # the last one has closed it
            break
        if not got:
            break
        out += got
    os.close(master)
    check(p.wait() == 0, out)
    return out.decode()


@case
def what_takes_long_shows_that_it_lives_and_leaves_no_trace():
    slow = ["why", "--interval", "2500", str(os.getpid()), "--no-tree"]
    text = seen_on_a_terminal(*slow)
    check("hangdog: | still looking, 1 s" in text and text.endswith("\r\033[K"), repr(text))
    check(seen_on_a_terminal(*slow, term="dumb") == "", "a terminal that cannot take a line back")
    check(hangdog(*slow).err == "", "no terminal")
    check(seen_on_a_terminal("why", str(os.getpid()), "--no-tree", "--interval", "1") == "", "quick")


main(CASES)
