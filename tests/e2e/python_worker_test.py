"""Verifiers and storages written in Python serve real nodes: whoever dies or fails, nothing is
lost, nobody waits and nobody is blamed.

How many is $QUARRY_FETCHES (10000) and, while no verifier is attached, $QUARRY_ANSWERS (100000).
"""

import collections
import concurrent.futures
import os
import pathlib
import sys
import threading
import unittest

from cluster import PATIENCE, calm, eventually
from worker_case import KEY, Asked, Shelf, WorkerCase, quarry
from python_workers import key_of
from quarry import Client, Terminal, Verdict, WaitsFor

FETCHES = int(os.environ.get("QUARRY_FETCHES", "10000"))
ANSWERS = int(os.environ.get("QUARRY_ANSWERS", "100000"))
SANITIZED = PATIENCE > 1
ROOM = 4096  # answers that a node has room for


class Dying(WorkerCase):
    def test_N6_a_verifier_killed_half_way_loses_nothing_and_blames_nobody(self):
        serving, asking = self.pair()
        self.worker("numbers", serving, FETCHES)
        half = FETCHES // 2
        first = self.worker("digests", asking, half)
        before = self.standing(asking)
        events = self.events(asking)
        keys = [key_of(number) for number in range(FETCHES)]
        events.fetch(keys, window=1024)
        events.until(lambda: len(events.delivered) >= half)
        self.attached(asking, lambda info: info.jobs > 0)
        first.kill()
        first.wait()
        self.detached(asking, "digests")
        self.assertEqual(len(events.delivered), half)
        self.worker("digests", asking)
        events.until(lambda: len(events.delivered) == FETCHES)
        events.settle()
        self.assertEqual(events.wrong, [])
        self.assertEqual(events.delivered, dict.fromkeys(keys, 1))
        self.assertEqual(self.standing(asking), before)
        counters = self.counters(asking)
        self.assertGreater(counters["verdicts_lost_total"], 0)
        self.assertEqual(counters["subscriptions_resolved_total"], FETCHES)
        self.assertEqual(counters["poison_total"], 0)

    def three_ask(self, serving):
        asking = [self.node(f"asking{i}").knows(serving) for i in range(3)]
        serving.knows(*asking).start()
        for node in asking:
            self.connected(node.start())
        return asking

    def test_R37_when_a_storage_is_killed_under_load_nobody_waits_for_a_timeout(self):
        serving, each = self.node("serving"), FETCHES // 3
        asking = self.three_ask(serving)
        storage = self.worker("numbers", serving, FETCHES)
        keys = [[key_of(i * each + n) for n in range(each)] for i in range(3)]
        events = [self.events(node) for node in asking]
        for client, wanted in zip(events, keys):
            client.fetch(wanted, window=64)
        reading = [self.pool.submit(client.until, lambda c=client: len(c.delivered) == each)
                   for client in events]
        eventually(lambda: all(len(client.delivered) > each // 10 for client in events),
                   60, "the first values")
        storage.kill()
        storage.wait()
        for node in asking:
            eventually(lambda: (c := self.counters(node))["requests_no_data_total"] > 0 and
                       c["requests_out"] == 0, what="no data, and nothing out")
        self.assertLess(max(len(client.delivered) for client in events), each)
        self.worker("numbers", serving, FETCHES)
        concurrent.futures.wait(reading)
        for client, read, wanted in zip(events, reading, keys):
            read.result()
            self.assertEqual((client.wrong, client.delivered), ([], dict.fromkeys(wanted, 1)))
        self.nobody_timed_out(asking)

    def test_R37_what_a_killed_storage_held_another_one_answers_at_once(self):
        serving = self.node("serving")
        asking = self.three_ask(serving)
        holding = self.worker("holds", serving)  # asked first: it attached first
        self.worker("numbers", serving, 300)
        events = [self.events(node) for node in asking]
        for i, client in enumerate(events):
            client.fetch([key_of(i * 100 + n) for n in range(100)])
            client.until(lambda: True)
        with Client(home=serving.home) as client:
            eventually(lambda: {w.name: w.jobs for w in client.workers()}["holds"] > 0,
                       what="look-ups in its hands")
        holding.kill()
        holding.wait()
        for client in events:
            client.until(lambda: len(client.delivered) == 100)
            self.assertEqual((client.wrong, set(client.delivered.values())), ([], {1}))
        self.nobody_timed_out(asking)

    def nobody_timed_out(self, asking):
        for node in asking if calm() else []:
            self.assertEqual(self.peers(node)["serving"].timed_out, 0)

    def full(self, client, keys):
        """How many answers are held, once no request is out nor goes out, and status says why."""
        before = client.status([KEY]).counters
        # A part of a busy node that does not answer in time is left out of its status.
        names = ("requests_out", "room_slots", "fetches_started_total")
        if [before.get(name) for name in names] != [0, 0, ANSWERS]:
            return None
        parts = [client.status(keys[i:i + 256]).fetches for i in range(0, len(keys), 256)]
        waits = collections.Counter(fetch.waits_for for part in parts for fetch in part)
        after = client.status([KEY]).counters
        held = after["answers_held"]
        said = waits == {WaitsFor.VERIFIER: held, WaitsFor.ROOM: ANSWERS - held}
        return said and after.get("requests_sent_total") == before["requests_sent_total"] and held

    def test_N8_answers_do_not_pile_up_while_no_verifier_is_attached(self):
        serving, asking = self.pair()
        self.worker("numbers", serving, ANSWERS)
        empty_mib = resident_mib(asking)
        events = self.events(asking)
        keys = [key_of(number) for number in range(ANSWERS)]
        events.fetch(keys)
        events.until(lambda: True)
        with Client(home=asking.home) as client:
            held = eventually(lambda: self.full(client, keys), 60, "all room used")
            self.assertLessEqual(held, ROOM)
        full_mib = resident_mib(asking)
        print(f"{ANSWERS} fetches, no verifier: {held} answers held, the node grew "
              f"from {empty_mib:.0f} MiB to {full_mib:.0f} MiB", file=sys.stderr)
        if not SANITIZED:
            self.assertLess(full_mib - empty_mib, 32 + ANSWERS * 512 / (1 << 20))
        self.worker("digests", asking)
        events.until(lambda: len(events.delivered) == ANSWERS)
        events.settle()
        self.assertEqual((events.wrong, events.delivered), ([], dict.fromkeys(keys, 1)))


def resident_mib(node):
    status = pathlib.Path(f"/proc/{node.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


class Verdicts(WorkerCase):
    def setUp(self):
        super().setUp()
        self.serving, self.asking = self.pair()
        self.shelf = self.attach(Shelf(), self.serving)
        self.verifier = self.attach(Asked(), self.asking)

    def two_wait(self):
        """Two subscribers of different tags wait for KEY, which the peer then has."""
        waiting = {tag: self.fetching(self.asking, KEY, tag=tag) for tag in (b"a", b"b")}
        self.subscribers(self.asking, KEY, 2)
        self.shelf.values[KEY] = b"value"
        return waiting

    def one_is_judged_and_another_joins(self):
        self.shelf.values[KEY] = b"value"
        first = self.fetching(self.asking, KEY, tag=b"first")
        job = self.verifier.next()
        self.assertEqual((job.value, job.subscribers), (b"value", [b"first"]))
        joined = self.fetching(self.asking, KEY, tag=b"joined")
        self.subscribers(self.asking, KEY, 2)
        return job, first, joined

    def credited(self):
        peer = self.peers(self.asking)["serving"]
        self.assertEqual((peer.state, peer.invalid), (quarry.PeerState.CONNECTED, 0))
        return peer.accepted

    def test_R27_complete_resolves_all_and_those_that_joined_get_the_same_bytes(self):
        job, first, joined = self.one_is_judged_and_another_joins()
        job.say(Verdict.complete())
        self.assertEqual(self.result(first), b"value")
        again = self.verifier.next()
        self.assertEqual((again.value, again.subscribers), (b"value", [b"joined"]))
        again.say(Verdict.complete())
        self.assertEqual(self.result(joined), b"value")
        self.assertEqual((self.shelf.look_ups, self.credited()), (1, 1))

    def test_R28_partial_resolves_whom_it_names_and_asks_again_for_the_rest(self):
        waiting = self.two_wait()
        job = self.verifier.next()
        self.assertEqual(sorted(job.subscribers), [b"a", b"b"])
        self.shelf.values[KEY] = b"better value"
        job.say(Verdict.partial([job.subscribers.index(b"b")]))
        self.assertEqual(self.result(waiting[b"b"]), b"value")
        self.assertFalse(waiting[b"a"].done())
        job = self.verifier.next()
        self.assertEqual((job.value, job.subscribers), (b"better value", [b"a"]))
        job.say(Verdict.complete())
        self.assertEqual(self.result(waiting[b"a"]), b"better value")
        self.assertEqual((self.shelf.look_ups, self.credited()), (2, 2))

    def test_R28_unresolved_asks_again_and_neither_credits_nor_blames(self):
        waiting = self.two_wait()
        self.verifier.next().say(Verdict.unresolved())
        job = self.verifier.next()
        self.assertEqual(self.credited(), 0)
        job.say(Verdict.complete())
        self.assertEqual([self.result(each) for each in waiting.values()], [b"value"] * 2)
        self.assertEqual((self.shelf.look_ups, self.credited()), (2, 1))

    def test_R30_ignored_ends_the_fetch_for_all(self):
        waiting = self.two_wait()
        self.verifier.next().say(Verdict.ignored())
        self.assertEqual([self.result(each) for each in waiting.values()], [Terminal.IGNORED] * 2)
        with Client(home=self.asking.home) as client:
            self.assertEqual(client.status().fetches, [])
        self.assertEqual(self.credited(), 0)

    def test_R30_withheld_retires_the_delivered_and_those_that_joined_get_the_same_bytes(self):
        job, first, joined = self.one_is_judged_and_another_joins()
        job.say(Verdict.withheld())
        self.assertEqual(self.result(first), Terminal.WITHHELD)
        again = self.verifier.next()
        self.assertEqual((again.value, again.subscribers), (b"value", [b"joined"]))
        again.say(Verdict.complete())
        self.assertEqual(self.result(joined), b"value")
        self.assertEqual(self.shelf.look_ups, 1)
        self.credited()

    def test_R29_invalid_on_a_redelivery_rejects_and_blocks_nobody(self):
        job, first, joined = self.one_is_judged_and_another_joins()
        job.say(Verdict.complete())
        self.verifier.next().say(Verdict.invalid())
        self.assertEqual(self.result(first), b"value")
        self.assertEqual(self.result(joined), Terminal.REJECTED)
        self.assertEqual((self.shelf.look_ups, self.credited()), (1, 1))

    def test_R29_invalid_blocks_the_peer(self):
        self.shelf.values[KEY] = b"a lie"
        waiting = self.fetching(self.asking, KEY)
        job = self.verifier.next()
        self.assertEqual(job.peer, self.peers(self.asking)["serving"].peer.peer)
        job.say(Verdict.invalid())
        eventually(lambda: self.peers(self.asking)["serving"].state is quarry.PeerState.BLOCKED,
                   what="a block")
        self.assertEqual(self.peers(self.asking)["serving"].invalid, 1)
        with Client(home=self.asking.home) as client:
            self.assertEqual(client.cancel([KEY]), 1)
        self.assertEqual(self.result(waiting), Terminal.CANCELLED)

    def test_N6_an_exception_is_a_lost_verdict_and_blames_nobody(self):
        self.shelf.values[KEY] = b"value"
        waiting = self.fetching(self.asking, KEY)
        for _ in range(2):
            self.verifier.next().fail()
        self.verifier.next().say(Verdict.complete())
        self.assertEqual(self.result(waiting), b"value")
        counters = self.counters(self.asking)
        self.assertEqual(counters["verdicts_lost_total"], 2)
        self.assertEqual(counters["poison_total"], 0)
        self.assertEqual((self.shelf.look_ups, self.credited()), (1, 1))

    def test_N6_a_value_that_loses_three_verdicts_is_set_aside_and_blames_nobody(self):
        self.shelf.values[KEY] = b"value"
        waiting = self.fetching(self.asking, KEY)
        for _ in range(3):
            self.verifier.next().fail()
        eventually(lambda: self.counters(self.asking)["poison_total"] == 1, what="poison")
        self.assertIn("is poison", self.asking.log())
        self.assertEqual(self.credited(), 0)
        # The same peer is good for other keys, also at the same verifier.
        other = bytes(32)
        self.shelf.values[other] = b"other"
        another = self.fetching(self.asking, other)
        self.verifier.next().say(Verdict.complete())
        self.assertEqual(self.result(another), b"other")
        self.assertFalse(waiting.done())
        with Client(home=self.asking.home) as client:
            client.clear()
        self.assertEqual(self.result(waiting), Terminal.CANCELLED)

    def test_a_verifier_is_given_only_the_keys_that_it_is_for(self):
        self.verifier.stop()
        self.detached(self.asking, "asked")
        low, high = Asked(), Asked()
        low.keys = (quarry.KeyRange(b"\x00", b"\x7f"),)
        high.keys = (quarry.KeyRange(b"\x80", b"\xff"),)
        for verifier in (low, high):
            self.attach(verifier, self.asking)
        for verifier, key in ((low, KEY), (high, b"\x80" * 32)):
            self.shelf.values[key] = b"value"
            waiting = self.fetching(self.asking, key)
            verifier.next().say(Verdict.complete())
            self.assertEqual(self.result(waiting), b"value")

    def test_who_claims_the_instance_of_another_worker_is_refused_and_counted(self):
        impostor = Asked()
        impostor.instance = self.verifier.instance
        before = self.counters(self.asking)["verifiers_refused_total"]
        thread = threading.Thread(target=impostor.run, kwargs={"home": self.asking.home})
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(impostor.stop)
        eventually(lambda: self.counters(self.asking)["verifiers_refused_total"] > before,
                   what="a refused verifier")
        self.assertIn("duplicate", self.asking.log())
        self.shelf.values[KEY] = b"value"
        waiting = self.fetching(self.asking, KEY)
        self.verifier.next().say(Verdict.complete())
        self.assertEqual(self.result(waiting), b"value")


if __name__ == "__main__":
    unittest.main()
