"""The peer protocol: between nodes."""

from __future__ import annotations

from dataclasses import dataclass

from quarry.codec import U8, U32, U64, Direction, Id, Item, Key, Text, Value
from quarry.words import Reason

PROTOCOL = 1


@dataclass(frozen=True, slots=True)
class Hello(Item):
    instance: Id
    key_length: U8
    max_value: U32
    agent: Text


@dataclass(frozen=True, slots=True)
class Ping(Item):
    nonce: U64


@dataclass(frozen=True, slots=True)
class Pong(Item):
    nonce: U64
    instance: Id


@dataclass(frozen=True, slots=True)
class Ask(Item):
    request: Id
    key: Key
    room: U32
    wait_ms: U32
    remember_ms: U32


@dataclass(frozen=True, slots=True)
class ValueAnswer(Item):
    request: Id
    value: Value


@dataclass(frozen=True, slots=True)
class NoData(Item):
    request: Id
    remembered_ms: U32


@dataclass(frozen=True, slots=True)
class Overloaded(Item):
    request: Id
    retry_after_ms: U32


@dataclass(frozen=True, slots=True)
class TooLarge(Item):
    request: Id
    size: U64


@dataclass(frozen=True, slots=True)
class Refused(Item):
    request: Id
    reason: Reason
    detail: Text


@dataclass(frozen=True, slots=True)
class Have(Item):
    key: Key


@dataclass(frozen=True, slots=True)
class Forget(Item):
    key: Key


@dataclass(frozen=True, slots=True)
class Forgotten(Item):
    pass


FROM_ASKER = Direction(
    "peer.from_asker",
    PROTOCOL,
    {1: Hello, 2: Ping, 4: Ask, 12: Forget},
    must_name_network=True,
    envelope_base=16 + 2 * 64 + 2 * 255 + 256 * 28,
    envelope_per_key_byte=256,
)
FROM_SERVER = Direction(
    "peer.from_server",
    PROTOCOL,
    {
        1: Hello,
        3: Pong,
        5: ValueAnswer,
        6: NoData,
        7: Overloaded,
        8: TooLarge,
        9: Refused,
        10: Have,
        11: Forgotten,
    },
    must_name_network=True,
)
