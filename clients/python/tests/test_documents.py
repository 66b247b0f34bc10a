"""What docs/protocol says and what the package says are the same."""

from __future__ import annotations

import unittest
from dataclasses import is_dataclass
from typing import Any

import documents

from quarry import codec, words
from quarry.codec import Direction, Network, decode, encode, fields_of
from quarry.errors import Unfit
from quarry.protocol import control, peer, worker

DIRECTIONS: dict[str, Direction] = {
    direction.name: direction
    for direction in (
        peer.FROM_ASKER,
        peer.FROM_SERVER,
        control.FROM_CLIENT,
        control.FROM_NODE,
        worker.FROM_WORKER,
        worker.FROM_DOOR,
    )
}
DOCUMENTS = {"peer.md": peer, "control.md": control, "worker.md": worker}
MAIN = Network("main", 32)


def spelled(value: Any) -> Any:
    """A field of an item, spelled as the json of the documents spells it."""
    if is_dataclass(value):
        return [spelled_field(value, name, kind.name) for name, kind in fields_of(type(value))]
    if isinstance(value, tuple):
        return [spelled(each) for each in value]
    return {"hex": value.hex()} if isinstance(value, bytes) else value


def spelled_field(owner: Any, name: str, kind: str) -> Any:
    value = getattr(owner, name)
    return {"value": value.hex()} if kind == "value" else spelled(value)


class TheExamples(unittest.TestCase):
    def all(self) -> list[documents.Example]:
        found = [e for d in ("README.md", *DOCUMENTS) for e in documents.examples(d)]
        self.assertGreaterEqual(len(found), 36)
        return found

    def test_what_fits_is_read_as_documented_and_written_byte_for_byte(self) -> None:
        for example in self.all():
            if example.refused is not None:
                continue
            with self.subTest(example.name):
                direction = DIRECTIONS[example.direction]
                items = decode(direction, example.frames, MAIN)
                kinds_and_fields = [[direction.kind(item), *spelled(item)] for item in items]
                self.assertEqual(kinds_and_fields, example.json[3])
                said = Network(example.json[2], 32)
                self.assertEqual(encode(direction, items, said), example.frames)

    def test_what_does_not_fit_is_refused_with_the_documented_reason(self) -> None:
        refused = [example for example in self.all() if example.refused is not None]
        self.assertGreaterEqual(len(refused), 10)
        for example in refused:
            with self.subTest(example.name):
                with self.assertRaises(Unfit) as unfit:
                    decode(DIRECTIONS[example.direction], example.frames, MAIN)
                self.assertEqual(unfit.exception.reason.name.lower(), example.refused)


class TheTables(unittest.TestCase):
    def test_items_are_those_of_the_tables(self) -> None:
        for document, module in DOCUMENTS.items():
            documented = sorted(set(documents.items(document)))
            implemented = {
                (kind, item_name(cls), ", ".join(f"{n} {f.name}" for n, f in fields_of(cls)))
                for direction in DIRECTIONS.values()
                if direction.protocol == module.PROTOCOL
                for kind, cls in direction.items.items()
            }
            with self.subTest(document):
                self.assertEqual(sorted(implemented), documented)

    def test_the_records_are_those_of_the_tables(self) -> None:
        for record, document, name in (
            (control.PeerEntry, "control.md", "peer_entry"),
            (control.AskCandidate, "control.md", "ask_candidate"),
            (codec.KeyRange, "README.md", "key_range"),
            (codec.StoredEntry, "README.md", "stored_entry"),
        ):
            fields = ", ".join(f"{n} {f.name}" for n, f in fields_of(record))
            self.assertEqual(fields, documents.record(document, name))

    def test_words_are_those_of_the_tables(self) -> None:
        enums = (words.Reason, words.Outcome, words.Terminal, words.FetchState, words.WaitsFor)
        roles = (words.Class, words.WorkerRole, words.PeerRole, words.PeerState, words.Predicate)
        asking = (words.Why, words.AskResult, words.Standing)
        implemented = {
            codec._snake(enum.__name__): {word.name.lower(): word.value for word in enum}
            for enum in (*enums, *roles, *asking)
        }
        self.assertEqual(implemented, documents.words())

    def test_limits_are_those_of_the_tables(self) -> None:
        documented = documents.limits("README.md")
        self.assertGreaterEqual(len(documented), 12)
        for name, value in documented.items():
            with self.subTest(name):
                self.assertEqual(getattr(codec, name.upper()), value)
        asks = documents.limits("peer.md")["max_ask_envelope"]
        self.assertEqual(peer.FROM_ASKER.max_envelope(MAIN), asks)


def item_name(cls: type[Any]) -> str:
    # `value` is the name of an item as well as of a field type; a class cannot be both here.
    return "value" if cls is peer.ValueAnswer else codec._snake(cls.__name__)


if __name__ == "__main__":
    unittest.main()
