# EXPECT: verdict=none
# subprocess.run with pipes and a slow command.
import subprocess

import fixture

fixture.begin()
assert subprocess.run("sleep 1; echo done", shell=True, capture_output=True, text=True).stdout == "done\n"
