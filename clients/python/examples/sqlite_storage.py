"""A storage that looks up, keeps and lists values in a SQLite file.

A checksum stands beside each value: a node that answers rotten bytes is taken for a liar, so what
does not match is not there.

    sqlite_storage.py --db values.db --home DIR
"""

from __future__ import annotations

import argparse
import hashlib
import sqlite3
from collections.abc import Iterable
from functools import cached_property

from quarry import Storage

TABLE = """
CREATE TABLE IF NOT EXISTS quarry_values (
    key BLOB PRIMARY KEY, value BLOB NOT NULL, checksum BLOB NOT NULL
) WITHOUT ROWID
"""


class SqliteStorage(Storage):
    name = "sqlite"

    def __init__(self, file: str) -> None:
        self._file = file

    @cached_property
    def _db(self) -> sqlite3.Connection:
        # Opened by the thread that does the jobs: a connection belongs to one thread.
        db = sqlite3.connect(self._file, isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")  # what is kept is on disk
        db.execute(TABLE)
        return db

    def look_up(self, key: bytes) -> bytes | None:
        row: tuple[bytes, bytes] | None = self._db.execute(
            "SELECT value, checksum FROM quarry_values WHERE key = ?", (key,)
        ).fetchone()
        if row is None or checksum(row[0]) != row[1]:
            return None
        return row[0]

    def keep(self, key: bytes, value: bytes) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO quarry_values VALUES (?, ?, ?)", (key, value, checksum(value))
        )

    def remove(self, key: bytes) -> bool:
        gone = self._db.execute("DELETE FROM quarry_values WHERE key = ?", (key,))
        return gone.rowcount > 0

    def stored(self, after: bytes, most: int) -> Iterable[tuple[bytes, int]]:
        return self._db.execute(
            "SELECT key, length(value) FROM quarry_values WHERE key > ? ORDER BY key LIMIT ?",
            (after, most),
        )


def checksum(value: bytes) -> bytes:
    return hashlib.blake2b(value, digest_size=16).digest()


def main() -> None:
    parser = argparse.ArgumentParser(description="Serves and keeps a node's values in SQLite.")
    parser.add_argument("--db", required=True, help="the file; made if there is none")
    parser.add_argument("--home", help="the node's home (else QUARRY_HOME)")
    parser.add_argument("--door", help="the endpoint of its door for storages, instead")
    given = parser.parse_args()
    SqliteStorage(given.db).run(home=given.home, door=given.door)


if __name__ == "__main__":
    main()
