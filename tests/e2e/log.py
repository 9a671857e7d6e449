#!/usr/bin/env python3
"""--log: what the system's log gets of a hang and of what was done about it, at the sockets of syslog and journald."""
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import HANGDOG, ROOT, Cases, Skip, check, hangdog, main, need, run, scratch

CASES = case = Cases()
HANG = "import threading; l = threading.Lock(); l.acquire(); l.acquire()"


def guarded(folder, where, sockets, *options, code=HANG):
    if os.geteuid() != 0:
        raise Skip("needs root, for a /dev of its own")
    r = run(sys.executable, os.path.join(ROOT, "tests", "lib", "private_dev.py"), json.dumps(sockets), HANGDOG, "run", "-q", "--incident-dir",
            os.path.join(folder, "state"), "--term-timeout", "1", "--log", where, *options, "--", sys.executable, "-c", code)
    if "no namespace here" in r.err:
        raise Skip(r.err.strip())
    check(r.status == 0, r)
    return json.loads(r.out)


def words(line):
    """The name=value pairs behind the sentence."""
    found = re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)', line.split(" | ", 1)[1])
    return {name: re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value for name, value in found}


def check_syslog(got, folder):
    check(got["status"] == 124 and len(got["syslog"]) == 2, got)
    hang, action = got["syslog"]
    check(re.match(r"<28>[A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d:\d\d hangdog\[\d+\]: ", hang), hang)
    check(action.startswith("<29>"), action)
    (incident,) = [e for e in os.listdir(os.path.join(folder, "state")) if e[0].isdigit()]
    told = words(hang)
    check(told["event"] == "hang" and told["verdict"] == "deadlock" and told["id"] == incident, told)
    check(told["incident"] == os.path.join(folder, "state", incident) and HANG in told["command"], told)
    report = json.load(open(os.path.join(told["incident"], "report.json")))
    check(told["root"] == str(report["root"]) and told["cause"] == report["cause"] and told["certainty"] == report["certainty"], (told, report))
    check(told["culprits"] == ",".join(map(str, report["culprits"])) and report["summary"] in hang, hang)
    did = words(action)
    check(did["event"] == "action" and did["action"] == "kill" and did["done"] == "yes" and did["result"] == "ended 1 process", did)


@case
def syslog_gets_a_line_for_the_hang_and_one_for_the_action():
    with scratch() as d:
        check_syslog(guarded(d, "syslog", {"syslog": "dgram"}, "--on-hang", "kill"), d)


@case
def a_syslog_that_takes_streams_gets_them_too():
    with scratch() as d:
        got = guarded(d, "syslog", {"syslog": "stream"}, "--on-hang", "kill")
        check(all(line.endswith("\0") for line in got["syslog"]), got)
        got["syslog"] = [line[:-1] for line in got["syslog"]]
        check_syslog(got, d)


@case
def what_could_not_be_done_is_a_warning():
    with scratch() as d:
        got = guarded(d, "syslog", {"syslog": "dgram"}, "--on-hang", "heal,kill")
        (action,) = got["syslog"][1:]
        check("tried, too: heal (" in words(action)["result"], action)


def fields(datagram):
    """As journald reads it (systemd.io/JOURNAL_NATIVE_PROTOCOL)."""
    data, found = datagram.encode("utf-8", "surrogateescape"), {}
    while data:
        line, _, data = data.partition(b"\n")
        if b"=" in line:
            name, _, value = line.partition(b"=")
        else:
            name, size = line, int.from_bytes(data[:8], "little")
            value, data = data[8:8 + size], data[8 + size:]
            check(data[:1] == b"\n", datagram)
            data = data[1:]
        found[name.decode()] = value.decode()
    return found


@case
def journald_gets_fields():
    code = HANG + "\n# a second line with = in it"
    with scratch() as d:
        got = guarded(d, "journald", {"journal": True}, "--on-hang", "kill", code=code)
        check(got["status"] == 124 and len(got["journal"]) == 2 and got["err"] == "", got)
        hang, action = map(fields, got["journal"])
        check(hang["SYSLOG_IDENTIFIER"] == "hangdog" and hang["PRIORITY"] == "4" and hang["HANGDOG_EVENT"] == "hang", hang)
        check(hang["HANGDOG_VERDICT"] == "deadlock" and code in hang["HANGDOG_COMMAND"] and hang["MESSAGE"], hang)
        check(os.path.isfile(os.path.join(hang["HANGDOG_INCIDENT"], "report.json")), hang)
        check(action["HANGDOG_ACTION"] == "kill" and action["HANGDOG_ID"] == hang["HANGDOG_ID"] and action["PRIORITY"] == "5", action)


@case
def a_log_that_is_not_there_is_said_once_and_guarding_goes_on():
    with scratch() as d:
        for where, path in ("syslog", "/dev/log"), ("journald", "/run/systemd/journal/socket"):
            got = guarded(d, where, {}, "--on-hang", "kill")
            check(got["status"] == 124 and got["err"].count("hangdog: --log: ") == 1 and path in got["err"], got)


@case
def a_log_that_is_full_holds_nobody_up():
    with scratch() as d:
        got = guarded(d, "syslog", {"syslog": "full"}, "--on-hang", "restart,kill", "--max-restarts", "2", "--restart-delay", "0", "--cure", "none")
        check(got["status"] == 124 and got["err"].count("hangdog: --log: ") == 1, got)


@case
def nothing_is_logged_unless_asked():
    with scratch() as d:
        got = guarded(d, "none", {"syslog": "dgram", "journal": True}, "--on-hang", "kill")
        check(got["status"] == 124 and got["syslog"] == [] and got["journal"] == [], got)
    r = hangdog("run", "--log", "telegram", "--", "true")
    check(r.status == 125 and "syslog" in r.err and "journald" in r.err, r)


need("run")
main(CASES)
