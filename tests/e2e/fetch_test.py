"""Values travel: put on one node, fetched from another, whole and verified."""

import json
import os
import random
import signal
import unittest

from cluster import PATIENCE, Case, eventually, key_of


class Fetching(Case):
    def test_R1_R36_values_of_all_sizes_are_fetched_as_they_were_put(self):
        one, two, three = self.mesh(3)
        chance = random.Random(7)
        sizes = [0, 1, 31, 32, 33, 1000, 8191, 8192, 8193, 32768, 65536, 65537, 300_000,
                 1 << 20, 4 << 20]
        values = [chance.randbytes(size) for size in sizes]
        keys = [(one if i % 2 else two).put(value) for i, value in enumerate(values)]
        folder = self.folder / "out"
        folder.mkdir()
        three.run("fetch", *keys, "-o", folder)
        for key, value in zip(keys, values):
            self.assertEqual((folder / key).read_bytes(), value)
        self.assertEqual(sorted(os.listdir(folder)), sorted(set(keys)))

    def test_R2_many_keys_in_one_command(self):
        one, two = self.mesh(2)
        files = []
        for i in range(300):
            files.append(self.folder / f"file{i}")
            files[-1].write_bytes(f"value {i}".encode() * (i + 1))
        printed = one.run("put", *files).stdout.splitlines()
        keys = [line.split()[0] for line in printed]
        self.assertEqual(keys, [key_of(file.read_bytes()) for file in files])
        folder = self.folder / "out"
        folder.mkdir()
        two.run("fetch", *keys, "-o", folder)
        for key, file in zip(keys, files):
            self.assertEqual((folder / key).read_bytes(), file.read_bytes())

    def test_N13_a_value_of_the_node_itself_needs_no_peer(self):
        alone = self.node("alone").start()
        key = alone.put(b"mine")
        self.assertEqual(alone.run("fetch", key).stdout, "mine")

    def test_R10_N15_a_fetch_that_nobody_can_answer_waits_says_why_and_resolves_after_a_put(self):
        one, two = self.mesh(2)
        value = b"not there yet"
        key = key_of(value)
        fetch = two.popen("fetch", key)
        info = eventually(lambda: two.fetches().get(key), what="the fetch in status")
        self.assertIn(info["state"], ("pending", "active", "looking"))
        info = eventually(lambda: (f := two.fetches()[key])["waits_for"] == "have" and f,
                          what="waiting for who gets it")
        self.assertTrue(info["detail"])
        one.put(value)
        self.assertEqual(fetch.communicate(timeout=8 * PATIENCE)[0], value)
        self.assertEqual(fetch.returncode, 0)
        self.assertEqual(two.fetches(), {})

    def test_N13_a_put_resolves_a_pending_fetch_of_its_key_on_the_same_node(self):
        alone = self.node("alone").start()
        key = key_of(b"later")
        fetch = alone.popen("fetch", key)
        eventually(lambda: key in alone.fetches(), what="the fetch in status")
        alone.put(b"later")
        self.assertEqual(fetch.communicate(timeout=5 * PATIENCE)[0], b"later")

    def test_R23_ctrl_c_withdraws(self):
        alone = self.node("alone").start()
        key = key_of(b"never")
        fetch = alone.popen("fetch", key)
        eventually(lambda: key in alone.fetches(), what="the fetch in status")
        fetch.send_signal(signal.SIGINT)
        _, said = fetch.communicate(timeout=5 * PATIENCE)
        self.assertEqual(fetch.returncode, 130, said)
        eventually(lambda: key not in alone.fetches(), within=1, what="the fetch withdrawn")

    def test_R23_a_killed_client_is_noticed_within_a_second(self):
        alone = self.node("alone").start()
        key = key_of(b"never")
        fetch = alone.popen("fetch", key)
        eventually(lambda: key in alone.fetches(), what="the fetch in status")
        fetch.kill()
        fetch.communicate()
        eventually(lambda: key not in alone.fetches(), within=1.2, what="the fetch ended")

    def test_R20_cancel_ends_a_fetch_for_everybody(self):
        alone = self.node("alone").start()
        key = key_of(b"never")
        fetches = [alone.popen("fetch", key, "--json") for _ in range(2)]
        eventually(lambda: alone.fetches().get(key, {}).get("subscribers") == 2,
                   what="two subscribers of one fetch")
        alone.run("cancel", key)
        for fetch in fetches:
            out, _ = fetch.communicate(timeout=5 * PATIENCE)
            self.assertEqual(fetch.returncode, 1)
            self.assertIn("cancelled", out.decode())
        self.assertEqual(alone.fetches(), {})

    def test_R13_R15_a_targeted_fetch_asks_nobody_else_until_its_targets_are_cleared(self):
        one, two, three = self.mesh(3)
        key = one.put(b"only node1 has it")
        targeted = three.popen("fetch", key, "--target", two.name)
        eventually(lambda: three.fetches().get(key, {}).get("waits_for") == "have",
                   what="the target answered no data")
        self.assertEqual(three.peers()["node1"]["asked"], 0)
        self.assertEqual(three.run("fetch", key).stdout, "only node1 has it")
        self.assertEqual(targeted.communicate(timeout=5 * PATIENCE)[0], b"only node1 has it")

    def test_keep_makes_the_asking_node_serve_the_value_on(self):
        one, two = self.mesh(2)
        key = one.put(b"passed on")
        two.run("fetch", key, "--keep")
        one.stop()
        eventually(lambda: two.run("fetch", key).stdout == "passed on", what="served by itself")


class Workers(Case):
    def test_N17_what_is_put_goes_to_the_storage_that_is_named_or_nowhere(self):
        alone = self.node("alone", "--keep-in", "archive").start()
        put = alone.run("put", "-", stdin=b"value", check=False)
        self.assertEqual(put.returncode, 4)
        self.assertIn("no storage called archive is attached", put.stderr.decode())
        self.assertNotEqual(alone.run("fetch", key_of(b"value"), "--deadline", "300ms",
                                      check=False).returncode, 0)

    def test_N6_without_a_verifier_a_value_waits_and_status_says_so(self):
        one = self.node("one")
        two = self.node("two", "--digest", "none")
        one.knows(two).start()
        two.knows(one).start().connected(1)
        key = one.put(b"unjudged")
        fetch = two.popen("fetch", key)
        info = eventually(lambda: (f := two.fetches().get(key, {})).get("waits_for") == "verifier"
                          and f, what="a value that waits")
        self.assertEqual(info["detail"], "a value is here, and no verifier is attached")
        self.assertIn("no verifier is attached", two.run("workers").stdout)
        self.assertEqual(two.peers()["one"]["invalid"], 0)
        fetch.kill()
        fetch.communicate()

    def test_the_workers_of_a_node_are_listed_with_what_they_do(self):
        alone = self.node("alone").start()
        alone.put(b"value")
        self.assertEqual(alone.run("workers").stdout.splitlines()[0].split()[:4],
                         ["WORKER", "NAME", "DOES", "KEYS"])
        workers = alone.json("workers")["workers"]
        self.assertEqual(sorted((w["role"], w["name"], w["looks_up"], w["keeps"]) for w in workers),
                         [("storage", "store", False, True), ("storage", "store", True, False),
                          ("verifier", "sha256", False, False)])
        for worker in workers:
            self.assertEqual(worker["keys"], [])
            self.assertFalse(worker["stalled"])
            self.assertEqual(worker["lost"], 0)
        done = {(w["role"], w["keeps"]): w["done"] for w in workers}
        self.assertEqual((done["verifier", False], done["storage", True]), (1, 1))


class Output(Case):
    def test_json_names_each_key_and_how_it_ended(self):
        one, two = self.mesh(2)
        key = one.put(b"hello")
        lines = two.run("fetch", key, "-o", self.folder / "hello", "--json").stdout.splitlines()
        said = [json.loads(line) for line in lines]
        self.assertEqual([(line["key"], line["result"]) for line in said], [(key, "resolved")])
        self.assertEqual((self.folder / "hello").read_bytes(), b"hello")


if __name__ == "__main__":
    unittest.main()
