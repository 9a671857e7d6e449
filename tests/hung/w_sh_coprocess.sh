# EXPECT: verdict=deadlock cause=wait-cycle certainty=proven scope=process
# NEEDS: bash
# SIGHT: all
# bash waits for a cat that reads a pipe of which bash itself holds the other end.
trap '' CHLD
coproc cat
wait "$COPROC_PID"
