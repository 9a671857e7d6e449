# EXPECT: verdict=deadlock cause=wait-cycle certainty=proven scope=process
# SIGHT: all
# Waits for a cat without closing its input.
import subprocess

import fixture


fixture.begin()
child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, preexec_fn=fixture.begin)
child.wait()
