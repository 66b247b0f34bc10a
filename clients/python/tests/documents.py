"""Reads docs/protocol as the tests need it: the examples, and the tables of items and words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROTOCOL = Path(__file__).resolve().parents[3] / "docs" / "protocol"


@dataclass(frozen=True)
class Example:
    name: str
    direction: str
    envelope: bytes
    payload: bytes
    refused: str | None
    json: Any

    @property
    def frames(self) -> list[bytes]:
        return [self.envelope, self.payload] if self.payload else [self.envelope]


def examples(document: str) -> list[Example]:
    blocks = re.findall(r"^```(hex|json) (.*)\n((?:.*\n)*?)```", _text(document), re.MULTILINE)
    said: list[tuple[str, dict[str, str], str]] = [
        (language, dict(part.split("=", 1) for part in head.split()), body)
        for language, head, body in blocks
    ]
    values = {head["name"]: json.loads(body) for kind, head, body in said if kind == "json"}
    return [
        Example(
            name=head["name"],
            direction=head["direction"],
            envelope=bytes.fromhex(re.sub(r"#.*", "", body)),
            payload=bytes.fromhex(head.get("payload", "")),
            refused=head.get("refused"),
            json=values.get(head["name"]),
        )
        for kind, head, body in said
        if kind == "hex"
    ]


def items(document: str) -> Iterator[tuple[int, str, str]]:
    """(kind, name, fields) for each row of the tables of items, in order."""
    for kind, name, fields in re.findall(
        r"^\| (\d+) \| `(\w+)` \| (.*?) ?\|$", _text(document).split("## Limits")[0], re.MULTILINE
    ):
        yield int(kind), name, _fields(fields)


def record(document: str, name: str) -> str:
    found = re.search(rf"^\| `{name}` \| (.*) \|$", _text(document), re.MULTILINE)
    return _fields(found.group(1)) if found else ""


def words() -> dict[str, dict[str, int]]:
    parts = re.split(r"^### `(\w+)`.*$", _text("README.md").split("## Words")[1], flags=re.M)
    return {
        name: {
            word: int(number) for number, word in re.findall(r"^\| (\d+) \| `(\w+)` ", body, re.M)
        }
        for name, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def limits(document: str) -> dict[str, int]:
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| .* \|$", _text(document), re.MULTILINE)
    return {name: int(value) for name, value in rows}


def _fields(cell: str) -> str:
    """`request` id, `room` u32 bytes  ->  request id, room u32"""
    return ", ".join(f"{name} {kind}" for name, kind in re.findall(r"`(\w+)` ([\w\[\]]+)", cell))


def _text(document: str) -> str:
    return (PROTOCOL / document).read_text(encoding="utf-8")
