"""The control protocol: between a node and its clients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from quarry.codec import (
    U8,
    U32,
    U64,
    Direction,
    Id,
    Item,
    Key,
    KeyRange,
    Peer,
    Prefix,
    StoredEntry,
    Tag,
    Text,
    Value,
    check_ascending,
)
from quarry.errors import Unfit
from quarry.words import (
    AskResult,
    Class,
    FetchState,
    PeerRole,
    PeerState,
    Predicate,
    Reason,
    Standing,
    Terminal,
    WaitsFor,
    Why,
    WorkerRole,
)

PROTOCOL = 2


@dataclass(frozen=True, slots=True)
class PeerEntry(Item):
    """A peer of the set: its key, where it listens, its role, and a name for people."""

    peer: Peer
    endpoint: Text
    role: PeerRole
    name: Text


# From the client to the node.


@dataclass(frozen=True, slots=True)
class Hello(Item):
    agent: Text


@dataclass(frozen=True, slots=True)
class Fetch(Item):
    tag: Tag
    key: Key
    targets: tuple[Peer, ...]
    local: bool
    keep: bool
    detached: bool
    priority: Class
    deadline_ms: U32


@dataclass(frozen=True, slots=True)
class Withdraw(Item):
    tag: Tag
    key: Key


@dataclass(frozen=True, slots=True)
class Cancel(Item):
    call: Id
    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Clear(Item):
    call: Id


@dataclass(frozen=True, slots=True)
class Retain(Item):
    call: Id
    by: Predicate
    negated: bool
    keys: tuple[Key, ...]
    prefix: Prefix
    tag: Tag

    def check(self) -> None:
        if (
            (self.keys and self.by not in (Predicate.KEYS, Predicate.RANGE))
            or (self.prefix and self.by is not Predicate.PREFIX)
            or (self.tag and self.by is not Predicate.TAG)
        ):
            raise Unfit(Reason.MALFORMED, "a retain with what its predicate does not speak of")
        if self.by is Predicate.RANGE and (len(self.keys) != 2 or self.keys[0] > self.keys[1]):
            raise Unfit(Reason.MALFORMED, "a range is two keys, the first not above the last")


@dataclass(frozen=True, slots=True)
class Put(Item):
    call: Id
    key: Key
    value: Value


@dataclass(frozen=True, slots=True)
class Status(Item):
    call: Id
    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Pong(Item):
    nonce: U64


@dataclass(frozen=True, slots=True)
class Bye(Item):
    pass


@dataclass(frozen=True, slots=True)
class Remove(Item):
    call: Id
    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class PeerSet(Item):
    call: Id
    number: U64
    peers: tuple[PeerEntry, ...]


@dataclass(frozen=True, slots=True)
class PeerAdd(Item):
    call: Id
    peer: PeerEntry


@dataclass(frozen=True, slots=True)
class PeerRemove(Item):
    call: Id
    peer: Peer


@dataclass(frozen=True, slots=True)
class PeerBlock(Item):
    call: Id
    peer: Peer
    duration_ms: U64


@dataclass(frozen=True, slots=True)
class PeerUnblock(Item):
    call: Id
    peer: Peer


@dataclass(frozen=True, slots=True)
class PeerList(Item):
    call: Id


@dataclass(frozen=True, slots=True)
class StoredList(Item):
    call: Id
    after: Prefix


@dataclass(frozen=True, slots=True)
class Explain(Item):
    call: Id
    key: Key


# From the node to the client.


@dataclass(frozen=True, slots=True)
class Welcome(Item):
    ANNOUNCES_KEY_LENGTH: ClassVar[bool] = True

    node: Peer
    instance: Id
    network: Text
    key_length: U8
    max_value: U32
    digest: Text
    agent: Text


@dataclass(frozen=True, slots=True)
class Resolved(Item):
    tag: Tag
    key: Key
    peer: Peer
    value: Value


@dataclass(frozen=True, slots=True)
class Ended(Item):
    tag: Tag
    key: Key
    how: Terminal


@dataclass(frozen=True, slots=True)
class FetchRefused(Item):
    tag: Tag
    key: Key
    reason: Reason
    detail: Text


@dataclass(frozen=True, slots=True)
class NodeInfo(Item):
    call: Id
    node: Peer
    name: Text
    listen: Text
    uptime_ms: U64


@dataclass(frozen=True, slots=True)
class FetchInfo(Item):
    call: Id
    key: Key
    state: FetchState
    waits_for: WaitsFor
    detail: Text
    subscribers: U32
    requests: U32
    age_ms: U64
    next_ms: U64


@dataclass(frozen=True, slots=True)
class Ping(Item):
    nonce: U64


@dataclass(frozen=True, slots=True)
class Refused(Item):
    reason: Reason
    detail: Text


@dataclass(frozen=True, slots=True)
class PeerInfo(Item):
    call: Id
    peer: PeerEntry
    state: PeerState
    detail: Text
    blocked_ms: U64
    latency_us: U32
    median_us: U32
    p95_us: U32
    bytes_per_s: U64
    failing: U8
    left_alone_ms: U64
    in_flight: U32
    asked: U64
    accepted: U64
    no_data: U64
    timed_out: U64
    invalid: U64


@dataclass(frozen=True, slots=True)
class WorkerInfo(Item):
    call: Id
    role: WorkerRole
    name: Text
    instance: Id
    attached_ms: U64
    credit: U32
    jobs: U32
    done: U64
    lost: U64
    job_us: U32
    stalled: bool
    abilities: U8
    agent: Text
    keys: tuple[KeyRange, ...]


@dataclass(frozen=True, slots=True)
class Counter(Item):
    call: Id
    name: Text
    value: U64


@dataclass(frozen=True, slots=True)
class Done(Item):
    call: Id
    count: U64


@dataclass(frozen=True, slots=True)
class Failed(Item):
    call: Id
    reason: Reason
    detail: Text


@dataclass(frozen=True, slots=True)
class Stored(Item):
    call: Id
    entries: tuple[StoredEntry, ...]

    def check(self) -> None:
        check_ascending(self.entries)


@dataclass(frozen=True, slots=True)
class AskCandidate(Item):
    peer: Peer
    standing: Standing
    cost_us: U32


@dataclass(frozen=True, slots=True)
class AskInfo(Item):
    call: Id
    peer: Peer
    why: Why
    result: AskResult
    age_ms: U64
    took_us: U64
    in_set: U32
    available: U32
    tried: U32
    candidates: tuple[AskCandidate, ...]


FROM_CLIENT = Direction(
    "control.from_client",
    PROTOCOL,
    {
        1: Hello,
        2: Fetch,
        3: Withdraw,
        4: Cancel,
        5: Clear,
        6: Retain,
        7: Put,
        8: Status,
        9: Pong,
        10: Bye,
        11: Remove,
        64: PeerSet,
        65: PeerAdd,
        66: PeerRemove,
        67: PeerBlock,
        68: PeerUnblock,
        69: PeerList,
        70: StoredList,
        71: Explain,
    },
)
FROM_NODE = Direction(
    "control.from_node",
    PROTOCOL,
    {
        32: Welcome,
        33: Resolved,
        34: Ended,
        35: FetchRefused,
        36: NodeInfo,
        37: FetchInfo,
        38: Ping,
        39: Refused,
        72: PeerInfo,
        73: WorkerInfo,
        74: Counter,
        75: Done,
        76: Failed,
        77: Stored,
        78: AskInfo,
    },
)
