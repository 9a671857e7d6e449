#!/usr/bin/env bash
# The lock zoo on other C libraries: builds it inside each system below ROOTS with that system's compiler, runs it there,
# and looks at it from here.  Usage: all.sh ROOTS RUNNER.  Makes nothing outside ROOTS/*/zoo; skips what has no compiler.
set -u
roots=$1 runner=$2
here=$(cd "$(dirname "$0")" && pwd)
failed=0 seen=0
for root in "$roots"/*/; do
	root=${root%/}
	[ -x "$root/usr/bin/gcc" ] || continue
	seen=$((seen + 1))
	mkdir -p "$root/zoo" "$root/proc"
	mountpoint -q "$root/proc" || mount -t proc proc "$root/proc" || continue
	cp "$here"/*.[ch] "$here"/*.cc "$here"/*.py "$root/zoo/"
	programs=()
	[ -x "$root/usr/bin/python3" ] && programs+=("/usr/bin/python3 /zoo/python.py")
	for source in posix libc gomp cxx; do
		case $source in
		cxx) build="g++ -O2 -g -pthread -o zoo/cxx zoo/cxx.cc" ;;
		gomp) build="gcc -O2 -g -fopenmp -pthread -o zoo/gomp zoo/gomp.c" ;;
		*) build="gcc -std=gnu11 -O2 -g -pthread -o zoo/$source zoo/$source.c -ldl" ;;
		esac
		chroot "$root" sh -c "cd / && $build 2>zoo/$source.log" && programs+=("/zoo/$source") || echo "${root##*/}: $source does not build here"
	done
	echo "${root##*/}: $(chroot "$root" /sbin/ldconfig --version | sed 1q)"
	"$runner" --root "$root" "${programs[@]}" || failed=1
	umount "$root/proc"
done
[ "$seen" -gt 0 ] || echo "zoo-all: no systems below $roots, skipped"
exit $failed
