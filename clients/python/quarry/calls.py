"""What a client may ask of a node besides fetching, and what comes of it: for both clients."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from zmq.utils import z85

from quarry.codec import MAX_KEYS, PEER_LENGTH, Item, StoredEntry
from quarry.errors import Ended
from quarry.protocol import control
from quarry.words import Class, PeerRole, Predicate

T = TypeVar("T")

Peer: TypeAlias = bytes | str  # a public key: its 32 bytes, or its text of 40 characters (Z85)
Ask: TypeAlias = bytes | tuple[bytes, Iterable[Peer]]  # a key, or a key and whom alone to ask


class Fetched(NamedTuple):
    """What came of a key: its value, and the peer that had it (the node itself, for its own); or
    how its fetch ended, and no peer."""

    key: bytes
    value: bytes | Ended
    peer: bytes = b""


@dataclass(frozen=True, slots=True)
class Request(Generic[T]):
    """One call: its item, given an id, and what its answers and the count of its `done` mean."""

    item: Callable[[int], Item]
    result: Callable[[list[Item], int], T]


@dataclass(frozen=True, slots=True)
class Status:
    """What a node is doing: of fetches those asked about, else the oldest."""

    node: control.NodeInfo
    fetches: list[control.FetchInfo]
    workers: list[control.WorkerInfo]
    counters: dict[str, int]


def peer_id(peer: Peer) -> bytes:
    try:
        key: bytes = peer if isinstance(peer, bytes) else z85.decode(peer.encode())
    except (ValueError, KeyError):
        key = b""
    if len(key) != PEER_LENGTH:
        raise ValueError(f"no public key of a peer: {peer!r}")
    return key


def peer_entry(
    peer: Peer, endpoint: str, role: PeerRole = PeerRole.PRIMARY, name: str = ""
) -> control.PeerEntry:
    return control.PeerEntry(peer_id(peer), endpoint, role, name)


def digest(welcome: control.Welcome, value: bytes) -> bytes:
    """The key of a value, in a network whose keys are digests."""
    if welcome.digest not in hashlib.algorithms_available:
        raise ValueError("this network's keys do not follow from the values: give the key")
    key = hashlib.new(welcome.digest, value).digest()
    if len(key) != welcome.key_length:
        raise ValueError(f"a {welcome.digest} has not {welcome.key_length} bytes: give the key")
    return key


def wish(
    ask: Ask,
    tag: bytes | None,
    targets: Iterable[Peer],
    local: bool,
    keep: bool,
    detached: bool,
    priority: Class,
    timeout: float | None,
) -> control.Fetch:
    key, asked = (ask, targets) if isinstance(ask, bytes) else ask
    deadline_ms = 0 if timeout is None else max(1, int(timeout * 1000))
    peers = tuple(map(peer_id, asked))
    return control.Fetch(tag or b"", key, peers, local, keep, detached, priority, deadline_ms)


def in_parts(keys: Iterable[bytes]) -> Iterator[tuple[bytes, ...]]:
    """Lists no longer than a message takes."""
    rest = iter(keys)
    while part := tuple(islice(rest, MAX_KEYS)):
        yield part


def _count(_: list[Item], count: int) -> int:
    return count


def cancel(keys: tuple[bytes, ...]) -> Request[int]:
    return Request(lambda call: control.Cancel(call, keys), _count)


def clear() -> Request[int]:
    return Request(control.Clear, _count)


def retain(
    keys: Iterable[bytes] | None,
    key_range: tuple[bytes, bytes] | None,
    prefix: bytes | None,
    tag: bytes | None,
    negated: bool,
) -> Request[int]:
    if sum(each is not None for each in (keys, key_range, prefix, tag)) != 1:
        raise ValueError("retain goes by one of keys, key_range, prefix, tag")
    by, named = Predicate.TAG, tuple[bytes, ...]()
    if keys is not None:
        by, named = Predicate.KEYS, tuple(keys)
    elif key_range is not None:
        by, named = Predicate.RANGE, key_range
    elif prefix is not None:
        by = Predicate.PREFIX
    return Request(
        lambda call: control.Retain(call, by, negated, named, prefix or b"", tag or b""), _count
    )


def put(key: bytes, value: bytes) -> Request[int]:
    return Request(lambda call: control.Put(call, key, value), _count)


def remove(keys: tuple[bytes, ...]) -> Request[int]:
    return Request(lambda call: control.Remove(call, keys), _count)


def stored(after: bytes) -> Request[list[StoredEntry]]:
    """A page of what is kept."""
    return Request(
        lambda call: control.StoredList(call, after),
        lambda answers, _: [
            entry for each in answers if isinstance(each, control.Stored) for entry in each.entries
        ],
    )


def status(keys: Iterable[bytes]) -> Request[Status]:
    named = tuple(keys)

    def result(answers: list[Item], _: int) -> Status:
        nodes = [each for each in answers if isinstance(each, control.NodeInfo)]
        return Status(
            node=nodes[0] if nodes else control.NodeInfo(0, bytes(32), "", "", 0),
            fetches=[each for each in answers if isinstance(each, control.FetchInfo)],
            workers=[each for each in answers if isinstance(each, control.WorkerInfo)],
            counters={
                each.name: each.value for each in answers if isinstance(each, control.Counter)
            },
        )

    return Request(lambda call: control.Status(call, named), result)


def workers() -> Request[list[control.WorkerInfo]]:
    asked = status(())
    return Request(asked.item, lambda answers, count: asked.result(answers, count).workers)


def explain(key: bytes) -> Request[list[control.AskInfo]]:
    return Request(
        lambda call: control.Explain(call, key),
        lambda answers, _: [each for each in answers if isinstance(each, control.AskInfo)],
    )


def peers() -> Request[list[control.PeerInfo]]:
    return Request(
        control.PeerList,
        lambda answers, _: [each for each in answers if isinstance(each, control.PeerInfo)],
    )


def set_peers(number: int, entries: Iterable[control.PeerEntry]) -> Request[int]:
    named = tuple(entries)
    return Request(lambda call: control.PeerSet(call, number, named), _count)


def add_peer(entry: control.PeerEntry) -> Request[int]:
    return Request(lambda call: control.PeerAdd(call, entry), _count)


def remove_peer(peer: Peer) -> Request[int]:
    return Request(lambda call: control.PeerRemove(call, peer_id(peer)), _count)


def block_peer(peer: Peer, seconds: float) -> Request[int]:
    duration_ms = int(seconds * 1000)
    return Request(lambda call: control.PeerBlock(call, peer_id(peer), duration_ms), _count)


def unblock_peer(peer: Peer) -> Request[int]:
    return Request(lambda call: control.PeerUnblock(call, peer_id(peer)), _count)
