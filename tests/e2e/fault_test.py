"""Peers lie and die, nodes are ended and killed: nothing is lost, and nobody honest is blamed."""

import random
import signal
import subprocess
import sys
import pathlib
import time
import unittest

from cluster import PATIENCE, Case, eventually, free_port, key_of

HERE = pathlib.Path(__file__).parent


class FaultyPeer:
    """A peer of tests/e2e/faulty_peer.py, known to nodes as any other."""

    def __init__(self, how, name):
        self.name, self.port = name, free_port()
        self.endpoint = f"tcp://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [sys.executable, HERE / "faulty_peer.py", str(self.port), "main", how],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.key = self.process.stdout.readline().decode().strip()

    def stop(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)
        self.process.stdout.close()


class Lies(Case):
    def faulty(self, how, name):
        peer = FaultyPeer(how, name)
        self.addCleanup(peer.stop)
        return peer

    def test_R29_a_liar_is_blocked_at_once_and_every_fetch_resolves_from_honest_peers(self):
        liar = self.faulty("lie", "liar")
        honest = [self.node(f"honest{i}").start() for i in range(2)]
        values = [f"value {i}".encode() for i in range(40)]
        keys = [node.put(value) for value in values for node in honest][::2]
        asker = self.node("asker").knows(liar, *honest)
        for node in honest:
            node.knows(asker)
            node.process.send_signal(signal.SIGHUP)
        asker.start().connected(3)
        folder = self.folder / "out"
        folder.mkdir()
        asker.run("fetch", *keys, "-o", folder)
        for key, value in zip(keys, values):
            self.assertEqual((folder / key).read_bytes(), value)
        peers = asker.peers()
        self.assertEqual(peers["liar"]["state"], "blocked")
        self.assertEqual([peers[n.name]["state"] for n in honest], ["connected"] * 2)
        self.assertGreater(peers["liar"]["blocked_ms"], 3_000_000)

        asker.run("peers", "unblock", "liar")
        self.assertNotEqual(asker.peers()["liar"]["state"], "blocked")

    def test_R7_R8_silence_no_data_and_overload_are_retried_elsewhere(self):
        peers = [self.faulty(how, how) for how in ("silent", "no_data", "overloaded")]
        honest = self.node("honest")
        asker = self.node("asker").knows(honest, *peers)
        honest.knows(asker).start()
        keys = [honest.put(f"value {i}".encode()) for i in range(20)]
        asker.start().connected(4)
        asker.run("fetch", *keys, "-o", self.folder)
        states = {name: peer["state"] for name, peer in asker.peers().items()}
        self.assertNotIn("blocked", states.values())

    def test_a_peer_whose_message_never_ends_does_not_grow_a_node(self):
        endless, honest = self.faulty("endless", "endless"), self.node("honest")
        asker = self.node("asker").knows(honest, endless)
        honest.knows(asker).start()
        keys = [honest.put(f"value {i}".encode()) for i in range(20)]
        asker.start().connected(2)
        before = asker.memory("VmRSS")
        asker.run("fetch", *keys, "-o", self.folder)
        eventually(lambda: "no whole message" in asker.log(), what="the connection is ended")
        # What a look of the watch may miss, not the gibibyte that was sent.
        self.assertLess(asker.memory("VmHWM") - before, 400 << 20)

    def test_R34_a_blocked_peer_is_not_served(self):
        one, two = self.mesh(2)
        key = one.put(b"not for you")
        one.run("peers", "block", two.name)
        fetch = two.popen("fetch", key)
        eventually(lambda: two.peers()["node1"]["state"] == "refusing" or
                   two.peers()["node1"]["state"] == "connecting", what="node1 refuses node2")
        self.assertIsNone(fetch.poll())
        one.run("peers", "unblock", two.name)
        self.assertEqual(fetch.communicate(timeout=15 * PATIENCE)[0], b"not for you")


class Ends(Case):
    def test_R39_a_node_ended_under_load_tells_its_clients_and_leaves_nothing(self):
        one, two = self.mesh(2)
        keys = [key_of(f"never {i}".encode()) for i in range(200)]
        clients = [two.popen("fetch", *keys, "-o", self.folder, "--json") for _ in range(3)]
        eventually(lambda: two.json("status")["counters"]["subscriptions"] == 600,
                   what="600 subscriptions")
        began = time.monotonic()
        self.assertEqual(two.stop(signal.SIGTERM), 0, two.log())
        self.assertLess(time.monotonic() - began, 2 * PATIENCE)
        for client in clients:
            out, _ = client.communicate(timeout=5 * PATIENCE)
            self.assertEqual(out.decode().count('"stopped"'), len(keys))
        self.assertEqual([p.name for p in (two.home / "run").iterdir() if p.name != "lock"], [])

    def test_a_killed_node_finds_its_store_and_its_peers_again(self):
        one, two = self.mesh(2)
        values = [random.Random(i).randbytes(1000 * i) for i in range(50)]
        keys = [one.put(value) for value in values]
        one.process.send_signal(signal.SIGKILL)
        one.process.wait()
        one.process = None
        fetch = two.popen("fetch", *keys, "-o", self.folder / "out")
        eventually(lambda: len(two.fetches()) == len(keys), what="all fetches waiting")
        one.start()
        _, said = fetch.communicate(timeout=20 * PATIENCE)
        self.assertEqual(fetch.returncode, 0, said)
        for key, value in zip(keys, values):
            self.assertEqual((self.folder / "out" / key).read_bytes(), value)

    def test_N10_blocks_and_scores_survive_a_kill_and_a_damaged_file_is_set_aside(self):
        one, two = self.mesh(2)
        two.run("fetch", one.put(b"measured"))
        two.run("peers", "block", "node1", "--for", "1h")
        two.process.send_signal(signal.SIGKILL)
        two.process.wait()
        two.process = None
        two.start()
        node1 = two.peers()["node1"]
        self.assertEqual(node1["state"], "blocked")
        self.assertGreater(node1["blocked_ms"], 3_500_000)
        self.assertGreater(node1["latency_us"], 0)
        self.assertEqual(two.stop(), 0)
        (two.home / "state" / "peers").write_bytes(bytes(range(256)))
        two.start().connected(1)
        self.assertIn("set aside", two.log())
        self.assertTrue((two.home / "state" / "peers.damaged").exists())

    def test_a_peer_that_dies_half_way_costs_no_fetch(self):
        one, two, three = self.mesh(3)
        values = [random.Random(i).randbytes(20_000) for i in range(200)]
        paths = []
        for i, value in enumerate(values):
            paths.append(self.folder / f"in{i}")
            paths[-1].write_bytes(value)
        keys = [line.split()[0] for line in one.run("put", *paths).stdout.splitlines()]
        two.run("put", *paths)
        fetch = three.popen("fetch", *keys, "-o", self.folder / "out")
        eventually(lambda: (self.folder / "out").is_dir() and
                   any((self.folder / "out").iterdir()), what="the first values")
        two.process.send_signal(signal.SIGKILL)
        two.process.wait()
        two.process = None
        _, said = fetch.communicate(timeout=30 * PATIENCE)
        self.assertEqual(fetch.returncode, 0, said)
        for key, value in zip(keys, values):
            self.assertEqual((self.folder / "out" / key).read_bytes(), value)


if __name__ == "__main__":
    unittest.main()
