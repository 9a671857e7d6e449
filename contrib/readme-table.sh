#!/bin/sh
# Rewrites the option table of README.md between its two markers.  Usage: readme-table.sh HANGDOG README
set -eu
table=$(mktemp)
trap 'rm -f "$table"' EXIT
"$1" --generate readme >"$table"
awk -v table="$table" '
	/<!-- options: begin/ { print; while ((getline line < table) > 0) print line; skip = 1; next }
	/<!-- options: end/ { skip = 0 }
	!skip' "$2" >"$2.new"
mv "$2.new" "$2"
