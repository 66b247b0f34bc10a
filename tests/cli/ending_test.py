"""cancel, clear and retain: an operator's word ends fetches of everybody, and no others."""

import collections
import json
import threading
import unittest

import quarry
from cluster import PATIENCE, eventually, key_of
from shared import NOBODYS, NO_NODE, OK, SOME, USAGE, Shared


class Watcher(threading.Thread):
    """A client with subscriptions of one tag. Counts the terminal events of each."""

    def __init__(self, node, tag, keys):
        super().__init__(daemon=True)
        self.node, self.tag, self.keys = node, tag, keys
        self.events = collections.defaultdict(list)
        self.start()

    def run(self):
        keys = [bytes.fromhex(key) for key in self.keys]
        with quarry.Client(home=self.node.home, patience=None) as client:
            for fetched in client.fetch_all(keys, tag=self.tag.encode()):
                self.events[fetched.key.hex()].append(fetched.value)


class Ending(Shared):
    TAGS = ("red", "blue")

    def setUp(self):
        super().setUp()
        self.idle_now()
        self.keys = sorted(key_of(b"never %d" % i) for i in range(40))
        self.watchers = {tag: Watcher(self.node, tag, self.keys) for tag in self.TAGS}
        eventually(self.all_wait, what="all subscriptions")

    def all_wait(self):
        fetches = self.node.fetches().values()
        return len(fetches) == len(self.keys) and all(f["subscribers"] == 2 for f in fetches)

    def tearDown(self):
        self.node.run("clear")
        for tag, watcher in self.watchers.items():
            watcher.join(timeout=20 * PATIENCE)
            self.assertFalse(watcher.is_alive(), "not all subscriptions of this client ended")
            for key in self.keys:
                events = watcher.events[key]
                self.assertEqual(len(events), 1, f"terminal events of {tag} {key}")
                self.assertIn("cancelled", str(events[0]).lower())

    def ends(self, words, ended, tags=TAGS):
        """The command ends the subscriptions of these tags to these keys, and says how many."""
        by_tag = tags != self.TAGS
        count = len(ended) * (len(tags) if by_tag else 1)
        done = self.node.run(*words, "--json")
        self.assertEqual(json.loads(done.stdout), {"ended": count})
        for tag, watcher in self.watchers.items():
            expected = set(ended) if tag in tags else set()
            eventually(lambda: set(watcher.events) == expected, what=f"the ends of {tag}")
        left = {key for key in self.keys if key not in ended or tags != self.TAGS}
        self.assertEqual(set(self.node.fetches()), left)

    def outside(self, kept):
        return [key for key in self.keys if key not in kept]

    def test_R20_retain_by_keys(self):
        self.ends(["retain", "--keys", ",".join(self.keys[3:7])], self.outside(self.keys[3:7]))

    def test_R20_retain_not_by_keys(self):
        self.ends(["retain", "--not", "--keys", ",".join(self.keys[3:7])], self.keys[3:7])

    def test_R20_retain_by_range_with_both_ends(self):
        self.ends(["retain", "--range", f"{self.keys[5]},{self.keys[20]}"],
                  self.outside(self.keys[5:21]))

    def test_R20_retain_not_by_range(self):
        self.ends(["retain", "--range", f"{self.keys[5]},{self.keys[20]}", "--not"],
                  self.keys[5:21])

    def test_R20_retain_by_prefix(self):
        prefix = self.keys[8][:2]
        kept = [key for key in self.keys if key.startswith(prefix)]
        self.ends(["retain", "--prefix", prefix], self.outside(kept))

    def test_R20_retain_not_by_prefix(self):
        prefix = self.keys[8][:2]
        self.ends(["retain", "--prefix", prefix, "--not"],
                  [key for key in self.keys if key.startswith(prefix)])

    def test_R20_retain_by_tag_ends_the_other_tags_subscriptions_alone(self):
        self.ends(["retain", "--tag", "red"], self.keys, tags=("blue",))
        self.assertEqual({f["subscribers"] for f in self.node.fetches().values()}, {1})

    def test_R20_retain_not_by_tag(self):
        self.ends(["retain", "--tag", "red", "--not"], self.keys, tags=("red",))

    def test_R20_clear_ends_all(self):
        self.ends(["clear"], self.keys)
        self.assertEqual(self.node.run("clear").stdout, "0 fetches ended\n")

    def test_R20_cancel_ends_those_named(self):
        done = self.node.run("cancel", "--json", *self.keys[:2])
        self.assertEqual(json.loads(done.stdout), {"cancelled": 2})
        done = self.run_on(self.node, "cancel", self.keys[0], self.keys[2])
        self.assertEqual((done.returncode, done.stdout), (SOME, "1 fetch cancelled\n"))
        self.assertEqual(set(self.node.fetches()), set(self.keys[3:]))


class WrongInput(Shared):
    def test_what_is_to_be_kept_has_to_be_clear(self):
        for words, said in ((["retain"], "one of --keys"),
                            (["retain", "--tag", "a", "--prefix", "00"], "one of --keys"),
                            (["retain", "--range", NOBODYS], "range"),
                            (["retain", "--range", f"{'11' * 32},{NOBODYS}"], "range"),
                            (["retain", "--keys", "12"], "12"),
                            (["retain", "--prefix", "123"], "123"),
                            (["retain", "--tag", "x" * 65], "64"),
                            (["cancel"], "no key"), (["cancel", "zz"], "zz")):
            self.says(self.run_on(self.node, *words), USAGE, said)

    def test_nothing_in_progress_and_no_node(self):
        self.assertEqual(self.node.run("clear").stdout, "0 fetches ended\n")
        self.assertEqual(self.node.run("retain", "--tag", "x").stdout, "0 subscriptions ended\n")
        self.assertEqual(self.run_on(self.node, "cancel", NOBODYS).returncode, SOME)
        for words in (["clear"], ["retain", "--tag", "x"], ["cancel", NOBODYS]):
            self.says(self.run_on(self.idle, *words), NO_NODE, str(self.idle.home))


class InValidation(Shared):
    """A verifier that thinks for as long as the test wants."""

    COUNT = 2
    OPTIONS = ("--digest", "none")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.thinks = threading.Event()
        cls.thinks.set()
        thinks, judged = cls.thinks, []
        cls.judged = judged

        class Slow(quarry.Verifier):
            name = "slow"
            threads = 4

            def judge(self, key, value, peer, subscribers):
                judged.append(key.hex())
                thinks.wait(60)
                return quarry.Verdict.complete()

        for node in cls.nodes:
            worker = threading.Thread(target=Slow().run, kwargs={"home": node.home}, daemon=True)
            worker.start()
            eventually(lambda: any(w["role"] == "verifier" for w in node.json("status")["workers"]),
                       what="the verifier attached")

    def test_R21_cancel_ends_a_fetch_whose_value_is_being_judged(self):
        one, two = self.nodes
        key = "ab" * 32
        self.assertEqual(two.run("put", "--key", key, "-", stdin="slow").returncode, OK)
        self.thinks.clear()
        self.addCleanup(self.thinks.set)
        fetches = [one.popen("fetch", key, "--json") for _ in range(2)]
        eventually(lambda: one.fetches().get(key, {}).get("state") == "validating" and
                   one.fetches()[key]["subscribers"] == 2, what="validating, for two")
        self.assertEqual(one.run("cancel", key).stdout, "1 fetch cancelled\n")
        for fetch in fetches:
            out, _ = fetch.communicate(timeout=10 * PATIENCE)
            self.assertEqual([json.loads(line)["result"] for line in out.splitlines()],
                             ["cancelled"])
            self.assertEqual(fetch.returncode, SOME)
        self.assertNotIn(key, one.fetches())
        # The verdict that comes after all counts for the peer, and touches no fetch of the key.
        again = one.popen("fetch", key)
        self.thinks.set()
        self.assertEqual(again.communicate(timeout=20 * PATIENCE)[0], b"slow")
        eventually(lambda: one.peers()["node2"]["accepted"] == 2, what="both verdicts counted")


if __name__ == "__main__":
    unittest.main()
