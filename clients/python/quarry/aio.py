"""A client for asyncio: the same as quarry.client.Client, with await."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable
from time import monotonic
from types import TracebackType
from typing import Self, TypeVar

import zmq
import zmq.asyncio

from quarry import calls
from quarry.codec import StoredEntry
from quarry.errors import Ended, NotFetched, QuarryError
from quarry.home import endpoint as endpoint_of
from quarry.protocol import control
from quarry.session import TICK_S, CallResult, FetchResult, Session, Subscription
from quarry.words import Class, PeerRole

T = TypeVar("T")


class AsyncClient:
    """`async with AsyncClient(home=...) as client: await client.fetch(key)`, in any number of
    tasks at once. A task that is cancelled withdraws what it waits for. See quarry.Client."""

    def __init__(
        self,
        home: str | os.PathLike[str] | None = None,
        endpoint: str | None = None,
        network: str = "",
        patience: float | None = 10.0,
    ) -> None:
        self._endpoint = endpoint_of("control", home, endpoint)
        self._session = Session(network, patience)

    async def __aenter__(self) -> Self:
        self._socket = zmq.asyncio.Context.instance().socket(zmq.DEALER)
        self._socket.linger = 500
        self._changed = asyncio.Event()
        self._socket.connect(self._endpoint)
        self._session.greet(monotonic())
        self._reader = asyncio.create_task(self._read())
        try:
            while self._session.welcome is None:
                await self._changed.wait()
                self._changed.clear()
                if self._session.failure is not None:
                    raise self._session.failure
        except BaseException:
            await self._close(linger=0)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._session.leave()
        await self._flush()
        await self._close(linger=500)

    @property
    def welcome(self) -> control.Welcome:
        """What the node has said of itself and its network."""
        if self._session.welcome is None:
            raise QuarryError("not connected: use the client as a context manager")
        return self._session.welcome

    async def fetch(
        self,
        key: bytes,
        *,
        timeout: float | None = None,
        tag: bytes | None = None,
        targets: Iterable[calls.Peer] = (),
        local: bool = True,
        keep: bool = False,
        detached: bool = False,
        priority: Class = Class.NORMAL,
    ) -> bytes:
        """The value of a key, or NotFetched. Without a timeout the node tries until it has it.

        `targets`: ask nobody else. `local`: look into the node's own storages first. `keep`: keep
        the value there. `detached`: kept, too, and not withdrawn when nobody waits here any more.
        """
        wish = calls.wish(key, tag, targets, local, keep, detached, priority, timeout)
        future, subscription = self._subscribe(wish, tag is not None)
        try:
            await self._flush()
            result = await future
        finally:
            self._session.abandon(subscription)
            await self._flush()
        if isinstance(result, QuarryError):
            raise result
        if isinstance(result.value, Ended):
            raise NotFetched(key, result.value)
        return result.value

    async def fetch_all(
        self,
        keys: Iterable[calls.Ask],
        *,
        timeout: float | None = None,
        tag: bytes | None = None,
        targets: Iterable[calls.Peer] = (),
        local: bool = True,
        keep: bool = False,
        detached: bool = False,
        priority: Class = Class.NORMAL,
        window: int = 1024,
    ) -> AsyncIterator[calls.Fetched]:
        """Each key with its value, or how its fetch ended, as they come.

        A key may come as (key, targets), with targets of its own. At most `window` are outstanding,
        so `keys` may be endless. What is still outstanding when the iterator is closed is withdrawn
        unless it is detached. See fetch for the rest.
        """
        numbered, peers = enumerate(keys), tuple(targets)
        results: asyncio.Queue[FetchResult] = asyncio.Queue()
        waiting: dict[int, Subscription] = {}

        def begin(number: int, ask: calls.Ask) -> None:
            def then(result: FetchResult) -> None:
                waiting.pop(number, None)
                results.put_nowait(result)

            wish = calls.wish(ask, tag, peers, local, keep, detached, priority, timeout)
            waiting[number] = self._session.fetch(wish, tag is not None, monotonic(), then)

        try:
            more = True
            while more or waiting or not results.empty():
                while more and len(waiting) + results.qsize() < window:
                    next_one = next(numbered, None)
                    more = next_one is not None
                    if next_one is not None:
                        begin(*next_one)
                await self._flush()
                if waiting or not results.empty():
                    result = await results.get()
                    if isinstance(result, QuarryError):
                        raise result
                    yield result
        finally:
            for subscription in waiting.values():
                self._session.abandon(subscription)
            await self._flush()

    async def withdraw(self, keys: Iterable[bytes], tag: bytes | None = None) -> int:
        """Ends this client's own subscriptions to these keys, under this tag or any, as cancelled;
        others go on waiting. How many there were."""
        ended = self._session.withdraw(keys, tag)
        await self._flush()
        return ended

    async def put(self, value: bytes, key: bytes | None = None) -> bytes:
        """Has a value judged and kept; its key, which may be left out where keys are digests."""
        key = key if key is not None else calls.digest(self.welcome, value)
        await self._call(calls.put(key, value))
        return key

    async def stored(self, after: bytes = b"") -> AsyncIterator[StoredEntry]:
        """What the node's storage keeps: each key above `after`, in order, with its value's size.
        It is asked for page by page, as the iterator goes on."""
        while page := await self._call(calls.stored(after)):
            for entry in page:
                yield entry
            after = page[-1].key

    async def remove(self, keys: Iterable[bytes]) -> int:
        """Removes these keys' values from the node's storage. How many were there."""
        return sum([await self._call(calls.remove(part)) for part in calls.in_parts(keys)])

    async def cancel(self, keys: Iterable[bytes]) -> int:
        """Ends the fetches of these keys, for everybody."""
        return sum([await self._call(calls.cancel(part)) for part in calls.in_parts(keys)])

    async def clear(self) -> int:
        """Ends all fetches, for everybody."""
        return await self._call(calls.clear())

    async def retain(
        self,
        *,
        keys: Iterable[bytes] | None = None,
        key_range: tuple[bytes, bytes] | None = None,
        prefix: bytes | None = None,
        tag: bytes | None = None,
        negated: bool = False,
    ) -> int:
        """Ends, for everybody, what the one predicate given does not hold for (negated: does)."""
        return await self._call(calls.retain(keys, key_range, prefix, tag, negated))

    async def status(self, keys: Iterable[bytes] = ()) -> calls.Status:
        """What the node is doing: the fetches of these keys, or the oldest ones."""
        return await self._call(calls.status(keys))

    async def workers(self) -> list[control.WorkerInfo]:
        """The verifiers and storages attached."""
        return await self._call(calls.workers())

    async def explain(self, key: bytes) -> list[control.AskInfo]:
        return await self._call(calls.explain(key))

    async def peers(self) -> list[control.PeerInfo]:
        return await self._call(calls.peers())

    async def set_peers(self, number: int, entries: Iterable[control.PeerEntry]) -> int:
        """Replaces the peer set, if the number is above that of the last one. See peer_entry."""
        return await self._call(calls.set_peers(number, entries))

    async def add_peer(
        self,
        peer: calls.Peer,
        endpoint: str = "",
        role: PeerRole = PeerRole.PRIMARY,
        name: str = "",
    ) -> int:
        return await self._call(calls.add_peer(calls.peer_entry(peer, endpoint, role, name)))

    async def remove_peer(self, peer: calls.Peer) -> int:
        return await self._call(calls.remove_peer(peer))

    async def block_peer(self, peer: calls.Peer, seconds: float = 0) -> int:
        """0: for as long as a lie would."""
        return await self._call(calls.block_peer(peer, seconds))

    async def unblock_peer(self, peer: calls.Peer) -> int:
        return await self._call(calls.unblock_peer(peer))

    # Inside.

    def _subscribe(
        self, wish: control.Fetch, own_tag: bool
    ) -> tuple[asyncio.Future[FetchResult], Subscription]:
        future: asyncio.Future[FetchResult] = asyncio.get_running_loop().create_future()

        def then(result: FetchResult) -> None:
            if not future.done():
                future.set_result(result)

        return future, self._session.fetch(wish, own_tag, monotonic(), then)

    async def _call(self, request: calls.Request[T]) -> T:
        future: asyncio.Future[CallResult] = asyncio.get_running_loop().create_future()

        def then(result: CallResult) -> None:
            if not future.done():
                future.set_result(result)

        call = self._session.call(request.item, monotonic(), then)
        try:
            await self._flush()
            result = await future
        finally:
            self._session.forget(call)
        if isinstance(result, QuarryError):
            raise result
        return request.result(*result)

    async def _read(self) -> None:
        while True:
            await self._flush()
            if await self._socket.poll(int(TICK_S * 1000)):
                frames = await self._socket.recv_multipart()
                self._session.received(frames, monotonic())
            self._session.time_passed(monotonic())
            self._changed.set()

    async def _flush(self) -> None:
        # All are handed over before the first is awaited: so they keep their order among tasks.
        sent = [self._socket.send_multipart(each) for each in self._session.take_messages()]
        for each in sent:
            await each

    async def _close(self, linger: int) -> None:
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        self._socket.close(linger=linger)
