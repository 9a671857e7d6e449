#!/bin/sh
# Installs what hangdog needs to be built and tested, and only what is missing.  Asks first; -y does not ask; --build leaves
# away what only tests need.  Knows apt, dnf, zypper, apk and pacman; uses sudo when not root.
set -eu

yes=no what='build and tests'
for word; do
	case $word in
	-y) yes=yes ;;
	--build) what='the build' ;;
	*) echo "usage: install-deps.sh [-y] [--build]" >&2 && exit 1 ;;
	esac
done

# One row a need: how to see that it is there | package per package manager.  Those from criterion on are for tests.
needs() {
	cat <<-'END'
	cc --version                        |gcc            |gcc            |gcc            |gcc musl-dev   |gcc
	make --version                      |make           |make           |make           |make           |make
	pkg-config --version                |pkg-config     |pkgconf        |pkg-config     |pkgconf        |pkgconf
	pkg-config --exists libdw libelf    |libdw-dev libelf-dev|elfutils-devel|libdw-devel libelf-devel|elfutils-dev|libelf
	test_header uthash.h                |uthash-dev     |uthash-devel   |uthash-devel   |uthash-dev     |uthash
	pkg-config --exists jansson         |libjansson-dev |jansson-devel  |libjansson-devel|jansson-dev   |jansson
	pkg-config --exists ncursesw        |libncurses-dev |ncurses-devel  |ncurses-devel  |ncurses-dev    |ncurses
	test_compile -liberty               |libiberty-dev  |binutils-devel |binutils-devel |binutils-dev   |binutils
	python3 --version                   |python3        |python3        |python3        |python3        |python
	pkg-config --exists criterion       |libcriterion-dev|criterion-devel|criterion-devel|criterion-dev |criterion
	c++ --version                       |g++            |gcc-c++        |gcc-c++        |g++            |gcc
	gdb --version                       |gdb            |gdb            |gdb            |gdb            |gdb
	strace --version                    |strace         |strace         |strace         |strace         |strace
	END
}

test_header() {
	echo "#include <$1>" | cc -x c -E -o /dev/null -
}

test_compile() {
	echo 'int main(void) { return 0; }' | cc -x c -o /dev/null - "$@"
}

manager=
for m in apt-get dnf zypper apk pacman; do
	command -v $m >/dev/null 2>&1 && manager=$m && break
done
case $manager in
apt-get) column=2 install='apt-get install -y --no-install-recommends' ;;
dnf) column=3 install='dnf install -y' ;;
zypper) column=4 install='zypper --non-interactive install' ;;
apk) column=5 install='apk add' ;;
pacman) column=6 install='pacman -S --noconfirm --needed' ;;
*) column=2 install= ;;
esac

list=$(mktemp)
trap 'rm -f "$list"' EXIT
needs >"$list"
missing=
while IFS= read -r row; do
	case $what$row in 'the build'*criterion*) break ;; esac
	check=$(printf '%s' "$row" | cut -d'|' -f1)
	$check >/dev/null 2>&1 || missing="$missing $(printf '%s' "$row" | cut -d'|' -f$column | sed 's/ *$//')"
done <"$list"
[ -n "$missing" ] || exit 0

if [ -z "$install" ]; then
	echo "hangdog: no package manager that is known here; please install (Debian's names):$missing" >&2
	exit 1
fi
sudo=
[ "$(id -u)" -eq 0 ] || sudo=sudo
if [ -n "$sudo" ] && ! command -v sudo >/dev/null 2>&1; then
	echo "hangdog: you are not root and there is no sudo; have root run: $install$missing" >&2
	exit 1
fi
echo "Missing for $what:$missing"
echo "To be run: $sudo $install$missing"
if [ $yes = no ]; then
	if [ ! -t 0 ]; then
		echo "hangdog: not a terminal, so nobody can be asked; run 'contrib/install-deps.sh -y'" >&2
		exit 1
	fi
	printf 'Install now? [Y/n] '
	read -r answer
	case $answer in '' | [Yy]*) ;; *) exit 1 ;; esac
fi
[ "$manager" = apt-get ] && $sudo apt-get update -qq
DEBIAN_FRONTEND=noninteractive
export DEBIAN_FRONTEND
# shellcheck disable=SC2086 # lists of words, on purpose
exec $sudo $install $missing
