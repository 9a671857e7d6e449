#!/bin/sh
# Makes a Debian package of the static binary: one file for every release of Debian and Ubuntu, no dependencies.
# Equal inputs give equal bytes.  Usage: build.sh BINARY VERSION OUTPUT-DIR     Knobs: DEBFULLNAME, DEBEMAIL
set -eu
binary=$1 version=$2 out=$3
cd "$(dirname "$0")/../.."
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 1767225600)}
export SOURCE_DATE_EPOCH
maintainer="${DEBFULLNAME:-The hangdog authors} <${DEBEMAIL:-hangdog@users.noreply.github.com}>"
case $(uname -m) in
x86_64) arch=amd64 ;;
aarch64) arch=arm64 ;;
*) echo "deb: no name for the architecture $(uname -m)" >&2; exit 1 ;;
esac

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
doc=$root/usr/share/doc/hangdog
put() { # FILE PLACE
	install -D -m 644 "$1" "$root/usr/share/$2"
}
install -D -m 755 "$binary" "$root/usr/bin/hangdog"
put docs/man/hangdog.1 man/man1/hangdog.1
put contrib/completion/hangdog.bash bash-completion/completions/hangdog
put contrib/completion/_hangdog zsh/vendor-completions/_hangdog
put contrib/completion/hangdog.fish fish/vendor_completions.d/hangdog.fish
for file in README.md docs/*.md; do
	put "$file" "doc/hangdog/$(basename "$file")"
done
if [ -d docs/guide ]; then
	for file in docs/guide/*.md; do
		put "$file" "doc/hangdog/guide/$(basename "$file")"
	done
fi
{
	echo "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/"
	echo "Upstream-Name: hangdog"
	echo
	echo "Files: *"
	echo "Copyright: $(sed -n 's/^Copyright (c) //p' LICENSE)"
	echo "License: Expat"
	# The text without its title and copyright line, indented; an empty line is a dot.
	sed -e '1,/^Copyright/d' LICENSE | sed -e '/./,$!d' -e 's/^$/./' -e 's/^/ /'
} >"$doc/copyright"
{
	echo "hangdog ($version) unstable; urgency=medium"
	echo
	echo "  * Static binary for every release; see NEWS.md for what is new."
	echo
	echo " -- $maintainer  $(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")"
} >"$doc/changelog"
gzip -9n "$doc/changelog" "$root/usr/share/man/man1/hangdog.1"
mkdir -p "$root/usr/share/lintian/overrides" "$root/DEBIAN"
cat >"$root/usr/share/lintian/overrides/hangdog" <<-'END'
	# On purpose: one binary for every release, and it must not need the libraries of the machine that hangs.
	hangdog: statically-linked-binary [usr/bin/hangdog]
	hangdog: embedded-library *
	hangdog: shared-library-lacks-prerequisites [usr/bin/hangdog]
END
cat >"$root/DEBIAN/control" <<-END
	Package: hangdog
	Version: $version
	Architecture: $arch
	Maintainer: $maintainer
	Installed-Size: $(du -sk --apparent-size "$root" | cut -f1)
	Section: devel
	Priority: optional
	Description: deadlock watchdog for running programs
	 Guards a program and all its descendants, or looks at running ones. It proves
	 from kernel facts that a thread can never go on, explains which lock or pipe
	 it waits for and who held it, and can end, heal or restart what hangs.
	 .
	 It never needs a changed program, and a program that works is left alone.
END
(cd "$root" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum >DEBIAN/md5sums)
find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
mkdir -p "$out"
dpkg-deb --root-owner-group -Zxz --build "$root" "$out/hangdog_${version}_$arch.deb" >/dev/null
echo "$out/hangdog_${version}_$arch.deb"
