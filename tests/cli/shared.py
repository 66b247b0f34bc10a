"""Nodes that all tests of a class share, so that a test costs a command and not a network."""

import pathlib
import shutil
import tempfile
import unittest

from cluster import Node, eventually

OK, SOME, USAGE, CONFIG, NO_NODE, REFUSED, IN_USE, IO = 0, 1, 2, 3, 4, 5, 6, 7
INTERRUPTED = 130
NOBODYS = "00" * 32  # a key that is the digest of nothing known


class Shared(unittest.TestCase):
    COUNT = 1
    OPTIONS = ()

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="quarry-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.nodes = [Node(cls.folder, f"node{i + 1}", *cls.OPTIONS) for i in range(cls.COUNT)]
        for node in cls.nodes:
            cls.addClassCleanup(node.stop)
            node.knows(*(other for other in cls.nodes if other is not node)).start()
        for node in cls.nodes:
            node.connected(cls.COUNT - 1)
        cls.home = pathlib.Path(cls.folder) / "idle"
        cls.idle = Node(cls.folder, "idle")  # a home on which no node runs

    def setUp(self):
        self.node = self.nodes[0]
        self.out = pathlib.Path(tempfile.mkdtemp(prefix="out-", dir=self.folder))

    def run_on(self, node, *words, **options):
        return node.run(*words, check=False, **options)

    def says(self, done, code, *words):
        """One line on stderr that holds all of these words, nothing on stdout, this exit code."""
        stderr = done.stderr if isinstance(done.stderr, str) else done.stderr.decode()
        self.assertEqual(done.returncode, code, stderr)
        self.assertEqual(len(stderr.splitlines()), 1, stderr)
        self.assertTrue(stderr.startswith("quarry: "), stderr)
        for word in words:
            self.assertIn(word, stderr)
        self.assertIn(done.stdout, ("", b""))

    def idle_now(self):
        eventually(lambda: not self.node.fetches(), what="no fetch left over")
