# EXPECT: verdict=deadlock cause=wait-cycle certainty=proven scope=process
# SIGHT: all
# wait() for a child whose output does not fit its pipe: what the manual of subprocess warns of.
import subprocess
import sys

import fixture


fixture.begin()
child = subprocess.Popen([sys.executable, "-c", "import fixture; fixture.begin(); print('x' * 1000000)"], stdout=subprocess.PIPE)
child.wait()
