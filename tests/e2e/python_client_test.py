"""The Python package with real nodes: its client does what the command line does, and its examples
serve."""

import asyncio
import os
import subprocess
import sys
import unittest

from cluster import eventually
from worker_case import KEY, PACKAGE, WorkerCase, quarry
from python_workers import key_of, value_of
from quarry import Client, Terminal
from quarry.words import AskResult, Why


class Examples(WorkerCase):
    """The examples of the package, as a person would start them."""

    def example(self, file, node, name, *words):
        return self.process(PACKAGE / "examples" / file, *words, "--home", node.home, node=node,
                            name=name)

    def sign(self, version, body):
        """The key and the record that signed_records.py makes."""
        made = subprocess.run(
            [sys.executable, "-B", PACKAGE / "examples" / "signed_records.py", "sign", "--secret",
             self.folder / "secret", "--name", "greeting", "--version", str(version)],
            input=body, capture_output=True, check=True, timeout=60,
            env=dict(os.environ, PYTHONPATH=str(PACKAGE)))
        return bytes.fromhex(made.stderr.decode()), made.stdout

    def test_signed_records_are_fetched_in_the_version_wanted_and_forged_ones_never(self):
        serving, asking = self.pair()
        for node in (serving, asking):
            self.example("signed_records.py", node, "signed-records", "serve")
        key, first = self.sign(1, b"hello")
        self.assertEqual(self.sign(2, b"hello again")[0], key)
        second = self.sign(2, b"hello again")[1]
        with Client(home=serving.home) as client:
            client.put(first, key)
            self.assertEqual(self.result(self.fetching(asking, key)), first)
            newer = self.fetching(asking, key, tag=b"from=2")
            with self.assertRaises(quarry.CallFailed) as caught:
                client.put(first[:-1] + b"!", key)
            self.assertEqual(caught.exception.reason, quarry.Reason.INVALID)
            self.assertFalse(newer.done())
            client.put(second, key)
        self.assertEqual(self.result(newer), second)
        self.assertEqual(self.peers(asking)["serving"].invalid, 0)

    def test_a_sqlite_file_serves_what_is_in_it_what_is_added_and_what_is_put(self):
        sys.path.insert(0, str(PACKAGE / "examples"))
        from sqlite_storage import SqliteStorage

        serving = self.node("serving", "--keep-in", "sqlite")
        asking = self.node("asking").knows(serving)
        serving.knows(asking).start()
        self.connected(asking.start())
        file = self.folder / "values.db"
        filled = SqliteStorage(str(file))
        filled.keep(key_of(0), value_of(0))
        self.example("sqlite_storage.py", serving, "sqlite", "--db", file)
        self.assertEqual(self.result(self.fetching(asking, key_of(0))), value_of(0))
        waiting = self.fetching(asking, key_of(1))
        filled.keep(key_of(1), value_of(1))
        self.assertEqual(self.result(waiting), value_of(1))
        with Client(home=serving.home) as client:
            client.put(value_of(2))
            self.assertEqual(filled.look_up(key_of(2)), value_of(2))
            self.assertEqual(self.result(self.fetching(asking, key_of(2))), value_of(2))
            listed = [(entry.key, entry.size) for entry in client.stored()]
            self.assertEqual(listed, sorted((key_of(i), len(value_of(i))) for i in range(3)))
            self.assertEqual(client.remove([key_of(1), KEY, key_of(2)]), 2)
            self.assertEqual([entry.key for entry in client.stored()], [key_of(0)])
        self.assertIsNone(filled.look_up(key_of(1)))


class Clients(WorkerCase):
    """What the command line does, the client does."""

    def test_a_client_fetches_puts_ends_and_tells(self):
        serving = self.node("serving")
        asking = self.node("asking").knows(serving)
        serving.knows(asking).start()
        self.connected(asking.start())
        with Client(home=serving.home) as client:
            key = client.put(b"hello")
            with self.assertRaises(quarry.CallFailed):
                client.put(b"hello", KEY)
        peer = self.peers(asking)["serving"].peer.peer
        with Client(home=asking.home) as client:
            self.assertEqual(client.welcome.digest, "sha256")
            self.assertEqual([*client.fetch_all([(key, [peer])], keep=True)],
                             [(key, b"hello", peer)])
            eventually(lambda: client.status([KEY]).counters["kept_total"] == 1, what="kept")
            self.assertEqual([*client.fetch_all([key])], [(key, b"hello", client.welcome.node)])
            self.assertEqual([*client.stored()], [quarry.StoredEntry(key, 5)])
            self.assertEqual([*client.stored(after=key)], [])
            self.assertEqual((client.remove([key, KEY]), [*client.stored()]), (1, []))
            self.assertEqual([*client.fetch_all([key])], [(key, b"hello", peer)])
            with self.assertRaises(quarry.NotFetched) as caught:
                client.fetch(KEY, local=False, priority=quarry.Class.URGENT, timeout=0.1)
            self.assertEqual(caught.exception.ended.how, Terminal.EXPIRED)
            ask = client.explain(key)[-1]
            self.assertEqual((ask.peer, ask.why, ask.result),
                             (peer, Why.ONLY, AskResult.ACCEPTED))
            self.assertEqual({ask.result for ask in client.explain(KEY)}, {AskResult.REMEMBERED})
            self.assertEqual({info.name for info in client.workers()}, {"sha256", "store"})
            self.assertEqual(client.status().node.name, "asking")

    def test_a_node_that_says_it_is_ready_has_its_own_verifier_and_storage(self):
        for name in ("one", "two", "three"):
            with Client(home=self.node(name).start().home) as client:
                self.assertEqual(sorted(info.name for info in client.workers()),
                                 ["sha256", "store", "store"])

    def test_R20_a_client_retains_by_each_predicate_and_its_negation(self):
        alone = self.node("alone").start()
        keys = [bytes([first]) + bytes(31) for first in range(4)]
        for predicate, kept in (
            ({"keys": keys[:1]}, {0}),
            ({"key_range": (keys[1], keys[2])}, {1, 2}),
            ({"prefix": b"\3"}, {3}),
            ({"tag": b"even"}, {0, 2}),
        ):
            for negated in (False, True):
                with self.subTest(predicate, negated=negated), Client(home=alone.home) as client:
                    waiting = {i: self.fetching(alone, key, tag=(b"even", b"odd")[i % 2])
                               for i, key in enumerate(keys)}
                    eventually(lambda: len(client.status().fetches) == 4, what="four fetches")
                    stay = {0, 1, 2, 3} - kept if negated else kept
                    ended = client.retain(**predicate, negated=negated)
                    self.assertEqual(ended, 4 - len(stay))
                    left = {fetch.key for fetch in client.status().fetches}
                    self.assertEqual(left, {keys[i] for i in stay})
                    self.assertEqual(client.clear(), len(stay))
                    self.assertEqual({self.result(each) for each in waiting.values()},
                                     {Terminal.CANCELLED})

    def test_R23_a_detached_fetch_outlives_its_client_and_another_ends_with_its_task(self):
        alone = self.node("alone").start()
        asyncio.run(self.ask_and_leave(alone))
        with Client(home=alone.home) as client:
            self.assertEqual([fetch.key for fetch in client.status().fetches], [KEY])
            self.assertEqual(client.cancel([KEY]), 1)

    async def ask_and_leave(self, alone):
        async with quarry.AsyncClient(home=alone.home) as client:
            tasks = [asyncio.create_task(client.fetch(KEY, detached=True)),
                     asyncio.create_task(client.fetch(key_of(1)))]
            while len((await client.status()).fetches) < 2:
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            while len((await client.status()).fetches) != 1:
                await asyncio.sleep(0)

    def test_an_operator_changes_the_peer_set(self):
        alone = self.node("alone").start()
        peers = [bytes([i + 1]) * 32 for i in range(3)]
        entries = [quarry.peer_entry(p, f"tcp://127.0.0.1:{9 + i}", name=f"p{i}")
                   for i, p in enumerate(peers)]
        with Client(home=alone.home) as client:
            self.assertEqual(client.set_peers(5, entries[:2]), 2)
            self.assertEqual(client.set_peers(5, []), 0)
            self.assertEqual(client.add_peer(peers[2], "tcp://127.0.0.1:9", name="p2"), 1)
            client.block_peer(peers[0], 60)
            client.remove_peer(peers[1])
            states = {info.peer.name: info.state for info in client.peers()}
            self.assertEqual(states, {"p0": quarry.PeerState.BLOCKED,
                                      "p2": quarry.PeerState.CONNECTING})
            client.unblock_peer(peers[0])
            self.assertEqual({info.blocked_ms for info in client.peers()}, {0})
            with self.assertRaises(quarry.CallFailed) as caught:
                client.remove_peer(peers[1])
            self.assertEqual(caught.exception.reason, quarry.Reason.UNKNOWN)

    def test_with_asyncio_the_same(self):
        asyncio.run(self.with_asyncio(self.node("alone").start()))

    async def with_asyncio(self, alone):
        async with quarry.AsyncClient(home=alone.home) as client:
            key = await client.put(b"hello")
            self.assertEqual(await client.fetch(key), b"hello")
            later = key_of(7)
            waiting = [asyncio.create_task(client.fetch(later)) for _ in range(2)]
            while [fetch.subscribers for fetch in (await client.status()).fetches] != [2]:
                await asyncio.sleep(0)
            self.assertEqual(await client.retain(keys=[later]), 0)
            await client.put(value_of(7))
            self.assertEqual(await asyncio.gather(*waiting), [value_of(7)] * 2)
            found = [each async for each in client.fetch_all([key, later])]
            self.assertEqual(sorted(each.value for each in found), [value_of(7), b"hello"])
            listed = [entry.key async for entry in client.stored()]
            self.assertEqual(listed, sorted([key, later]))
            self.assertEqual(await client.remove(listed), 2)
            self.assertEqual([entry async for entry in client.stored()], [])
            self.assertEqual((await client.clear(), await client.peers()), (0, []))
            self.assertEqual({info.name for info in await client.workers()}, {"sha256", "store"})


if __name__ == "__main__":
    unittest.main()
