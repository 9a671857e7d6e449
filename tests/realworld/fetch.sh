#!/usr/bin/env bash
# Brings and builds, outside of this tree, the sources whose own suites tests/realworld/run.py runs: bash, git, coreutils,
# PostgreSQL, perl, and a free-threaded CPython.  Wants Debian's sources (deb-src) and the usual build tools.
set -eu
src=${HANGDOG_REALWORLD_SRC:-$HOME/.cache/hangdog-realworld}
jobs=${JOBS:-2}
mkdir -p "$src"
cd "$src"

unpack() { # PACKAGE TREE
	compgen -G "$2" > /dev/null && return
	apt-get source --download-only -q "$1"
	tar xf "$(ls "$1"_*.orig.tar.* | grep -v 'asc$' | head -1)"
}

build() { # TREE PROOF COMMAND: unless PROOF is there
	(cd "$src"/$1 && { [ -e "$2" ] || eval "$3"; } > "$src/build.log" 2>&1 && echo "$1: built") || { echo "$1: not built: $src/build.log"; exit 1; }
}

for package in bash git coreutils perl; do
	unpack "$package" "$package-[0-9]*/"
done
unpack postgresql-15 'postgresql-15.*[0-9]/'
build 'bash-5*/' xcase "./configure --quiet --without-bash-malloc && make -s && make -s recho zecho printenv xcase"
build 'git-2*/' t/helper/test-tool "make -s -j$jobs NO_CURL=1 NO_GETTEXT=1 NO_TCLTK=1 NO_EXPAT=1"
build 'coreutils-9*/' src/ls "FORCE_UNSAFE_CONFIGURE=1 ./configure --quiet --disable-nls && make -s -j$jobs"
build 'postgresql-15.*[0-9]/' src/test/isolation/pg_isolation_regress "./configure --quiet --without-readline --without-zlib --prefix=$src/pg &&
	make -s -j$jobs && make -s install && make -s -C src/test/regress && make -s -C src/test/isolation && chmod -R a+rX ."
# From a release for which Debian has sources, or which was put there.
compgen -G "Python-3.13*/" > /dev/null || { apt-get source --download-only -q python3.13 && tar xf "$(ls python3.13_*.orig.tar.* | grep -v 'asc$')"; }
build 'Python-3.13*/' "$src/python-3.13t/bin/python3.13t" "./configure --quiet --disable-gil --prefix=$src/python-3.13t && make -s -j$jobs && make -s install"
