#!/usr/bin/env bash
# The picture of the live view in docs/, from a real xterm: tests/screenshot.sh [FILE].  Needs Xvfb, xterm and ImageMagick.
set -eu
cd "$(dirname "$0")/.."
out=${1:-docs/top.png} hangdog=$PWD/${O:-build}/hangdog dir=$(mktemp -d)
trap 'kill $x $t 2>/dev/null; rm -rf "$dir"' EXIT
x='' t=''
Xvfb -displayfd 5 -screen 0 1010x612x24 5>"$dir/display" 2>/dev/null &
x=$!
for ((i = 0; i < 200; i++)); do [ -s "$dir/display" ] && break; sleep 0.1; done
DISPLAY=:$(cat "$dir/display")
export DISPLAY LC_ALL=C.UTF-8
# The view says that it is there by what xterm logs of its output.
xterm -tn xterm-256color -fa 'DejaVu Sans Mono' -fs 11 -geometry 112x32+0+0 -b 0 -bw 0 -bg '#101418' -fg '#d8dee9' -l -lf "$dir/log" -e \
	"$hangdog" top --replay tests/data/snapshots/python_lock_refill.hds 2>/dev/null &
t=$!
for ((i = 0; i < 200; i++)); do grep -aq Quit "$dir/log" 2>/dev/null && break; sleep 0.1; done
grep -aq Quit "$dir/log" || { echo "the view never came" >&2; exit 1; }
sleep 1 # xterm paints what it has logged; nothing is decided by this
import -window root -strip +dither -colors 64 -define png:compression-level=9 "$dir/top.png"
mv "$dir/top.png" "$out"
echo "$out: $(stat -c %s "$out") bytes"
