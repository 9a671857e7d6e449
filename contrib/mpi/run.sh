#!/bin/bash
# hangdog sits between mpirun and the rank: streams, signals and status pass through.  Communication of ranks on one machine goes
# through shared memory and busy polling, which shows as running, not as a deadlock; what is found are ranks that are dead inside.
# --stall tells of a job in which nothing moves for ten minutes (a suspicion, not a proof, so it is only reported).
set -eu
[ $# -gt 0 ] || { echo "usage: run.sh COMMAND [ARG...]" >&2; exit 2; }
exec mpirun -n "${RANKS:-2}" hangdog run --on-hang kill --stall 600 -- "$@"
