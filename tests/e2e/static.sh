#!/usr/bin/env bash
# The static binary works where nothing else is installed: in an empty root folder, and in each system below $HD_CHROOTS.
set -u
cd "$(dirname "$0")/../.." || exit 1
O=${O:-build}
passed=0 failed=0 skipped=0
log=$(mktemp) && work=$(mktemp -d) || exit 1
trap 'rm -rf "$log" "$work"' EXIT

finish() {
	echo "$passed passed, $failed failed, $skipped skipped"
	exit $((failed != 0))
}

skip() { # WHY
	echo "skipped: $1"
	skipped=1
	finish
}

check() { # NAME COMMAND...
	local name=$1
	shift
	if "$@" >"$log" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		tail -20 "$log" | sed 's/^/    /'
		echo "FAILED $name"
	fi
}

# In a mount namespace of its own, so that nothing stays mounted.  Runs inside a root folder that has only these files.
inside() { # ROOT SCRIPT
	timeout 120 unshare -m --propagation private bash -c '
		mkdir -p "$1/proc" "$1/hd"
		mount -t tmpfs none "$1/hd" && cp "$2"/* "$1/hd/" || exit 1
		mountpoint -q "$1/proc" || mount -t proc proc "$1/proc" || exit 1
		HOME=/hd XDG_STATE_HOME=/hd XDG_RUNTIME_DIR=/hd
		export HOME XDG_STATE_HOME XDG_RUNTIME_DIR
		root=$1
		eval "$3"' inside "$1" "$work/files" "$2"
	local status=$?
	rmdir "$1/hd"
	return $status
}

runs_true='chroot "$root" /hd/hangdog run -- /hd/loops getpid 1'
ends_hang='chroot "$root" /hd/hangdog run --on-hang kill --term-timeout 0 --report /hd/r.json -- /hd/loops hang /hd/stamp
	[ $? -eq 124 ] && grep -q "\"inherited-lock\"" "$root/hd/r.json"'
# As why sees it: the lock was held at the fork, by a thread that is not there.
explains='chroot "$root" /hd/loops hang /hd/stamp & pid=$!
	trap "kill $pid" EXIT
	for i in $(seq 200); do
		chroot "$root" /hd/hangdog why $pid; status=$?
		[ $status -ne 0 ] && break
		sleep 0.05
	done
	[ $status -eq 1 ] && chroot "$root" /hd/hangdog dump $pid | tee /dev/stderr | grep -q " main "'

[ "$(uname -m)" = x86_64 ] || skip "made for x86-64"
unshare -m true 2>/dev/null || skip "not allowed to make a mount namespace (needs root)"
make -s O="$O" static >"$log" 2>&1 || skip "cannot be linked here: $(grep -m1 -E 'cannot find|error' "$log")"
mkdir "$work/files" "$work/empty"
cp "$O/static/hangdog" "$work/files/"
cc -O1 -g -static -pthread -D_GNU_SOURCE -o "$work/files/loops" tests/bench/loops.c || skip "no static libc"

musl-gcc -O1 -g -static -D_GNU_SOURCE -o "$work/files/loops-musl" tests/bench/loops.c 2>/dev/null || rm -f "$work/files/loops-musl"

check "static: needs no library" bash -c "! readelf -d '$O/static/hangdog' | grep NEEDED"
for root in "$work/empty" ${HD_CHROOTS:+"$HD_CHROOTS"/*/}; do
	check "static: run in $root" inside "$root" "$runs_true"
	check "static: a hang is caught in $root" inside "$root" "$ends_hang"
	check "static: why and dump in $root" inside "$root" "$explains"
done
if [ -e "$work/files/loops-musl" ]; then
	check "static: a hang of a musl program" inside "$work/empty" "${ends_hang/loops/loops-musl}"
fi
finish
