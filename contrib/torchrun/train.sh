#!/bin/bash
# torchrun --no-python starts any command as a worker.  A dead worker (status 124) makes torchrun end its group and start it anew,
# --max-restarts times; the script must load its checkpoint itself, as always with torchrun.
# The workers of a DataLoader are descendants of the worker and are guarded with it.
set -eu
script=${1:?usage: train.sh SCRIPT [ARG...]}
shift
exec torchrun --nproc-per-node "${GPUS:-1}" --max-restarts "${RESTARTS:-3}" --no-python \
	hangdog run --quiet --on-hang kill --term-timeout 20 -- python3 "$script" "$@"
