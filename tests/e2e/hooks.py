#!/usr/bin/env python3
"""contrib/hooks: each is run by a real hang; the desktop and the mail program are stand-ins that write down what they get."""
import http.server
import json
import os
import shutil
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from harness import ROOT, Cases, Skip, check, hangdog, main, need, scratch, wait_until

CASES = case = Cases()
HANG = "import threading; l = threading.Lock(); l.acquire(); l.acquire()"


def hook(name):
    return os.path.join(ROOT, "contrib", "hooks", name)


def hang_with(d, name, **env):
    """Guards a program that hangs; the hook runs, then hangdog ends the program."""
    r = hangdog("run", "--incident-dir", os.path.join(d, "state"), "--on-hang", f"exec:{hook(name)},kill", "--", sys.executable, "-c", HANG,
                env=dict(os.environ, **env))
    check(r.status == 124, r)
    return r


def stand_in(d, program):
    path = os.path.join(d, program)
    with open(path, "w") as f:
        f.write(f'#!/bin/sh\nprintf "%s\\n" "$@" > {d}/half\n[ {program} = mail ] && cat >> {d}/half\nmv {d}/half {d}/got\n')
    os.chmod(path, 0o755)


def got(d):
    path = os.path.join(d, "got")
    wait_until(lambda: os.path.exists(path), "the hook has run")
    with open(path) as f:
        return f.read()


@case
def a_notification_on_the_desktop():
    with scratch() as d:
        stand_in(d, "notify-send")
        r = hang_with(d, "desktop.sh", PATH=d + ":" + os.environ["PATH"])
        lines = got(d).splitlines()
        check(any(line.startswith("deadlock in process ") and line.endswith("(self-lock)") or "(no-waker)" in line for line in lines), (lines, r))
        check(len(lines[-1]) > 30, f"the summary is missing: {lines}")


@case
def a_mail_with_the_report():
    with scratch() as d:
        stand_in(d, "mail")
        hang_with(d, "mail.sh", PATH=d + ":" + os.environ["PATH"], MAIL_TO="ann@example.org")
        text = got(d)
        check(text.startswith("-s\nhangdog: deadlock (") and "\nann@example.org\n" in text, text)
        check("DEADLOCK" in text, "the text report is the body")


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, self.headers["Content-Type"], body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        pass


def with_server(d, **env):
    if shutil.which("curl") is None:
        raise Skip("no curl here")
    with http.server.HTTPServer(("127.0.0.1", 0), Receiver) as server:
        server.got = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            r = hang_with(d, "webhook.sh", WEBHOOK_URL=f"http://127.0.0.1:{server.server_address[1]}/hook", **env)
            wait_until(lambda: server.got, f"the webhook came {r}")
        finally:
            server.shutdown()
        check(len(server.got) == 1, server.got)
        return server.got[0]


@case
def the_report_by_webhook():
    with scratch() as d:
        path, kind, body = with_server(d)
        report = json.loads(body)
        check((path, kind) == ("/hook", "application/json"), (path, kind))
        check(report["schema"] == "hangdog.report/1" and report["verdict"] == "deadlock", report)


@case
def one_line_by_webhook():
    with scratch() as d:
        body = with_server(d, WEBHOOK_STYLE="text")[2]
        text = json.loads(body)["text"]
        check(text.startswith("deadlock in process ") and len(text) > 60, text)


@case
def a_webhook_without_an_address_says_so():
    with scratch() as d:
        r = hang_with(d, "webhook.sh", WEBHOOK_URL="")
        check("WEBHOOK_URL" in r.err, r)


need("run")
main(CASES)
