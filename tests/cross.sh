#!/usr/bin/env bash
# Runs the aarch64 build below $O under qemu: texts, and the decision of every recorded snapshot, which must be the one that is recorded.
# No ptrace there, so nothing is guarded.  CROSS_ROOT: where the arm64 libraries lie.
set -u
cd "$(dirname "$0")/.." || exit 1
triplet=aarch64-linux-gnu n=0
command -v qemu-aarch64-static >/dev/null || { echo "compiled, not run: no qemu-aarch64-static"; exit 0; }
hangdog() {
	qemu-aarch64-static -L /usr/$triplet -E LD_LIBRARY_PATH="$CROSS_ROOT/usr/lib/$triplet:$CROSS_ROOT/lib/$triplet:/usr/$triplet/lib" "$O/hangdog" "$@"
}
[ "$(hangdog --version)" = "hangdog $(cat VERSION)" ] || { echo "FAILED: --version under qemu"; exit 1; }
for snap in tests/data/snapshots/*.hds; do
	here=$("${HERE:-build}/hangdog" replay "$snap") there=$(hangdog replay "$snap")
	[ -n "$there" ] && [ "$here" = "$there" ] || { echo "FAILED: replay $snap differs on aarch64"; exit 1; }
	n=$((n + 1))
done
echo "qemu: $n recorded snapshots decided as on this machine"
