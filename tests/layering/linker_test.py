"""The linker's proof that a core needs no socket: the programs of the cores' tests link no libzmq.

$QUARRY_CORE_TESTS: those programs, separated by colons. $QUARRY_PROGRAM: one that does link it.
"""

import os
import subprocess
import unittest


def zmq_in(program):
    """What of ZeroMQ a program wants: libraries it is linked with, symbols it looks for."""
    libraries = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    symbols = subprocess.run(["nm", program], capture_output=True, text=True, check=True).stdout
    return ([line.strip() for line in libraries.splitlines() if "libzmq" in line]
            + [line.strip() for line in symbols.splitlines() if " zmq_" in line])


class Linker(unittest.TestCase):
    def test_the_cores_tests_link_no_libzmq(self):
        programs = [p for p in os.environ.get("QUARRY_CORE_TESTS", "").split(":") if p]
        self.assertGreaterEqual(len(programs), 5)
        for program in programs:
            self.assertEqual([], zmq_in(program), program)

    def test_the_proof_would_find_it(self):
        self.assertNotEqual([], zmq_in(os.environ["QUARRY_PROGRAM"]))


if __name__ == "__main__":
    unittest.main()
