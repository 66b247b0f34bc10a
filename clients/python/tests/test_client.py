"""What clients do with a node, blocking and with asyncio: fetches, calls, restarts, leaving."""

from __future__ import annotations

import asyncio
import logging
import unittest
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from typing import TypeVar
from unittest.mock import patch

from doors import (
    DEADLINE_MS,
    KEY,
    NODE,
    OTHER_KEY,
    PEER,
    Door,
    control_door,
    control_welcome,
)

from quarry import (
    AsyncClient,
    CallFailed,
    Class,
    Client,
    Ended,
    Fetched,
    NotFetched,
    PeerRole,
    Refused,
    StoredEntry,
    Unfit,
    Unreachable,
    peer_entry,
)
from quarry.calls import Ask
from quarry.codec import Item, fields_of
from quarry.protocol import control
from quarry.words import (
    AskResult,
    FetchState,
    PeerState,
    Predicate,
    Reason,
    Standing,
    Terminal,
    WaitsFor,
    Why,
    WorkerRole,
)

T = TypeVar("T")
DEADLINE_S = DEADLINE_MS / 1000


class ClientTest(unittest.TestCase):
    """The node is played in the test's thread, the client lives in another."""

    def setUp(self) -> None:
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)
        self.door: Door = self.enterContext(control_door())
        self.pool = self.enterContext(ThreadPoolExecutor(1))

    def connected(self, patience: float | None = 10.0) -> Client:
        client = Client(home=self.door.home, patience=patience)
        entered = self.pool.submit(client.__enter__)
        self.door.expect(control.Hello)
        self.door.say(control_welcome())
        entered.result(DEADLINE_S)
        self.addCleanup(client.__exit__, None, None, None)
        return client

    def starts(self, call: Callable[[], T]) -> Future[T]:
        return self.pool.submit(call)

    def resolve(self, fetch: control.Fetch, value: bytes = b"value") -> None:
        self.door.say(control.Resolved(fetch.tag, fetch.key, PEER, value))


class Fetching(ClientTest):
    def test_a_fetch_returns_the_value(self) -> None:
        client = self.connected()
        fetching = self.starts(lambda: client.fetch(KEY))
        fetch = self.door.expect(control.Fetch)
        wish = control.Fetch(b"", KEY, (), True, False, False, Class.NORMAL, 0)
        self.assertEqual(fetch, wish)
        self.resolve(fetch)
        self.assertEqual(fetching.result(DEADLINE_S), b"value")

    def test_a_fetch_says_what_is_wished(self) -> None:
        client = self.connected()
        fetching = self.starts(
            lambda: client.fetch(
                KEY,
                timeout=1.5,
                tag=b"tag",
                targets=[PEER],
                local=False,
                keep=True,
                detached=True,
                priority=Class.URGENT,
            )
        )
        fetch = self.door.expect(control.Fetch)
        wish = control.Fetch(b"tag", KEY, (PEER,), False, True, True, Class.URGENT, 1500)
        self.assertEqual(fetch, wish)
        self.resolve(fetch, b"")
        self.assertEqual(fetching.result(DEADLINE_S), b"")

    def test_a_fetch_that_ends_without_a_value_raises_how(self) -> None:
        client = self.connected()
        fetching = self.starts(lambda: client.fetch(KEY))
        self.door.expect(control.Fetch)
        self.door.say(control.Ended(b"", KEY, Terminal.WITHHELD))
        with self.assertRaises(NotFetched) as caught:
            fetching.result(DEADLINE_S)
        self.assertEqual(caught.exception.ended, Ended(Terminal.WITHHELD))
        fetching = self.starts(lambda: client.fetch(KEY))
        self.door.expect(control.Fetch)
        self.door.say(control.FetchRefused(b"", KEY, Reason.FULL, "full"))
        with self.assertRaises(NotFetched) as caught:
            fetching.result(DEADLINE_S)
        self.assertEqual(caught.exception.ended, Ended(Terminal.REFUSED, Reason.FULL, "full"))

    def test_pings_are_answered_while_it_waits(self) -> None:
        client = self.connected()
        fetching = self.starts(lambda: client.fetch(KEY))
        fetch = self.door.expect(control.Fetch)
        self.door.say(control.Ping(5))
        self.assertEqual(self.door.expect(control.Pong), control.Pong(5))
        self.resolve(fetch)
        fetching.result(DEADLINE_S)

    def test_a_fetch_that_is_interrupted_is_withdrawn(self) -> None:
        client = self.connected()
        with patch.object(client, "_drain", side_effect=KeyboardInterrupt):
            fetching = self.starts(lambda: client.fetch(KEY, tag=b"t"))
            self.door.expect(control.Fetch)
            with self.assertRaises(KeyboardInterrupt):
                fetching.result(DEADLINE_S)
        self.assertEqual(self.door.expect(control.Withdraw), control.Withdraw(b"t", KEY))
        # The late event of the first wish does not end the second.
        fetching = self.starts(lambda: client.fetch(KEY, tag=b"t"))
        self.door.expect(control.Fetch)
        self.door.say(control.Ended(b"t", KEY, Terminal.CANCELLED))
        self.door.say(control.Resolved(b"t", KEY, PEER, b"second"))
        self.assertEqual(fetching.result(DEADLINE_S), b"second")

    def test_a_key_of_another_length_is_never_sent(self) -> None:
        client = self.connected()
        with self.assertRaises(Unfit):
            client.fetch(b"short")

    def test_fetch_all_yields_each_key_as_it_comes(self) -> None:
        client = self.connected()
        keys = [bytes([n]) * 32 for n in range(5)]
        fetching = self.starts(lambda: list(client.fetch_all([*keys, keys[0]])))
        fetches = [self.door.expect(control.Fetch) for _ in range(6)]
        self.assertEqual(len({(fetch.tag, fetch.key) for fetch in fetches}), 6)
        for fetch in reversed(fetches[1:]):
            self.resolve(fetch, fetch.key[:1])
        self.door.say(control.Ended(fetches[0].tag, keys[0], Terminal.IGNORED))
        results = fetching.result(DEADLINE_S)
        self.assertEqual([each.key for each in results], [keys[0], *reversed(keys[1:]), keys[0]])
        self.assertEqual(results[-1], Fetched(keys[0], Ended(Terminal.IGNORED)))
        self.assertEqual(results[1], Fetched(keys[4], b"\4", PEER))

    def test_fetch_all_takes_targets_for_all_keys_and_for_each(self) -> None:
        client = self.connected()
        asks: list[Ask] = [KEY, (OTHER_KEY, [NODE, PEER])]
        fetching = self.starts(lambda: list(client.fetch_all(asks, targets=[PEER])))
        fetches = [self.door.expect(control.Fetch) for _ in asks]
        self.assertEqual([fetch.targets for fetch in fetches], [(PEER,), (NODE, PEER)])
        for fetch in fetches:
            self.resolve(fetch)
        self.assertEqual({each.key for each in fetching.result(DEADLINE_S)}, {KEY, OTHER_KEY})
        with self.assertRaises(ValueError):
            client.fetch(KEY, targets=["no key of a peer"])

    def test_fetch_all_keeps_to_its_window_and_withdraws_when_closed(self) -> None:
        client = self.connected()
        endless = (number.to_bytes(32) for number in range(1 << 60))
        iterator = iter(client.fetch_all(endless, window=3))
        first = self.starts(lambda: next(iterator))
        fetches = [self.door.expect(control.Fetch) for _ in range(3)]
        self.resolve(fetches[1])
        self.assertEqual(first.result(DEADLINE_S), (fetches[1].key, b"value", PEER))
        self.assertTrue(self.door.nothing_said())
        iterator.close()  # type: ignore[attr-defined]
        withdrawn = {self.door.expect(control.Withdraw).key for _ in range(2)}
        self.assertEqual(withdrawn, {fetches[0].key, fetches[2].key})

    def test_what_is_detached_stays_when_nobody_waits_for_it_any_more(self) -> None:
        client = self.connected()
        iterator = iter(client.fetch_all([KEY, OTHER_KEY], detached=True))
        first = self.starts(lambda: next(iterator))
        fetches = [self.door.expect(control.Fetch) for _ in range(2)]
        self.resolve(fetches[0])
        first.result(DEADLINE_S)
        iterator.close()  # type: ignore[attr-defined]
        asking = self.starts(client.clear)
        self.door.say(control.Done(self.door.expect(control.Clear).call, 0))
        asking.result(DEADLINE_S)
        self.assertEqual(client.withdraw([KEY, OTHER_KEY]), 1)
        self.assertEqual(self.door.expect(control.Withdraw).key, OTHER_KEY)

    def test_withdraw_ends_the_subscriptions_of_these_keys_and_this_tag(self) -> None:
        client = self.connected()
        keys = [KEY, OTHER_KEY, bytes([9]) * 32]
        iterator = iter(client.fetch_all(keys, tag=b"t"))
        first = self.starts(lambda: next(iterator))
        fetches = [self.door.expect(control.Fetch) for _ in keys]
        self.resolve(fetches[2])
        first.result(DEADLINE_S)
        self.assertEqual(client.withdraw([KEY], tag=b"another"), 0)
        self.assertEqual(client.withdraw([KEY], tag=b"t"), 1)
        self.assertEqual(self.door.expect(control.Withdraw), control.Withdraw(b"t", KEY))
        rest = self.starts(lambda: list(iterator))
        self.door.say(control.Ended(b"t", KEY, Terminal.CANCELLED))
        self.resolve(fetches[1])
        self.assertEqual(
            rest.result(DEADLINE_S),
            [(KEY, Ended(Terminal.CANCELLED), b""), (OTHER_KEY, b"value", PEER)],
        )

    def test_a_deadline_ends_a_fetch_though_the_node_forgets_to(self) -> None:
        with patch("quarry.session.GRACE_S", 0.0):
            client = self.connected()
            fetching = self.starts(lambda: client.fetch(KEY, timeout=0.01))
            self.door.expect(control.Fetch)
            with self.assertRaises(NotFetched) as caught:
                fetching.result(DEADLINE_S)
            self.assertEqual(caught.exception.ended.how, Terminal.EXPIRED)
            self.door.expect(control.Withdraw)


class Restarting(ClientTest):
    def test_a_node_that_knows_the_client_no_more_is_asked_again(self) -> None:
        client = self.connected()
        fetching = self.starts(lambda: client.fetch(KEY))
        self.door.expect(control.Fetch)
        unknown = control.Refused(Reason.UNKNOWN, "say hello first")
        self.door.say(unknown, unknown)
        self.door.expect(control.Hello)
        self.door.say(control_welcome(2))
        fetch = self.door.expect(control.Fetch)
        self.assertEqual(fetch.key, KEY)
        self.resolve(fetch)
        self.assertEqual(fetching.result(DEADLINE_S), b"value")

    def test_a_node_that_restarts_in_silence_is_asked_again(self) -> None:
        with patch("quarry.session.PROBE_S", 0.05):
            client = self.connected()
            putting = self.starts(lambda: client.put(b"value"))
            self.door.expect(control.Put)
            self.door.restart()
            self.door.expect(control.Hello)
            self.door.say(control_welcome(2))
            said = self.door.expect(Item)
            while isinstance(said, control.Hello):  # one for each time of silence
                said = self.door.expect(Item)
            assert isinstance(said, control.Put)
            self.door.say(control.Done(said.call, 1))
            self.assertEqual(putting.result(DEADLINE_S), sha256(b"value").digest())

    def test_a_node_that_is_not_there_is_unreachable(self) -> None:
        with self.assertRaises(Unreachable), Client(home="/nonexistent", patience=0.01):
            self.fail("connected to nothing")

    def test_a_node_that_falls_silent_is_unreachable(self) -> None:
        client = self.connected(patience=0.01)
        with self.assertRaises(Unreachable):
            self.starts(lambda: client.fetch(KEY)).result(DEADLINE_S)

    def test_a_node_of_another_network_or_version_is_no_node_of_ours(self) -> None:
        client = Client(home=self.door.home, network="test")
        entering = self.starts(client.__enter__)
        self.door.network.name = "test"
        self.door.expect(control.Hello)
        self.door.network.name = "main"
        self.door.say(control.Refused(Reason.NETWORK, "this network is called main"))
        with self.assertRaises(Refused) as caught:
            entering.result(DEADLINE_S)
        self.assertEqual(caught.exception.reason, Reason.NETWORK)

    def test_a_refused_client_raises_why_and_may_try_again(self) -> None:
        client = self.connected()
        fetching = self.starts(lambda: client.fetch(KEY))
        self.door.expect(control.Fetch)
        self.door.say(control.Refused(Reason.STOPPING, "bye"))
        with self.assertRaises(Refused):
            fetching.result(DEADLINE_S)
        fetching = self.starts(lambda: client.fetch(KEY))
        self.door.expect(control.Hello)
        fetch = self.door.expect(control.Fetch)
        self.door.say(control_welcome(2))
        again = self.door.expect(control.Fetch)
        self.assertEqual(fetch, again)
        self.resolve(again)
        self.assertEqual(fetching.result(DEADLINE_S), b"value")

    def test_leaving_says_bye(self) -> None:
        client = Client(endpoint=self.door.endpoint)
        entered = self.starts(client.__enter__)
        self.door.expect(control.Hello)
        self.door.say(control_welcome())
        entered.result(DEADLINE_S)
        self.starts(lambda: client.__exit__(None, None, None)).result(DEADLINE_S)
        self.door.expect(control.Bye)


class Calling(ClientTest):
    def test_put_takes_the_digest_for_the_key(self) -> None:
        client = self.connected()
        putting = self.starts(lambda: client.put(b"hello"))
        put = self.door.expect(control.Put)
        self.assertEqual((put.key, put.value), (sha256(b"hello").digest(), b"hello"))
        self.door.say(control.Done(put.call, 1))
        self.assertEqual(putting.result(DEADLINE_S), put.key)

    def test_put_under_a_key_that_fails_raises_why(self) -> None:
        client = self.connected()
        putting = self.starts(lambda: client.put(b"hello", KEY))
        put = self.door.expect(control.Put)
        self.assertEqual(put.key, KEY)
        self.door.say(control.Failed(put.call, Reason.INVALID, "not this key's value"))
        with self.assertRaises(CallFailed) as caught:
            putting.result(DEADLINE_S)
        self.assertEqual(caught.exception.reason, Reason.INVALID)

    def test_retain_goes_by_each_predicate(self) -> None:
        client = self.connected()
        cases: list[tuple[Callable[[], int], control.Retain]] = [
            (
                lambda: client.retain(keys=[KEY]),
                control.Retain(0, Predicate.KEYS, False, (KEY,), b"", b""),
            ),
            (
                lambda: client.retain(key_range=(OTHER_KEY, KEY), negated=True),
                control.Retain(0, Predicate.RANGE, True, (OTHER_KEY, KEY), b"", b""),
            ),
            (
                lambda: client.retain(prefix=b"ab"),
                control.Retain(0, Predicate.PREFIX, False, (), b"ab", b""),
            ),
            (
                lambda: client.retain(tag=b"", negated=True),
                control.Retain(0, Predicate.TAG, True, (), b"", b""),
            ),
        ]
        for call, expected in cases:
            retaining = self.starts(call)
            said = self.door.expect(control.Retain)
            self.assertEqual(without_call(said), without_call(expected))
            self.door.say(control.Done(said.call, 3))
            self.assertEqual(retaining.result(DEADLINE_S), 3)
        with self.assertRaises(ValueError):
            client.retain(keys=[KEY], tag=b"t")

    def test_cancel_of_many_keys_goes_in_several_calls(self) -> None:
        client = self.connected()
        cancelling = self.starts(lambda: client.cancel(n.to_bytes(32) for n in range(300)))
        for many in (256, 44):
            cancel = self.door.expect(control.Cancel)
            self.assertEqual(len(cancel.keys), many)
            self.door.say(control.Done(cancel.call, many))
        self.assertEqual(cancelling.result(DEADLINE_S), 300)

    def test_what_is_stored_comes_page_by_page(self) -> None:
        client = self.connected()
        pages = [[(1, 5), (2, 0)], [(7, 1)], []]
        listing = self.starts(lambda: [*client.stored()])
        after = b""
        for page in pages:
            said = self.door.expect(control.StoredList)
            self.assertEqual(said.after, after)
            entries = tuple(StoredEntry(number.to_bytes(32), size) for number, size in page)
            self.door.say(control.Stored(said.call, entries), control.Done(said.call, len(page)))
            after = entries[-1].key if entries else b""
        expected = [
            StoredEntry(number.to_bytes(32), size) for page in pages for number, size in page
        ]
        self.assertEqual(listing.result(DEADLINE_S), expected)

    def test_remove_counts_what_was_there_and_raises_what_failed(self) -> None:
        client = self.connected()
        removing = self.starts(lambda: client.remove([KEY, OTHER_KEY]))
        said = self.door.expect(control.Remove)
        self.assertEqual(said.keys, (KEY, OTHER_KEY))
        self.door.say(control.Done(said.call, 1))
        self.assertEqual(removing.result(DEADLINE_S), 1)
        removing = self.starts(lambda: client.remove([KEY]))
        call = self.door.expect(control.Remove).call
        self.door.say(control.Failed(call, Reason.UNAVAILABLE, "no storage"))
        with self.assertRaises(CallFailed) as caught:
            removing.result(DEADLINE_S)
        self.assertEqual(caught.exception.reason, Reason.UNAVAILABLE)

    def test_status_gathers_what_the_node_tells(self) -> None:
        client = self.connected()
        asking = self.starts(lambda: client.status([KEY]))
        call = self.door.expect(control.Status).call
        node = control.NodeInfo(call, NODE, "node1", "tcp://*:1", 5)
        info = control.FetchInfo(call, KEY, FetchState.PENDING, WaitsFor.RETRY, "", 1, 2, 3, 4)
        working = control.WorkerInfo(
            call, WorkerRole.VERIFIER, "w", 9, 1, 64, 0, 3, 0, 7, False, 0, "w/1", ()
        )
        self.door.say(node, control.Counter(call + 1, "of another call", 1))
        self.door.say(control.Counter(call, "puts", 8), info, working, control.Done(call, 1))
        status = asking.result(DEADLINE_S)
        self.assertEqual((status.node, status.fetches, status.workers), (node, [info], [working]))
        self.assertEqual(status.counters, {"puts": 8})
        listing = self.starts(client.workers)
        call = self.door.expect(control.Status).call
        self.door.say(node, replace(working, call=call), control.Done(call, 0))
        self.assertEqual(listing.result(DEADLINE_S), [replace(working, call=call)])

    def test_explain_tells_of_the_asks(self) -> None:
        client = self.connected()
        asking = self.starts(lambda: client.explain(KEY))
        said = self.door.expect(control.Explain)
        self.assertEqual(said.key, KEY)
        weighed = control.AskCandidate(PEER, Standing.CANDIDATE, 850)
        ask = control.AskInfo(
            said.call, PEER, Why.CHEAPEST, AskResult.NO_DATA, 500, 900, 2, 2, 0, (weighed,)
        )
        self.door.say(ask, control.Done(said.call, 1))
        self.assertEqual(asking.result(DEADLINE_S), [ask])

    def test_the_peer_set_is_read_and_changed(self) -> None:
        client = self.connected()
        z85 = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
        entry = peer_entry(z85, "tcp://h:1", PeerRole.SECONDARY, "n")
        self.assertEqual(len(entry.peer), 32)
        numbers = (0,) * 12
        listing = self.starts(client.peers)
        call = self.door.expect(control.PeerList).call
        info = control.PeerInfo(call, entry, PeerState.CONNECTED, "", 0, *numbers)
        self.door.say(info, control.Done(call, 1))
        self.assertEqual(listing.result(DEADLINE_S), [info])
        added = (z85, "tcp://h:1", PeerRole.SECONDARY, "n")
        changes: list[tuple[Callable[[], int], Item]] = [
            (lambda: client.add_peer(*added), control.PeerAdd(0, entry)),
            (lambda: client.set_peers(4, [entry]), control.PeerSet(0, 4, (entry,))),
            (lambda: client.remove_peer(PEER), control.PeerRemove(0, PEER)),
            (lambda: client.block_peer(PEER, 1.5), control.PeerBlock(0, PEER, 1500)),
            (lambda: client.unblock_peer(PEER), control.PeerUnblock(0, PEER)),
        ]
        for change, expected in changes:
            changing = self.starts(change)
            said = self.door.expect(type(expected))
            self.assertEqual(without_call(said), without_call(expected))
            self.door.say(control.Done(call_of(said), 1))
            self.assertEqual(changing.result(DEADLINE_S), 1)


class WithAsyncio(unittest.IsolatedAsyncioTestCase):
    """The node is played in a thread, the client lives in the test's loop."""

    async def asyncSetUp(self) -> None:
        self.door: Door = self.enterContext(control_door())
        self.pool = self.enterContext(ThreadPoolExecutor(1))

    async def plays(self, node: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.pool, node)

    async def connected(self) -> AsyncClient:
        def welcome() -> None:
            self.door.expect(control.Hello)
            self.door.say(control_welcome())

        client = AsyncClient(home=self.door.home)
        await asyncio.gather(client.__aenter__(), self.plays(welcome))
        self.addAsyncCleanup(client.__aexit__, None, None, None)
        return client

    def resolves(self, fetches: int) -> None:
        for _ in range(fetches):
            fetch = self.door.expect(control.Fetch)
            self.door.say(control.Resolved(fetch.tag, fetch.key, PEER, fetch.key))

    async def test_tasks_fetch_at_once_also_the_same_key(self) -> None:
        client = await self.connected()
        keys = [KEY, KEY, OTHER_KEY]
        fetches: list[Awaitable[bytes]] = [client.fetch(key) for key in keys]
        *values, _ = await asyncio.gather(*fetches, self.plays(lambda: self.resolves(3)))
        self.assertEqual(values, keys)

    async def test_a_task_that_is_cancelled_withdraws(self) -> None:
        client = await self.connected()
        fetching = asyncio.create_task(client.fetch(KEY, tag=b"t"))
        await self.plays(lambda: self.door.expect(control.Fetch))
        fetching.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await fetching
        withdrawn = await self.plays(lambda: self.door.expect(control.Withdraw))
        self.assertEqual(withdrawn, control.Withdraw(b"t", KEY))

    async def test_fetch_all_yields_what_comes_and_withdraws_the_rest(self) -> None:
        client = await self.connected()
        keys = [number.to_bytes(32) for number in range(40)]
        playing = asyncio.ensure_future(self.plays(lambda: self.resolves(40)))
        fetched = {key: value async for key, value, _ in client.fetch_all(keys, window=8)}
        await playing
        self.assertEqual(fetched, {key: key for key in keys})

    async def test_withdraw_ends_what_another_task_waits_for(self) -> None:
        client = await self.connected()
        fetching = asyncio.create_task(client.fetch(KEY))
        await self.plays(lambda: self.door.expect(control.Fetch))

        def node() -> None:
            withdrawn = self.door.expect(control.Withdraw)
            self.door.say(control.Ended(withdrawn.tag, withdrawn.key, Terminal.CANCELLED))

        self.assertEqual(await client.withdraw([KEY]), 1)
        await self.plays(node)
        with self.assertRaises(NotFetched) as caught:
            await fetching
        self.assertEqual(caught.exception.ended, Ended(Terminal.CANCELLED))

    async def test_what_is_stored_comes_page_by_page_and_goes(self) -> None:
        client = await self.connected()
        pages = [(StoredEntry(KEY, 5),), (StoredEntry(OTHER_KEY, 0),), ()]

        def node() -> None:
            for page in pages:
                call = self.door.expect(control.StoredList).call
                self.door.say(control.Stored(call, page), control.Done(call, len(page)))
            removed = self.door.expect(control.Remove)
            self.door.say(control.Done(removed.call, len(removed.keys)))

        playing = asyncio.ensure_future(self.plays(node))
        listed = [entry async for entry in client.stored()]
        self.assertEqual(listed, [entry for page in pages for entry in page])
        self.assertEqual(await client.remove(entry.key for entry in listed), 2)
        await playing

    async def test_calls_are_answered_or_fail(self) -> None:
        client = await self.connected()

        def node() -> None:
            put = self.door.expect(control.Put)
            self.door.say(control.Ping(1), control.Done(put.call, 1))
            self.door.expect(control.Pong)
            clear = self.door.expect(control.Clear)
            self.door.say(control.Failed(clear.call, Reason.STOPPING, "bye"))

        playing = asyncio.ensure_future(self.plays(node))
        self.assertEqual(await client.put(b"hello"), sha256(b"hello").digest())
        with self.assertRaises(CallFailed):
            await client.clear()
        await playing

    async def test_a_node_that_restarts_is_asked_again(self) -> None:
        client = await self.connected()

        def node() -> None:
            self.door.expect(control.Fetch)
            self.door.say(control.Refused(Reason.UNKNOWN, "say hello first"))
            self.door.expect(control.Hello)
            self.door.say(control_welcome(2))
            self.resolves(1)

        value, _ = await asyncio.gather(client.fetch(KEY), self.plays(node))
        self.assertEqual(value, KEY)

    async def test_a_node_that_is_not_there_is_unreachable(self) -> None:
        with self.assertRaises(Unreachable):
            async with AsyncClient(home="/nonexistent", patience=0.01):
                self.fail("connected to nothing")


def without_call(item: Item) -> list[object]:
    return [getattr(item, name) for name, _ in fields_of(type(item)) if name != "call"]


def call_of(item: Item) -> int:
    call: int = getattr(item, "call")  # noqa: B009
    return call


if __name__ == "__main__":
    unittest.main()
