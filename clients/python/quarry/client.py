"""A client that blocks. Use it from one thread at a time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from time import monotonic
from types import TracebackType
from typing import Self, TypeVar

import zmq

from quarry import calls
from quarry.codec import Message, StoredEntry
from quarry.errors import Ended, NotFetched, QuarryError
from quarry.home import endpoint as endpoint_of
from quarry.protocol import control
from quarry.session import TICK_S, CallResult, FetchResult, Session, Subscription
from quarry.words import Class, PeerRole

T = TypeVar("T")


class Client:
    """A conversation with a node: `with Client(home=...) as client: client.fetch(key)`.

    Where the node is: its home, or the endpoint of its control door, or QUARRY_HOME. `network` may
    name the network that it must be of. A node that says nothing for `patience` seconds while it
    is waited for is Unreachable; None waits for ever. A node that restarts meanwhile is asked again
    for all that is outstanding.
    """

    def __init__(
        self,
        home: str | os.PathLike[str] | None = None,
        endpoint: str | None = None,
        network: str = "",
        patience: float | None = 10.0,
    ) -> None:
        self._endpoint = endpoint_of("control", home, endpoint)
        self._session = Session(network, patience)
        self._unsent: deque[Message] = deque()

    def __enter__(self) -> Self:
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        self._socket.linger = 500
        try:
            self._socket.connect(self._endpoint)
            self._session.greet(monotonic())
            self._wait(lambda: self._session.welcome is not None or self._session.failure)
            if self._session.failure is not None:
                raise self._session.failure
        except BaseException:
            self._socket.close(linger=0)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._session.leave()
        self._flush()
        self._socket.close()

    @property
    def welcome(self) -> control.Welcome:
        """What the node has said of itself and its network."""
        if self._session.welcome is None:
            raise QuarryError("not connected: use the client as a context manager")
        return self._session.welcome

    def fetch(
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
        results: list[FetchResult] = []
        subscription = self._session.fetch(wish, tag is not None, monotonic(), results.append)
        try:
            self._wait(lambda: results)
        except BaseException:  # Ctrl-C is one
            self._session.abandon(subscription)
            self._flush()
            raise
        result = results[0]
        if isinstance(result, QuarryError):
            raise result
        if isinstance(result.value, Ended):
            raise NotFetched(key, result.value)
        return result.value

    def fetch_all(
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
    ) -> Iterator[calls.Fetched]:
        """Each key with its value, or how its fetch ended, as they come.

        A key may come as (key, targets), with targets of its own. At most `window` are outstanding,
        so `keys` may be endless. What is still outstanding when the iterator is closed is withdrawn
        unless it is detached. See fetch for the rest.
        """
        numbered, peers = enumerate(keys), tuple(targets)
        results: deque[FetchResult] = deque()
        waiting: dict[int, Subscription] = {}

        def begin(number: int, ask: calls.Ask) -> None:
            def then(result: FetchResult) -> None:
                waiting.pop(number, None)
                results.append(result)

            wish = calls.wish(ask, tag, peers, local, keep, detached, priority, timeout)
            waiting[number] = self._session.fetch(wish, tag is not None, monotonic(), then)

        try:
            more = True
            while more or waiting or results:
                while more and len(waiting) + len(results) < window:
                    next_one = next(numbered, None)
                    more = next_one is not None
                    if next_one is not None:
                        begin(*next_one)
                self._wait(lambda: results or not waiting)
                while results:
                    result = results.popleft()
                    if isinstance(result, QuarryError):
                        raise result
                    yield result
        finally:
            for subscription in waiting.values():
                self._session.abandon(subscription)
            self._flush()

    def withdraw(self, keys: Iterable[bytes], tag: bytes | None = None) -> int:
        """Ends this client's own subscriptions to these keys, under this tag or any, as cancelled;
        others go on waiting. How many there were."""
        ended = self._session.withdraw(keys, tag)
        self._flush()
        return ended

    def put(self, value: bytes, key: bytes | None = None) -> bytes:
        """Has a value judged and kept; its key, which may be left out where keys are digests."""
        key = key if key is not None else calls.digest(self.welcome, value)
        self._call(calls.put(key, value))
        return key

    def stored(self, after: bytes = b"") -> Iterator[StoredEntry]:
        """What the node's storage keeps: each key above `after`, in order, with its value's size.
        It is asked for page by page, as the iterator goes on."""
        while page := self._call(calls.stored(after)):
            yield from page
            after = page[-1].key

    def remove(self, keys: Iterable[bytes]) -> int:
        """Removes these keys' values from the node's storage. How many were there."""
        return sum(self._call(calls.remove(part)) for part in calls.in_parts(keys))

    def cancel(self, keys: Iterable[bytes]) -> int:
        """Ends the fetches of these keys, for everybody."""
        return sum(self._call(calls.cancel(part)) for part in calls.in_parts(keys))

    def clear(self) -> int:
        """Ends all fetches, for everybody."""
        return self._call(calls.clear())

    def retain(
        self,
        *,
        keys: Iterable[bytes] | None = None,
        key_range: tuple[bytes, bytes] | None = None,
        prefix: bytes | None = None,
        tag: bytes | None = None,
        negated: bool = False,
    ) -> int:
        """Ends, for everybody, what the one predicate given does not hold for (negated: does)."""
        return self._call(calls.retain(keys, key_range, prefix, tag, negated))

    def status(self, keys: Iterable[bytes] = ()) -> calls.Status:
        """What the node is doing: the fetches of these keys, or the oldest ones."""
        return self._call(calls.status(keys))

    def workers(self) -> list[control.WorkerInfo]:
        """The verifiers and storages attached."""
        return self._call(calls.workers())

    def explain(self, key: bytes) -> list[control.AskInfo]:
        """Whom the node asked for this key, why, and what came of it, the oldest first."""
        return self._call(calls.explain(key))

    def peers(self) -> list[control.PeerInfo]:
        return self._call(calls.peers())

    def set_peers(self, number: int, entries: Iterable[control.PeerEntry]) -> int:
        """Replaces the peer set, if the number is above that of the last one. See peer_entry."""
        return self._call(calls.set_peers(number, entries))

    def add_peer(
        self,
        peer: calls.Peer,
        endpoint: str = "",
        role: PeerRole = PeerRole.PRIMARY,
        name: str = "",
    ) -> int:
        return self._call(calls.add_peer(calls.peer_entry(peer, endpoint, role, name)))

    def remove_peer(self, peer: calls.Peer) -> int:
        return self._call(calls.remove_peer(peer))

    def block_peer(self, peer: calls.Peer, seconds: float = 0) -> int:
        """0: for as long as a lie would."""
        return self._call(calls.block_peer(peer, seconds))

    def unblock_peer(self, peer: calls.Peer) -> int:
        return self._call(calls.unblock_peer(peer))

    # Inside.

    def _call(self, request: calls.Request[T]) -> T:
        results: list[CallResult] = []
        call = self._session.call(request.item, monotonic(), results.append)
        try:
            self._wait(lambda: results)
        except BaseException:
            self._session.forget(call)
            raise
        if isinstance(results[0], QuarryError):
            raise results[0]
        return request.result(*results[0])

    def _wait(self, finished: Callable[[], object]) -> None:
        self._session.listen(monotonic())
        while not finished():
            self._flush()
            events = zmq.POLLIN | (zmq.POLLOUT if self._unsent else 0)
            self._socket.poll(int(TICK_S * 1000), events)
            self._drain()
            self._session.time_passed(monotonic())
        self._flush()

    def _drain(self) -> None:
        while self._socket.poll(0):
            frames = self._socket.recv_multipart(zmq.NOBLOCK)
            self._session.received(frames, monotonic())

    def _flush(self) -> None:
        self._unsent.extend(self._session.take_messages())
        try:
            while self._unsent:
                self._socket.send_multipart(self._unsent[0], zmq.NOBLOCK)
                self._unsent.popleft()
        except zmq.Again:
            pass  # goes out when there is room
