#!/bin/sh
# Guards a program that dead-locks, and shows what hangdog says about it.  Fails if hangdog did not end it.
set -u
cd "$(dirname "$0")/../.." || exit 1
state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT
set -- "${O:-build}/hangdog" run --on-hang kill -- python3 contrib/demo/fork_deadlock.py
echo "\$ hangdog run --on-hang kill -- python3 contrib/demo/fork_deadlock.py"
XDG_STATE_HOME=$state "$@"
status=$?
echo "\$ echo \$?"
echo "$status"
[ "$status" -eq 124 ]
