"""A verifier for signed records: anybody's, under names of their own.

The key of a record follows from its owner's public key and the name that he gave it, so whoever
knows the key needs nothing else to tell a true record from a false one:

    key    = SHAKE-256(public key, name), as long as the network's keys
    record = signature (64 bytes), public key (32), length of the name (1), name, version (8), body

The signature (Ed25519) covers all that follows it. A record may have several versions. Who wants at
least a certain one fetches with the tag from=VERSION; an older record is right but does not satisfy
him, and the node goes on asking.

Needs python3-cryptography (apt) or cryptography (pip).

    signed_records.py sign --secret my.key --name greeting <body >record  # tells the key
    signed_records.py serve --home DIR
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from quarry import Verdict, Verifier

CONTEXT = b"quarry signed record 1\0"  # what is signed for this purpose serves no other


@dataclass(frozen=True)
class Record:
    owner: bytes
    name: bytes
    version: int
    body: bytes

    def key(self, length: int) -> bytes:
        return hashlib.shake_256(self.owner + self.name).digest(length)

    def signed(self, secret: Ed25519PrivateKey) -> bytes:
        said = self.owner + bytes([len(self.name)]) + self.name
        said += self.version.to_bytes(8) + self.body
        return secret.sign(CONTEXT + said) + said


def read(value: bytes) -> Record:
    """The record in these bytes. ValueError: there is none, or its owner has not signed it."""
    signature, said = value[:64], value[64:]
    if len(said) < 33 or len(said) < 33 + said[32] + 8:
        raise ValueError("too short for a record")
    owner, name_end = said[:32], 33 + said[32]
    try:
        Ed25519PublicKey.from_public_bytes(owner).verify(signature, CONTEXT + said)
    except InvalidSignature:
        raise ValueError("not signed by its owner") from None
    version = int.from_bytes(said[name_end : name_end + 8])
    return Record(owner, said[33:name_end], version, said[name_end + 8 :])


class SignedRecords(Verifier):
    name = "signed-records"

    def judge(self, key: bytes, value: bytes, peer: bytes, subscribers: list[bytes]) -> Verdict:
        try:
            record = read(value)
        except ValueError:
            return Verdict.invalid()
        if record.key(len(key)) != key:
            return Verdict.invalid()
        satisfied = [i for i, tag in enumerate(subscribers) if record.version >= wanted(tag)]
        if len(satisfied) == len(subscribers):
            return Verdict.complete()
        return Verdict.partial(satisfied) if satisfied else Verdict.unresolved()


def wanted(tag: bytes) -> int:
    """The version that a subscriber wants at least; other tags are none of our business."""
    number = tag.removeprefix(b"from=")
    return int(number) if number != tag and number.isdigit() else 0


def sign(
    secret_file: Path, name: str, version: int, body: bytes, key_length: int
) -> tuple[str, bytes]:
    """The key in hex and the record; makes the secret if there is none yet."""
    if not secret_file.exists():
        with open(os.open(secret_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(os.urandom(32))
    secret = Ed25519PrivateKey.from_private_bytes(secret_file.read_bytes())
    owner = secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    record = Record(owner, name.encode(), version, body)
    return record.key(key_length).hex(), record.signed(secret)


def main() -> None:
    parser = argparse.ArgumentParser(description="Judges, and makes, signed records.")
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="judge for a node")
    serve.add_argument("--home", help="the node's home (else QUARRY_HOME)")
    serve.add_argument("--door", help="the endpoint of its door for verifiers, instead")
    make = commands.add_parser("sign", help="make a record of what is on stdin, on stdout")
    make.add_argument("--secret", type=Path, required=True, help="file of the secret key")
    make.add_argument("--name", required=True)
    make.add_argument("--version", type=int, default=1)
    make.add_argument("--key-length", type=int, default=32)
    given = parser.parse_args()
    if given.command == "serve":
        SignedRecords().run(home=given.home, door=given.door)
        return
    body = sys.stdin.buffer.read()
    key, record = sign(given.secret, given.name, given.version, body, given.key_length)
    sys.stdout.buffer.write(record)
    print(key, file=sys.stderr)


if __name__ == "__main__":
    main()
