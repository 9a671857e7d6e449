#!/usr/bin/env bash
# The gates of docs/HACKING.md that a machine can check.  Usage: tests/tidy.sh [O=build]
# Known exceptions stand in tests/tidy.allow ("RULE PLACE  why"); one that is not needed any more is an error.
set -u
cd "$(dirname "$0")/.." || exit 1
for a in "$@"; do [[ $a == O=* ]] && O=${a#O=}; done
O=${O:-build}
export LC_ALL=C
allow=tests/tidy.allow
used=$(mktemp) found=$(mktemp)
trap 'rm -f "$used" "$found"' EXIT
passed=0 failed=0

say() { # RULE PLACE MESSAGE: one finding
	if grep -qE "^$1 +$(sed 's/[][\.*^$+?(){}|/]/\\&/g' <<<"$2")( |$)" "$allow" 2>/dev/null; then
		echo "$1 $2" >>"$used"
	else
		echo "$2: $3" >>"$found"
	fi
}

gate() { # NAME FUNCTION
	: >"$found"
	$2
	if [ -s "$found" ]; then
		sed "s/^/tidy: $1: /" "$found"
		failed=$((failed + 1))
	else
		passed=$((passed + 1))
	fi
}

# Rooms may use private headers of their own and of lower rooms.
rooms() {
	local -A may=([base]="base" [data]="base data" [parse]="base data parse" [core]="base data core"
		[os]="base data parse os" [stack]="base data parse stack" [ui]="base data ui" [cmd]="base data parse core os stack ui cmd")
	local file room target
	while IFS=: read -r file _ line; do
		room=${file#src/}
		room=${room%%/*}
		target=$(sed 's/.*"\([^"]*\)".*/\1/' <<<"$line")
		[[ $target == hangdog/* || $target != */* ]] && continue
		[[ " ${may[$room]:-} " == *" ${target%%/*} "* ]] || say rooms "$file" "may not include \"$target\""
	done < <(grep -n '^#include "' -r src --include='*.[ch]')
	libs '<(dwarf|elfutils/.*|libelf|gelf|libdw[a-z]*)\.h>' 'src/stack/'
	libs '<(curses|ncurses.*|panel|form|menu|term)\.h>|<ncursesw/' 'src/ui/'
	libs '<jansson\.h>' 'src/(core/report|cmd/)'
}

libs() { # PATTERN PREFIX: includes of PATTERN are for files below PREFIX
	local file line
	while IFS=: read -r file _ line; do
		[[ $file =~ ^$2 ]] || say rooms "$file" "${line#\#include } is for $2* only"
	done < <(grep -nE "^#include ($1)" -r src include)
}

# What the pure floors take from libc: memory, text, sorting, assertions; no clock, files, environment, errno.
pure() {
	local ok='^(malloc|calloc|realloc|reallocarray|free|abort|qsort|qsort_r|bsearch|reg(comp|exec|free)|mem[a-z]+|str[a-z_]*|stpcpy|snprintf|vsnprintf|v?asprintf|gmtime_r|timegm|__(mem|str|stp)[a-z]+_chk|__v?sn?printf_chk|__assert_fail|__stack_chk_fail|__ctype_[a-z_]+|tolower|toupper|is[a-z]+|_GLOBAL_OFFSET_TABLE_|_ITM_.*|__gmon_start__|__cxa_finalize|__isoc[0-9a-z_]*|fabs|floor|ceil)$'
	local lib=$O/libhangdog-core.a own obj sym
	[ -n "${SAN:-}${COVERAGE:-}" ] && return
	[ -e "$lib" ] || { say pure "$lib" "not built"; return; }
	own=$(nm "$lib" 2>/dev/null | awk '$2 ~ /^[TDBRVW]$/ {print $3}' | sort -u)
	while read -r obj sym; do
		[[ $sym =~ $ok ]] && continue
		[[ $sym == json_* && $obj == report* ]] && continue
		grep -qx "$sym" <<<"$own" || say pure "${obj%.o}.c" "calls $sym, which a pure module may not"
	done < <(nm -u "$lib" 2>/dev/null | awk '/\.o:$/ {sub(":", ""); obj = $1} $1 == "U" {print obj, $2}' | sort -u)
}

# Each header says itself what it needs.
headers() {
	local h
	for h in include/hangdog/*.h src/*/*.h; do
		[ -e "$h" ] || continue
		cc -Iinclude -Isrc -std=gnu17 -D_GNU_SOURCE -DHD_VERSION='""' -fsyntax-only -x c "$h" 2>/dev/null ||
			say headers "$h" "does not compile alone"
	done
}

# A function starts with '{' in column 1, below its head; tables start otherwise and may be long.
sizes() {
	local file place lines
	while read -r place lines; do
		say function "$place" "$lines lines, the most is 70"
	done < <(find src tests \( -name '*.c' -o -name '*.h' \) -print0 | xargs -0 awk '
		FNR == 1 { head = "" }
		/^[A-Za-z].*\(/ && !/;$/ { head = $0; top = FNR }
		/^\{/ { start = (head != "") ? top : FNR }
		/^\}/ { if (start && FNR - start + 1 > 70) { name = head; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name);
			print FILENAME ":" name, FNR - start + 1 } start = 0; head = "" }')
	while read -r lines file; do
		[ "$file" != total ] && [ "$lines" -gt 800 ] && say file "$file" "$lines lines, the most is 800"
	done < <(find src include tests \( -name '*.c' -o -name '*.h' -o -name '*.cc' -o -name '*.py' -o -name '*.sh' \) -print0 | xargs -0 wc -l)
}

# Every module of the pure floors has a unit test: tests/unit/test_MODULE.c, or one that says "covers: MODULE.c".
tested() {
	local c name
	for c in src/base/*.c src/data/*.c src/parse/*.c src/core/*.c; do
		[ -e "$c" ] || continue
		name=${c##*/}
		[ -e "tests/unit/test_$name" ] || grep -qsE "covers:.*\b${name//./\\.}" tests/unit/test_*.c || say tested "$c" "has no unit test"
	done
}

words() {
	local place
	while IFS=: read -r file line _; do
		say words "$file" "line $line: says TO""DO, FIX""ME or XX""X"
	done < <(grep -nE '\b(TO''DO|FIX''ME|XX''X)\b' -r src include tests contrib docs Makefile README.md .ci 2>/dev/null | grep -v '^tests/data/')
}

unused_allowances() {
	local rule place
	while read -r rule place _; do
		[[ -z $rule || $rule == \#* ]] && continue
		grep -qxF "$rule $place" "$used" || echo "$allow: '$rule $place' is not needed any more, remove it" >>"$found"
	done < <(cat "$allow" 2>/dev/null)
}

gate rooms rooms
gate pure pure
gate headers headers
gate sizes sizes
gate words words
gate allow unused_allowances
gate tested tested
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
