#!/usr/bin/env bash
# Runs test suites (unit prop fuzz tidy e2e) on what is built below $O, prints what fails, and counts.
# The last line is always 'N passed, N failed, N skipped'; exit 1 if anything failed.
set -u
cd "$(dirname "$0")/.." || exit 1
O=${O:-build}
passed=0 failed=0 skipped=0
log=$(mktemp) && trap 'rm -f "$log"' EXIT

count() { # PASSED FAILED SKIPPED
	passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

# One number of Criterion's last line: Tested: N | Passing: N | Failing: N | Crashing: N
synthesis() { # WORD
	grep -a 'Synthesis:' "$log" | tail -1 | sed 's/\x1b\[[0-9;]*m//g' | sed -n "s/.*$1: \([0-9]*\).*/\1/p" | grep . || echo 0
}

# How many tests of $log failed.  A leak counts, also of a test that passed, unless Criterion allocated it: 2.4 loses some.
unit_bad() { # STATUS
	local bad=$(($(synthesis Failing) + $(synthesis Crashing)))
	if grep -qa 'ERROR: LeakSanitizer: detected' "$log"; then
		bad=$((bad + $(awk '/ leak of .* allocated from:/ { begins = 1 }
			/^ *#1 / { n += begins && !/libcriterion/; begins = 0 } END { print n + 0 }' "$log")))
	elif [ "$1" -ne 0 ] && [ "$bad" -eq 0 ]; then
		bad=1
	fi
	echo "$bad"
}

run_unit() {
	for src in tests/unit/test_*.c; do
		[ -e "$src" ] || return
		local name=${src##*/} bad
		name=${name%.c}
		"$O/tests/unit/$name" -j2 >"$log" 2>&1
		bad=$(unit_bad $?)
		# Those with real processes may fail on a machine that is busy with other things: once more, alone, and said so.
		if [ "$bad" -ne 0 ] && [[ $name == test_shell_* ]]; then
			sed 's/^/    /' "$log"
			echo "again unit/$name, which failed"
			"$O/tests/unit/$name" -j1 >"$log" 2>&1
			bad=$(unit_bad $?)
		fi
		count "$(synthesis Passing)" "$bad" "$(grep -ac '^\[.*SKIP' "$log")"
		if [ "$bad" -ne 0 ]; then
			sed 's/^/    /' "$log"
			echo "FAILED unit/$name"
		fi
	done
	echo "unit: done"
}

# One program, one test: it exits 0 when all held, 77 to skip.
run_one() { # NAME COMMAND...
	local name=$1 status
	shift
	"$@" >"$log" 2>&1
	status=$?
	case $status in
	0) count 1 0 0 ;;
	77) count 0 0 1 && echo "skipped $name: $(tail -1 "$log")" ;;
	*)
		count 0 1 0
		tail -40 "$log" | sed 's/^/    /'
		echo "FAILED $name (status $status)"
		;;
	esac
}

run_prop() {
	for src in tests/prop/*.c; do
		[ -e "$src" ] && run_one "prop/$(basename "$src" .c)" "$O/tests/prop/$(basename "$src" .c)"
	done
	echo "prop: done"
}

run_fuzz() {
	for src in tests/fuzz/fuzz_*.c; do
		[ -e "$src" ] || continue
		local name
		name=$(basename "$src" .c)
		run_one "fuzz/$name" "$O/tests/fuzz/$name" "tests/fuzz/corpus/${name#fuzz_}"
	done
	echo "fuzz: corpus replayed"
}

# Scripts that run many cases and end with 'N passed, N failed, N skipped'.
run_script() { # COMMAND...
	# Shown as it comes, but ended with the script: a pipe would wait for whatever that may have left behind.
	local shower marker
	: >"$log"
	sleep 7200 >/dev/null 2>&1 &
	marker=$!
	disown $marker # bash would say that it was killed
	tail -n +1 -s 0.2 -f --pid=$marker "$log" &
	shower=$!
	"$@" >>"$log" 2>&1
	local status=$? line
	kill -KILL $marker
	wait $shower
	line=$(tail -1 "$log")
	if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
		local bad=${BASH_REMATCH[2]}
		[ "$status" -ne 0 ] && [ "$bad" -eq 0 ] && bad=1
		count "${BASH_REMATCH[1]}" "$bad" "${BASH_REMATCH[3]}"
	else
		echo "FAILED $*: status $status, no count"
		count 0 1 0
	fi
}

run_tidy() {
	run_script tests/tidy.sh "O=$O"
}

run_e2e() {
	for t in tests/e2e/*.py tests/e2e/*.sh; do
		[ -x "$t" ] || continue
		# A static binary has no sanitizers, and neither have the packages that carry it.
		[[ -n ${SAN:-} && $t =~ /(packages.py|static.sh)$ ]] && continue
		echo "e2e: $t"
		O=$O run_script "$t"
	done
}

# Leaks count as well: hangdog itself is traced by nobody, so LeakSanitizer (a tracer too) works in it.
# Else it would forbid what is guarded to leave a core, refuse a library that is loaded before it, and keep 256 MiB of freed memory.
[ -n "${SAN:-}" ] && export UBSAN_OPTIONS=print_stacktrace=1 \
	ASAN_OPTIONS=detect_leaks=1:disable_coredump=0:verify_asan_link_order=0:quarantine_size_mb=32

for suite in "$@"; do
	"run_$suite"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
