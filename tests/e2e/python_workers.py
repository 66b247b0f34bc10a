"""Workers written with the Python package, in processes of their own, for python_worker_test.py.

    python_workers.py digests HOME [COUNT]    a verifier: a key is the SHA-256 of its value; after
                                              so many it takes values and says nothing any more
    python_workers.py numbers HOME COUNT      a storage of value_of(0), value_of(1), ...
    python_workers.py holds HOME              a storage that takes look-ups and says nothing
"""

import hashlib
import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "clients" / "python"))

from quarry import Storage, Verdict, Verifier  # noqa: E402

def value_of(number: int) -> bytes:
    return b"%d " % number * 64


def key_of(number: int) -> bytes:
    return hashlib.sha256(value_of(number)).digest()


def hang() -> None:
    threading.Event().wait()


class Digests(Verifier):
    name = "digests"
    credit = 512

    def __init__(self, count="inf"):
        self._left = float(count)

    def judge(self, key, value, peer, subscribers):
        if self._left == 0:
            hang()
        self._left -= 1
        return Verdict.complete() if hashlib.sha256(value).digest() == key else Verdict.invalid()


class Numbers(Storage):
    name = "numbers"
    credit = 512

    def __init__(self, count):
        self._numbers = {key_of(number): number for number in range(int(count))}

    def look_up(self, key):
        number = self._numbers.get(key)
        return None if number is None else value_of(number)


class Holds(Storage):
    name = "holds"
    credit = 512

    def look_up(self, key):
        hang()


def main() -> None:
    kinds = {"digests": Digests, "numbers": Numbers, "holds": Holds}
    kinds[sys.argv[1]](*sys.argv[3:]).run(home=sys.argv[2])


if __name__ == "__main__":
    main()
