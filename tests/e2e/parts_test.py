"""Any part of a node may die: its bridges, in processes of their own, are killed under load."""

import os
import pathlib
import random
import signal
import subprocess
import unittest

from cluster import PATIENCE, Case, eventually, key_of

VALUES = 300
KILLS = 4  # of each bridge


def value_of(number):
    return random.Random(number).randbytes(200 + 97 * number)


class Parts(Case):
    def node(self, name, *options):
        return super().node(name, *options, "--placement", "processes")

    def bridge(self, node, which):
        """The pid of a bridge that runs; it holds its lock as long as it lives."""
        def holder():
            text = (node.home / "run" / f"{which}.lock").read_text().strip()
            return int(text) if text and pathlib.Path(f"/proc/{text}/cmdline").exists() else None

        return eventually(holder, what=f"{node.name}'s {which} bridge")

    def kill_bridge(self, node, which):
        pid = self.bridge(node, which)
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: self.bridge(node, which) != pid, what=f"another {which} bridge")

    def settled(self, node):
        """All the built-in workers are attached again."""
        eventually(lambda: len(node.json("workers")["workers"]) == 3, what="three workers")

    def test_N14_bridges_killed_under_load_lose_no_fetch_and_no_put(self):
        one, two = self.mesh(2)
        values = {key_of(value): value for value in map(value_of, range(VALUES))}
        paths = []
        for key, value in values.items():
            paths.append(self.folder / f"in-{key}")
            paths[-1].write_bytes(value)
        half = len(paths) // 2
        one.run("put", *paths[:half])
        # Clients that ask for all, of which half is still to be put: by a put that goes on while
        # the bridges of both nodes die.
        asking = [two.popen("fetch", *values, "-o", self.folder / f"out{i}") for i in range(3)]
        eventually(lambda: any((self.folder / "out0").glob("*")), what="the first values")
        putting = one.popen("put", *paths[half:])
        for _ in range(KILLS):
            for node in (one, two):
                for which in ("consumer", "producer"):
                    self.kill_bridge(node, which)
        out, said = putting.communicate(timeout=60 * PATIENCE)
        self.assertEqual(putting.returncode, 0, said)
        self.assertEqual(len(out.splitlines()), len(paths) - half)
        for i, fetch in enumerate(asking):
            _, said = fetch.communicate(timeout=120 * PATIENCE)
            self.assertEqual(fetch.returncode, 0, said)
            for key, value in values.items():
                self.assertEqual((self.folder / f"out{i}" / key).read_bytes(), value)
        for node in (one, two):
            self.settled(node)
            self.assertEqual(node.fetches(), {})
            self.assertNotIn("blocked", [peer["state"] for peer in node.peers().values()])
            self.assertEqual(node.log().count("is started again"), 2 * KILLS)
            self.assertEqual(node.stop(), 0, node.log())
            self.assertEqual([p.name for p in (node.home / "run").iterdir()], ["lock"])

    def test_N14_a_fetch_waits_while_its_verifier_is_away_and_blames_nobody(self):
        one, two = self.mesh(2)
        key = one.put(b"judged later")
        pid = self.bridge(two, "consumer")
        os.kill(pid, signal.SIGSTOP)  # neither alive nor dead: nothing comes back
        fetch = two.popen("fetch", key)
        eventually(lambda: two.fetches().get(key, {}).get("state") == "validating",
                   what="a value that is out for judgement")
        os.kill(pid, signal.SIGKILL)
        self.assertEqual(fetch.communicate(timeout=20 * PATIENCE)[0], b"judged later")
        self.assertEqual(two.peers()["node1"]["invalid"], 0)

    def test_N14_a_producer_bridge_that_comes_back_knows_whom_to_serve_and_whom_not(self):
        one, two, three = self.mesh(3)
        key = one.put(b"not for node3")
        one.run("peers", "block", "node3")
        self.kill_bridge(one, "producer")
        self.settled(one)
        fetch = three.popen("fetch", key, "--target", "node1")
        self.assertEqual(two.run("fetch", key, within=20).stdout, "not for node3")
        self.assertIsNone(fetch.poll())
        one.run("peers", "unblock", "node3")
        self.assertEqual(fetch.communicate(timeout=30 * PATIENCE)[0], b"not for node3")

    def test_N14_a_node_that_is_killed_takes_its_bridges_along_and_comes_back_at_once(self):
        one, two = self.mesh(2)
        key = one.put(b"kept")
        pids = [self.bridge(one, which) for which in ("consumer", "producer")]
        one.process.send_signal(signal.SIGKILL)
        one.process.wait()
        one.process = None
        one.start()
        for pid in pids:
            eventually(lambda: not pathlib.Path(f"/proc/{pid}").exists(), within=1,
                       what=f"the end of {pid}")
        self.assertEqual(two.run("fetch", key, within=30).stdout, "kept")

    def test_a_port_that_is_taken_is_said_at_the_start(self):
        one = self.node("one").start()
        other = self.node("other")
        done = subprocess.run(
            other.command("node", "--listen", one.endpoint, "--placement", "processes"),
            capture_output=True, text=True, timeout=20 * PATIENCE)
        self.assertEqual(done.returncode, 6, done.stderr)
        self.assertIn(str(one.port), done.stderr.splitlines()[-1])
        self.assertEqual([p.name for p in (other.home / "run").iterdir()], ["lock"])

    def test_a_bridge_is_started_by_its_node_only(self):
        one = self.node("one")
        done = one.run("bridge", "consumer", check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--placement processes", done.stderr)


if __name__ == "__main__":
    unittest.main()
