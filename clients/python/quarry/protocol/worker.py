"""The worker protocol: between a node and its verifiers and storages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from quarry.codec import (
    U8,
    U16,
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
from quarry.words import Outcome, Reason, WorkerRole

PROTOCOL = 3


# From the worker to the door.


@dataclass(frozen=True, slots=True)
class Hello(Item):
    role: WorkerRole
    instance: Id
    credit: U32
    abilities: U8
    name: Text
    agent: Text
    keys: tuple[KeyRange, ...] = ()

    def check(self) -> None:
        if not self.instance or not self.credit:
            raise Unfit(Reason.MALFORMED, "an instance or a credit of 0")


@dataclass(frozen=True, slots=True)
class Verdict(Item):
    job: Id
    outcome: Outcome
    satisfied: tuple[U16, ...]

    def check(self) -> None:
        if self.outcome is Outcome.LOST:
            raise Unfit(Reason.MALFORMED, "lost is not a verifier's word")
        if bool(self.satisfied) != (self.outcome is Outcome.PARTIAL):
            raise Unfit(Reason.MALFORMED, "partial names subscribers, nothing else does")
        if any(a >= b for a, b in zip(self.satisfied, self.satisfied[1:], strict=False)):
            raise Unfit(Reason.MALFORMED, "satisfied ascends, each index once")


@dataclass(frozen=True, slots=True)
class Found(Item):
    job: Id
    value: Value


@dataclass(frozen=True, slots=True)
class NoData(Item):
    job: Id


@dataclass(frozen=True, slots=True)
class TooLarge(Item):
    job: Id
    size: U64


@dataclass(frozen=True, slots=True)
class Done(Item):
    job: Id


@dataclass(frozen=True, slots=True)
class Failed(Item):
    job: Id
    detail: Text


@dataclass(frozen=True, slots=True)
class Pong(Item):
    nonce: U64


@dataclass(frozen=True, slots=True)
class Bye(Item):
    pass


@dataclass(frozen=True, slots=True)
class Listed(Item):
    job: Id
    entries: tuple[StoredEntry, ...]

    def check(self) -> None:
        check_ascending(self.entries)


@dataclass(frozen=True, slots=True)
class Have(Item):
    key: Key


# From the door to the worker.


@dataclass(frozen=True, slots=True)
class Welcome(Item):
    ANNOUNCES_KEY_LENGTH: ClassVar[bool] = True

    network: Text
    key_length: U8
    max_value: U32
    agent: Text


@dataclass(frozen=True, slots=True)
class Judge(Item):
    job: Id
    key: Key
    peer: Peer
    subscribers: tuple[Tag, ...]
    value: Value


@dataclass(frozen=True, slots=True)
class Abort(Item):
    job: Id


@dataclass(frozen=True, slots=True)
class LookUp(Item):
    job: Id
    key: Key
    room: U32


@dataclass(frozen=True, slots=True)
class Keep(Item):
    job: Id
    key: Key
    value: Value


@dataclass(frozen=True, slots=True)
class Remove(Item):
    job: Id
    key: Key


@dataclass(frozen=True, slots=True)
class Ping(Item):
    nonce: U64


@dataclass(frozen=True, slots=True)
class Refused(Item):
    reason: Reason
    detail: Text


@dataclass(frozen=True, slots=True)
class List(Item):
    job: Id
    after: Prefix
    most: U32

    def check(self) -> None:
        if not self.most:
            raise Unfit(Reason.MALFORMED, "a list of no entries")


FROM_WORKER = Direction(
    "worker.from_worker",
    PROTOCOL,
    {
        1: Hello,
        2: Verdict,
        3: Found,
        4: NoData,
        5: TooLarge,
        6: Done,
        7: Failed,
        8: Pong,
        9: Bye,
        10: Listed,
        11: Have,
    },
)
FROM_DOOR = Direction(
    "worker.from_door",
    PROTOCOL,
    {
        32: Welcome,
        33: Judge,
        34: Abort,
        35: LookUp,
        36: Keep,
        37: Remove,
        38: Ping,
        39: Refused,
        40: List,
    },
)
