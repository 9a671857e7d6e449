#!/bin/bash
# torchrun --no-python starts any command as a worker.  A dead worker (status 124) makes torchrun end its group and start it anew,
# --max-restarts times; the script must load its checkpoint itself, as always with torchrun.
# --standalone: this machine alone.  Several: RDZV="--nnodes 2 --rdzv-backend c10d --rdzv-endpoint HOST:29400".
# Without either, gloo's group does not come together again after a restart (seen with PyTorch 2.13).
# The workers of a DataLoader are descendants of the worker and are guarded with it.
set -eu
script=${1:?usage: train.sh SCRIPT [ARG...]}
shift
# shellcheck disable=SC2086 # a list of words, on purpose
exec torchrun ${RDZV---standalone} --nproc-per-node "${GPUS:-1}" --max-restarts "${RESTARTS:-3}" --no-python \
	hangdog run --on-hang kill --term-timeout 20 -- python3 "$script" "$@"
