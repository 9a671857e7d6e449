# EXPECT: verdict=deadlock cause=wait-cycle|no-waker certainty=proven scope=process
# NEEDS: dash
# SIGHT: all
# Two cats in a ring of FIFOs whose names are gone.
cd "$FIXTURE_DIR" || exit 99
mkfifo a b
exec 3<>a 4<>b
rm a b
cat <&3 >&4 &
cat <&4 >&3
