"""The tests that the package multiprocess (CPython's multiprocessing with dill) brings with it."""
import sys
import unittest

import multiprocess.tests.test_multiprocessing_fork as fork_tests


class Result(unittest.TextTestResult):
    def stopTest(self, test):
        super().stopTest(test)
        bad = [t for t, _ in self.failures + self.errors if t is test]
        print("\nresult", test.id(), "failed" if bad else "ok", flush=True)


if __name__ == "__main__":
    names = [f"multiprocess.tests.test_multiprocessing_fork.{part}" for part in ("test_manager", "test_misc", "test_processes", "test_threads")]
    suite = unittest.defaultTestLoader.loadTestsFromNames(names)
    sys.exit(not unittest.TextTestRunner(resultclass=Result).run(suite).wasSuccessful())
