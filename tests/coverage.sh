#!/bin/sh
# Line coverage of the sources, from the .gcda files below $1: one line a file, least covered first, then the whole.
set -eu
find "$1/src" -name '*.gcda' | while read -r f; do
	gcov -n -o "${f%/*}" "$f" 2>/dev/null
done | awk '
	/^File / { gsub(/\x27/, "", $2); file = $2 }
	/^Lines executed:/ && file ~ /^src\// {
		sub(/^Lines executed:/, ""); split($0, part, "% of ")
		printf "%6.1f%% %6d  %s\n", part[1], part[2], file
		hit += part[1] * part[2] / 100; all += part[2]; file = ""
	}
	END { if (all) printf "%6.1f%% %6d  all\n", 100 * hit / all, all }' | sort -n
