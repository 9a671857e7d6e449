# EXPECT: verdict=none
# A pipeline of children, a child that keeps writing more than a pipe holds, and input that comes late.
import subprocess
import sys
import time

import fixture


fixture.begin()
slow = "import sys, time; time.sleep(.6); sys.stdout.write('x' * 1000000); time.sleep(.6)"
first = subprocess.Popen([sys.executable, "-c", slow], stdout=subprocess.PIPE)
second = subprocess.Popen(["wc", "-c"], stdin=first.stdout, stdout=subprocess.PIPE)
first.stdout.close()
assert second.communicate()[0].strip() == b"1000000" and first.wait() == 0
child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
time.sleep(0.6)
assert child.communicate(b"x" * 1000000)[0] == b"x" * 1000000
