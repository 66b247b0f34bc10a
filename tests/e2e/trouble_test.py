"""A testnet in trouble: links that are cut, slow and lossy, nodes that are paused, killed and
restarted. Nothing is lost, and nothing is left behind.

With $QUARRY_CONTAINERS its nodes are containers: skipped where no Docker engine answers, or the
program does not run in Debian 12.
"""

import hashlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
import unittest

from cluster import PATIENCE, QUARRY, containers, eventually, free_port


class Trouble(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="quarry-trouble-"))
        cls.net = cls.folder / "net"
        cls.world = []
        if os.environ.get("QUARRY_CONTAINERS"):
            cls.world, why = containers()
            if not cls.world:
                raise unittest.SkipTest(why)
        cls.run_testnet("up", "--nodes", 3, "--relayed", *cls.world)

    @classmethod
    def tearDownClass(cls):
        pids = [int((cls.net / part / "lock").read_text())
                for part in ("node1/run", "node2/run", "node3/run")]
        pids.append(int((cls.net / "relay.lock").read_text()))
        cls.run_testnet("down", "--purge")
        assert not cls.net.exists()
        # A node gives up its home before it is gone.
        eventually(lambda: not any(cls.runs(pid) for pid in pids), what="the end of all")
        if cls.world:
            left = subprocess.run(["docker", "ps", "--all", "--quiet", "--filter",
                                   f"label=quarry.testnet={cls.net}"],
                                  capture_output=True, text=True, check=True)
            assert left.stdout == "", left.stdout
        shutil.rmtree(cls.folder)

    @staticmethod
    def runs(pid):
        """Whether it is a process that nobody has only forgotten to reap."""
        try:
            return bool(pathlib.Path(f"/proc/{pid}/cmdline").read_bytes())
        except OSError:
            return False

    def tearDown(self):
        self.run_testnet("heal")
        self.run_testnet("up", "--nodes", 3)

    @classmethod
    def run_testnet(cls, *words, check=True):
        done = subprocess.run([QUARRY, "testnet", *map(str, words), "--dir", cls.net],
                              capture_output=True, text=True, timeout=60 * PATIENCE)
        if check and done.returncode != 0:
            raise AssertionError(f"{words} ended with {done.returncode}: {done.stderr}")
        return done

    def nodes(self, *words):
        said = self.run_testnet(*words, "--json").stdout
        return {node["name"]: node for node in json.loads(said)["nodes"]}

    def at(self, node, *words, stdin=None):
        return subprocess.run([QUARRY, *words, "--home", self.net / node], input=stdin, check=True,
                              capture_output=True, timeout=60 * PATIENCE).stdout

    def put(self, node):
        value = os.urandom(2000)
        self.at(node, "put", "-", stdin=value)
        return hashlib.sha256(value).hexdigest(), value

    def fetching(self, node, key):
        return subprocess.Popen([QUARRY, "fetch", key, "--home", self.net / node],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def got(self, fetch):
        return fetch.communicate(timeout=60 * PATIENCE)[0]

    def state(self, at, peer):
        peers = json.loads(self.at(at, "peers", "list", "--json"))["peers"]
        return next(p["state"] for p in peers if p["name"] == peer)

    def test_N14_a_fetch_waits_across_a_partition_and_goes_on_when_it_heals(self):
        self.run_testnet("partition", "node1", "node2,node3")
        key, value = self.put("node1")
        fetch = self.fetching("node3", key)
        eventually(lambda: self.state("node3", "node1") == "connecting", 30, "node1 is missed")
        self.assertEqual(self.state("node3", "node2"), "connected")
        self.assertIsNone(fetch.poll())
        self.run_testnet("heal")
        self.assertEqual(self.got(fetch), value)

    def test_what_goes_to_a_slow_node_and_comes_back_takes_the_delay_twice(self):
        self.run_testnet("slow", "node1", "300ms")
        key, value = self.put("node1")
        began = time.monotonic()
        self.assertEqual(self.at("node2", "fetch", key), value)
        self.assertGreaterEqual(time.monotonic() - began, 0.6)

    def test_where_packets_are_lost_all_values_come(self):
        self.run_testnet("loss", "node1", "20%")
        for key, value in [self.put("node1") for _ in range(10)]:
            self.assertEqual(self.at("node3", "fetch", key), value)

    def test_N14_a_node_that_is_killed_is_started_again_by_up_and_has_its_values(self):
        key, value = self.put("node1")
        self.run_testnet("kill", "node1")
        fetch = self.fetching("node2", key)
        running = {name: node["running"] for name, node in self.nodes("status").items()}
        self.assertEqual(running, {"node1": False, "node2": True, "node3": True})
        self.run_testnet("up", "--nodes", 3)
        self.assertEqual(self.got(fetch), value)

    def test_up_starts_what_has_ended_also_where_nobody_reaches_anybody(self):
        before = self.nodes("status")
        self.run_testnet("partition", "node1", "node2,node3")
        self.run_testnet("kill", "node1")
        self.run_testnet("pause", "node3")
        nodes = self.nodes("up", "--nodes", 3)
        self.assertTrue(nodes["node1"]["running"])
        self.assertEqual(nodes["node1"]["connected"], 0)
        self.assertEqual(nodes["node2"]["pid"], before["node2"]["pid"])
        self.run_testnet("resume", "node3")

    def test_a_paused_node_is_shown_and_a_restarted_one_is_another_process(self):
        self.run_testnet("pause", "node2")
        status = self.nodes("status")
        self.assertTrue(status["node2"]["running"])
        self.assertNotIn("connected", status["node2"])
        self.assertIn("does not answer", self.run_testnet("status").stdout)
        self.run_testnet("resume", "node2")
        self.run_testnet("restart", "node2")
        again = self.nodes("up", "--nodes", 3)
        self.assertNotEqual(again["node2"]["pid"], status["node2"]["pid"])
        self.assertEqual(again["node1"]["pid"], status["node1"]["pid"])
        log = self.run_testnet("logs", "node2").stdout
        self.assertGreater(log.count("the consumer bridge is attached"), 1)

    def test_wrong_input_is_told_in_one_line(self):
        for code, words in ((2, ("partition", "node1", "node9")), (2, ("slow", "node1", "long")),
                            (2, ("slow", "node1", "1h")), (2, ("loss", "node1", "5")),
                            (2, ("loss", "node1", "101%")), (2, ("kill", "node")),
                            (2, ("logs",)), (6, ("relay",))):
            done = self.run_testnet(*words, check=False)
            self.assertEqual((done.returncode, len(done.stderr.splitlines())), (code, 1), words)
        self.run_testnet("kill", "node3")
        done = self.run_testnet("pause", "node3", check=False)
        self.assertEqual((done.returncode, "quarry testnet up" in done.stderr), (4, True))


class Relay(unittest.TestCase):
    def test_a_relay_whose_testnet_was_removed_ends(self):
        with tempfile.TemporaryDirectory(prefix="quarry-relay-") as folder:
            links, port = pathlib.Path(folder, "links"), free_port()
            links.write_text(f"node1 node2 {port} 127.0.0.1:1 0 0 0\n")
            relay = subprocess.Popen([QUARRY, "testnet", "relay", "--dir", folder])
            self.addCleanup(relay.kill)
            eventually(lambda: self.answers(port))
            links.unlink()
            self.assertEqual(relay.wait(timeout=30 * PATIENCE), 0)

    @staticmethod
    def answers(port):
        with socket.socket() as at:
            return at.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    unittest.main()
