# EXPECT: verdict=none
# NEEDS: bash
# Pipelines, here documents, a coprocess, a FIFO and background jobs, with pauses.
cd "$FIXTURE_DIR" || exit 99
mkfifo pipe
(sleep 0.4; echo line) >pipe &
read -r line <pipe
coproc { sleep 0.4; cat; }
echo x >&"${COPROC[1]}"
eval "exec ${COPROC[1]}>&-"
wait
{ sleep 0.4; seq 100000; } | sort -n | tail -1 | cat >last
[ "$(cat last)" = 100000 ] && [ "$line" = line ]
