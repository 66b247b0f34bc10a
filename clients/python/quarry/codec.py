"""Messages of quarry: bytes in, typed items out, and back. Strict in both directions.

A protocol's items are dataclasses; the annotations of their fields are what may stand there (see
quarry.protocol). This module knows the envelope, the field types and the limits, and raises Unfit
for whatever is not allowed. It never opens a socket, and gives no memory to a length that is only
declared.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from enum import IntEnum
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Protocol, TypeAlias, get_args, get_origin
from typing import get_type_hints as type_hints

import msgpack

from quarry.errors import Unfit
from quarry.words import Reason

VERSION = 1
BATCH_ITEMS = 256
MAX_ENVELOPE = 524288
MAX_TOKENS = 16384
MAX_DEPTH = 5
MAX_NETWORK = 64
MAX_TEXT = 255
MAX_TAG = 64
MAX_TARGETS = 64
MAX_TAGS = 256
MAX_KEYS = 256
MAX_RANGES = 16
MAX_STORED = 1024
MAX_RECORDS = 2048
BATCH_BYTES = 262144
TRAVELS_ALONE = 32768
ENVELOPE_TARGET = 262144  # where a writer begins a new message
PEER_LENGTH = 32
_FRAME_TOKENS = 5  # of an envelope without items

Raw: TypeAlias = "int | bool | str | bytes | list[Raw]"
Message: TypeAlias = list[bytes]


@dataclass(slots=True)
class Network:
    """What a reader knows of its network; name "" and key_length None before it knows."""

    name: str = ""
    key_length: int | None = None


class Item:
    """One thing said. Subclasses are frozen dataclasses."""

    __slots__ = ()
    ANNOUNCES_KEY_LENGTH: ClassVar[bool] = False

    def check(self) -> None:
        """Raises Unfit when fields that each fit do not fit together."""


@dataclass(frozen=True, slots=True)
class Direction:
    """What may be said one way in one protocol: the items by kind."""

    name: str
    protocol: int
    items: Mapping[int, type[Item]]
    must_name_network: bool = False
    # The longest envelope grows by this much for each byte of a key; 0: it does not.
    envelope_base: int = MAX_ENVELOPE
    envelope_per_key_byte: int = 0
    _kinds: dict[type[Item], int] = field(default_factory=dict, init=False, compare=False)

    def __post_init__(self) -> None:
        self._kinds.update({cls: kind for kind, cls in self.items.items()})

    def max_envelope(self, network: Network) -> int:
        return self.envelope_base + self.envelope_per_key_byte * (network.key_length or 0)

    def kind(self, item: Item) -> int:
        kind = self._kinds.get(type(item))
        if kind is None:
            raise _malformed(f"{type(item).__name__} is not said {self.name}")
        return kind


# Field types. `read` takes what stands in the envelope, `raw` makes it.


@dataclass(slots=True)
class _Reading:
    key_length: int | None
    payload: bytes
    used: int = 0


class Field(Protocol):
    @property
    def name(self) -> str: ...
    def read(self, raw: Raw, reading: _Reading) -> Any: ...
    def raw(self, value: Any, payload: list[bytes]) -> Raw: ...


def _malformed(detail: str) -> Unfit:
    return Unfit(Reason.MALFORMED, detail)


class _Plain:
    """A field that stands in the envelope as it is."""

    def raw(self, value: Any, payload: list[bytes]) -> Raw:
        raw: Raw = value
        return raw


@dataclass(frozen=True, slots=True)
class _Uint(_Plain):
    name: str
    bits: int

    def read(self, raw: Raw, reading: _Reading) -> int:
        if type(raw) is not int or raw >> self.bits:
            raise _malformed(f"no {self.name}")
        return raw


@dataclass(frozen=True, slots=True)
class _Bool(_Plain):
    name: str = "bool"

    def read(self, raw: Raw, reading: _Reading) -> bool:
        if type(raw) is not bool:
            raise _malformed("no bool")
        return raw


@dataclass(frozen=True, slots=True)
class _Text(_Plain):
    name: str = "text"

    def read(self, raw: Raw, reading: _Reading) -> str:
        if type(raw) is not str:
            raise _malformed("no text")
        if _utf8_length(raw) > MAX_TEXT:
            raise Unfit(Reason.TOO_LARGE, "text")
        return raw


@dataclass(frozen=True, slots=True)
class _Bin(_Plain):
    name: str

    def read(self, raw: Raw, reading: _Reading) -> bytes:
        if type(raw) is not bytes:
            raise _malformed(f"no {self.name}")
        if self.name == "tag":
            if len(raw) > MAX_TAG:
                raise Unfit(Reason.TOO_LARGE, "tag")
        elif self.name == "peer":
            if len(raw) != PEER_LENGTH:
                raise _malformed(f"a peer has {PEER_LENGTH} bytes")
        elif reading.key_length is None and self.name == "prefix":
            pass  # the door looks at it
        elif reading.key_length is None:
            raise Unfit(Reason.KEY_LENGTH, "a key before the welcome that says how long keys are")
        elif len(raw) > reading.key_length or (
            self.name == "key" and len(raw) < reading.key_length
        ):
            raise Unfit(Reason.KEY_LENGTH, f"{len(raw)} instead of {reading.key_length} bytes")
        return raw


@dataclass(frozen=True, slots=True)
class _Value:
    """Its length stands in the envelope, its bytes in the payload."""

    name: str = "value"

    def read(self, raw: Raw, reading: _Reading) -> bytes:
        if type(raw) is not int or raw >> 32:
            raise _malformed("no length of a value")
        begin, end = reading.used, reading.used + raw
        if end > len(reading.payload):
            raise _malformed("the payload is shorter than the values")
        reading.used = end
        return reading.payload[begin:end]

    def raw(self, value: Any, payload: list[bytes]) -> Raw:
        if type(value) is not bytes:
            raise _malformed("a value is bytes")
        if value:
            payload.append(value)
        return len(value)


@dataclass(frozen=True, slots=True)
class _Word:
    word: type[IntEnum]

    @property
    def name(self) -> str:
        return _snake(self.word.__name__)

    def read(self, raw: Raw, reading: _Reading) -> IntEnum:
        if type(raw) is not int or raw not in self.word._value2member_map_:
            raise _malformed(f"no {self.name}")
        return self.word(raw)

    def raw(self, value: Any, payload: list[bytes]) -> Raw:
        return int(value)


@dataclass(frozen=True, slots=True)
class _Record:
    record: type[Any]

    @property
    def name(self) -> str:
        return _snake(self.record.__name__)

    def read(self, raw: Raw, reading: _Reading) -> Any:
        record = self.record(*_read_fields(self.record, raw, 0, reading))
        record.check()
        return record

    def raw(self, value: Any, payload: list[bytes]) -> Raw:
        if type(value) is not self.record:
            raise _malformed(f"no {self.name}")
        return _raw_fields(value, payload)


@dataclass(frozen=True, slots=True)
class _List:
    of: Field

    @property
    def name(self) -> str:
        return f"[{self.of.name}]"

    def read(self, raw: Raw, reading: _Reading) -> tuple[Any, ...]:
        if type(raw) is not list:
            raise _malformed(f"no {self.name}")
        if len(raw) > self.most():
            raise Unfit(Reason.TOO_MANY, self.name)
        return tuple([self.of.read(each, reading) for each in raw])

    def raw(self, value: Any, payload: list[bytes]) -> Raw:
        return [self.of.raw(each, payload) for each in value]

    def most(self) -> int:
        if isinstance(self.of, _Record):
            return {KeyRange: MAX_RANGES, StoredEntry: MAX_STORED}.get(self.of.record, MAX_RECORDS)
        return {"peer": MAX_TARGETS, "tag": MAX_TAGS}.get(self.of.name, MAX_KEYS)


U8 = Annotated[int, _Uint("u8", 8)]
U16 = Annotated[int, _Uint("u16", 16)]
U32 = Annotated[int, _Uint("u32", 32)]
U64 = Annotated[int, _Uint("u64", 64)]
Id = Annotated[int, _Uint("id", 64)]
Text = Annotated[str, _Text()]
Key = Annotated[bytes, _Bin("key")]
Prefix = Annotated[bytes, _Bin("prefix")]
Tag = Annotated[bytes, _Bin("tag")]
Peer = Annotated[bytes, _Bin("peer")]
Value = Annotated[bytes, _Value()]


@dataclass(frozen=True, slots=True)
class KeyRange(Item):
    """Keys from first to last, both included. A bound may be shorter than a key: so many bytes of
    a key are compared. KeyRange(p, p) is the keys that begin with p."""

    first: Prefix
    last: Prefix

    def check(self) -> None:
        if self.first[: len(self.last)] > self.last[: len(self.first)]:
            raise Unfit(Reason.MALFORMED, "a range without any key")


@dataclass(frozen=True, slots=True)
class StoredEntry(Item):
    """A value of a storage: its key, and its size in bytes."""

    key: Key
    size: U64


def check_ascending(entries: tuple[StoredEntry, ...]) -> None:
    if any(a.key >= b.key for a, b in pairwise(entries)):
        raise Unfit(Reason.MALFORMED, "a list of what is stored has each key once, in order")


_layouts: dict[type[Any], tuple[tuple[str, Field], ...]] = {}


def fields_of(cls: type[Any]) -> tuple[tuple[str, Field], ...]:
    """The fields of an item or record, in order, each with its type."""
    layout = _layouts.get(cls)
    if layout is None:
        hints = type_hints(cls, include_extras=True)
        layout = tuple((each.name, _field_of(hints[each.name])) for each in fields(cls))
        _layouts[cls] = layout
    return layout


def _field_of(hint: Any) -> Field:
    if get_origin(hint) is Annotated:
        annotated: Field = get_args(hint)[1]
        return annotated
    if get_origin(hint) is tuple:
        return _List(_field_of(get_args(hint)[0]))
    if hint is bool:
        return _Bool()
    if isinstance(hint, type) and is_dataclass(hint):
        return _Record(hint)
    return _Word(hint)


def _snake(name: str) -> str:
    return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")


def _utf8_length(text: str) -> int:
    try:
        return len(text) if text.isascii() else len(text.encode())
    except UnicodeEncodeError:
        raise _malformed("text that is no UTF-8") from None


def _read_fields(cls: type[Any], raw: Raw, skip: int, reading: _Reading) -> list[Any]:
    layout = fields_of(cls)
    if type(raw) is not list or len(raw) != len(layout) + skip:
        raise _malformed(f"{_snake(cls.__name__)} has {len(layout)} fields")
    return [each.read(raw[skip + i], reading) for i, (_, each) in enumerate(layout)]


def _raw_fields(value: Any, payload: list[bytes]) -> list[Raw]:
    try:
        return [f.raw(getattr(value, name), payload) for name, f in fields_of(type(value))]
    except (TypeError, ValueError) as error:
        if isinstance(error, Unfit):
            raise
        raise _malformed(f"{type(value).__name__}: {error}") from None


# Reading.


def decode(direction: Direction, frames: Sequence[bytes], network: Network) -> list[Item]:
    """The items of a message, or Unfit. `network` is the reader's and stays as it is."""
    if not 1 <= len(frames) <= 2:
        raise _malformed("a message has one or two frames")
    envelope = frames[0]
    if len(envelope) > direction.max_envelope(network):
        raise Unfit(Reason.TOO_LARGE, "envelope")
    _check_head(direction, envelope)
    whole = _Tokens(envelope)
    parts = whole.next(1)
    if whole.at != len(envelope):
        raise _malformed("bytes behind the envelope")
    if type(parts) is not list or len(parts) != 4:
        raise _malformed("an envelope has four elements")
    _, _, context, raw_items = parts
    if type(context) is not str or type(raw_items) is not list:
        raise _malformed("an envelope is [protocol, version, context, items]")
    _check_network(direction, context, network)
    if len(raw_items) > BATCH_ITEMS:
        raise Unfit(Reason.TOO_MANY, "items")
    reading = _Reading(network.key_length, frames[1] if len(frames) == 2 else b"")
    items = [_read_item(direction, raw, reading) for raw in raw_items]
    if reading.used != len(reading.payload):
        raise _malformed("bytes of the payload that no item names")
    return items


def _check_head(direction: Direction, envelope: bytes) -> None:
    """Protocol and version come first: behind another version's head anything may follow."""
    head = _Tokens(envelope)
    length = head.array_length()
    protocol = head.next(2) if length else None
    if type(protocol) is not int:
        raise _malformed("a protocol is a number")
    if protocol != direction.protocol:
        raise Unfit(Reason.PROTOCOL, f"protocol {protocol} instead of {direction.protocol}")
    version = head.next(2) if length > 1 else None
    if type(version) is not int:
        raise _malformed("a version is a number")
    if version != VERSION:
        raise Unfit(Reason.VERSION, f"version {version} instead of {VERSION}")


def _check_network(direction: Direction, context: str, network: Network) -> None:
    if _utf8_length(context) > MAX_NETWORK:
        raise Unfit(Reason.NETWORK, "a network's name is not that long")
    if direction.must_name_network:
        if context != network.name:
            raise Unfit(Reason.NETWORK, f"{context!r} instead of {network.name!r}")
    elif context and network.name and context != network.name:
        raise Unfit(Reason.NETWORK, f"{context!r} instead of {network.name!r}")


def _read_item(direction: Direction, raw: Raw, reading: _Reading) -> Item:
    if type(raw) is not list or not raw or type(raw[0]) is not int:
        raise _malformed("an item is [kind, field, ...]")
    cls = direction.items.get(raw[0])
    if cls is None:
        raise _malformed(f"kind {raw[0]} is not said {direction.name}")
    item = cls(*_read_fields(cls, raw, 1, reading))
    item.check()
    if cls.ANNOUNCES_KEY_LENGTH:
        reading.key_length = getattr(item, "key_length")  # noqa: B009 (only those have it)
    return item


_NUMBERS = {  # the forms of numbers, and how struct calls them
    0xCC: struct.Struct(">B"),
    0xCD: struct.Struct(">H"),
    0xCE: struct.Struct(">I"),
    0xCF: struct.Struct(">Q"),
    0xD0: struct.Struct(">b"),
    0xD1: struct.Struct(">h"),
    0xD2: struct.Struct(">i"),
    0xD3: struct.Struct(">q"),
}
_BIN_LENGTHS = {0xC4: _NUMBERS[0xCC], 0xC5: _NUMBERS[0xCD], 0xC6: _NUMBERS[0xCE]}
_STR_LENGTHS = {0xD9: _NUMBERS[0xCC], 0xDA: _NUMBERS[0xCD], 0xDB: _NUMBERS[0xCE]}
_ARRAY_LENGTHS = {0xDC: _NUMBERS[0xCD], 0xDD: _NUMBERS[0xCE]}


class _Tokens:
    """Reads MessagePack under the limits; of its types only those that quarry's messages use.

    A general unpacker can neither bound tokens and depth together nor tell nil and maps apart
    from the rest before it has built them.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.tokens = 0

    def next(self, depth: int) -> Raw:
        self.tokens += 1
        if self.tokens > MAX_TOKENS:
            raise _malformed("too many values")
        data, at = self.data, self.at
        if at >= len(data):
            raise _malformed("ends too early")
        head = data[at]
        if head < 0x80:
            self.at = at + 1
            return head
        if 0xC4 <= head <= 0xC6:
            self.at = at + 1
            return self._take(self._number(_BIN_LENGTHS[head]))
        if 0xCC <= head <= 0xD3:
            self.at = at + 1
            number = self._number(_NUMBERS[head])
            if number < 0:
                raise _malformed("a negative number")
            return number
        if head in (0xC2, 0xC3):
            self.at = at + 1
            return head == 0xC3
        if 0xA0 <= head < 0xC0 or head in _STR_LENGTHS:
            return self._text(head)
        return self._array(depth)

    def array_length(self) -> int:
        if self.at >= len(self.data):
            raise _malformed("ends too early")
        head = self.data[self.at]
        self.at += 1
        if 0x90 <= head < 0xA0:
            return head & 0x0F
        if head in _ARRAY_LENGTHS:
            return self._number(_ARRAY_LENGTHS[head])
        raise _malformed("nil, a map, a float, a negative number or an extension")

    def _array(self, depth: int) -> list[Raw]:
        length = self.array_length()
        if depth > MAX_DEPTH:
            raise _malformed("too deep")
        if length > len(self.data) - self.at:  # an element has a byte at least
            raise _malformed("ends too early")
        return [self.next(depth + 1) for _ in range(length)]

    def _text(self, head: int) -> str:
        self.at += 1
        length = head & 0x1F if head < 0xC0 else self._number(_STR_LENGTHS[head])
        try:
            return self._take(length).decode()
        except UnicodeDecodeError:
            raise _malformed("text that is no UTF-8") from None

    def _number(self, form: struct.Struct) -> int:
        number: int = form.unpack(self._take(form.size))[0]
        return number

    def _take(self, length: int) -> bytes:
        end = self.at + length
        if end > len(self.data):
            raise _malformed("ends too early")
        taken = self.data[self.at : end]
        self.at = end
        return taken


# Writing.


@dataclass(slots=True)
class _Packed:
    body: bytes
    payload: list[bytes]
    payload_bytes: int
    tokens: int


def encode(direction: Direction, items: Sequence[Item], network: Network) -> Message:
    """One message of these items; Unfit when a reader would not take it."""
    if len(items) > BATCH_ITEMS:
        raise Unfit(Reason.TOO_MANY, "items")
    reading = _Reading(network.key_length, b"")
    packed = [_pack(direction, item, reading) for item in items]
    return _message(direction, packed, network)


class Writer:
    """Gathers items into as few messages as the limits allow, in order."""

    def __init__(self, direction: Direction, network: Network) -> None:
        self._direction = direction
        self._network = network
        self._full: list[Message] = []
        self._begin()

    def add(self, item: Item) -> None:
        """Raises Unfit, and adds nothing, when a reader would not take the item."""
        packed = _pack(self._direction, item, _Reading(self._network.key_length, b""))
        if len(packed.body) > ENVELOPE_TARGET or packed.tokens > MAX_TOKENS // 2:
            _message(self._direction, [packed], self._network)  # raises if not even alone it fits
        if not self._has_room_for(packed):
            self._close()
        self._batch.append(packed)
        self._body_bytes += len(packed.body)
        self._payload_bytes += packed.payload_bytes
        self._tokens += packed.tokens
        self._alone |= packed.payload_bytes >= TRAVELS_ALONE

    def clear(self) -> None:
        self._full = []
        self._begin()

    def take(self) -> list[Message]:
        """All messages since the last time."""
        self._close()
        taken, self._full = self._full, []
        return taken

    def _has_room_for(self, packed: _Packed) -> bool:
        return (
            len(self._batch) < BATCH_ITEMS
            and self._body_bytes + len(packed.body) <= ENVELOPE_TARGET
            and self._tokens + packed.tokens <= MAX_TOKENS - _FRAME_TOKENS
            and self._payload_takes(packed.payload_bytes)
        )

    def _payload_takes(self, more: int) -> bool:
        if not more or not self._payload_bytes:
            return True
        return (
            more < TRAVELS_ALONE and not self._alone and self._payload_bytes + more <= BATCH_BYTES
        )

    def _begin(self) -> None:
        self._batch: list[_Packed] = []
        self._body_bytes = 0
        self._payload_bytes = 0
        self._tokens = 0
        self._alone = False

    def _close(self) -> None:
        if self._batch:
            self._full.append(_message(self._direction, self._batch, self._network))
            self._begin()


def _pack(direction: Direction, item: Item, reading: _Reading) -> _Packed:
    """Packs what has been read back, so that nothing is written that nobody would read."""
    payload: list[bytes] = []
    raw: list[Raw] = [direction.kind(item), *_raw_fields(item, payload)]
    reading.payload = b"".join(payload)
    reading.used = 0
    _read_item(direction, raw, reading)
    body: bytes = msgpack.packb(raw, use_bin_type=True)
    return _Packed(body, payload, len(reading.payload), _count(raw))


def _message(direction: Direction, packed: Sequence[_Packed], network: Network) -> Message:
    if _utf8_length(network.name) > MAX_NETWORK:
        raise Unfit(Reason.NETWORK, "a network's name is not that long")
    if sum(each.tokens for each in packed) > MAX_TOKENS - _FRAME_TOKENS:
        raise _malformed("too many values")
    packer = msgpack.Packer(use_bin_type=True)
    head = packer.pack_array_header(4) + packer.pack(direction.protocol) + packer.pack(VERSION)
    head += packer.pack(network.name) + packer.pack_array_header(len(packed))
    envelope = head + b"".join([each.body for each in packed])
    if len(envelope) > direction.max_envelope(network):
        raise Unfit(Reason.TOO_LARGE, "envelope")
    payload = b"".join([part for each in packed for part in each.payload])
    return [envelope, payload] if payload else [envelope]


def _count(raw: Raw) -> int:
    return 1 + sum(map(_count, raw)) if type(raw) is list else 1


def clipped(text: str) -> str:
    """As much of a text as a message may carry."""
    return text.encode(errors="replace")[:MAX_TEXT].decode(errors="ignore")
