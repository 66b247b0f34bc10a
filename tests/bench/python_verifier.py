"""A digest verifier like the built-in one, in Python: what `quarry bench --verifier` measures a
Python worker with. Finds its node by $QUARRY_HOME."""

import hashlib

from quarry import Verdict, Verifier


class Sha256(Verifier):
    name = "sha256"
    credit = 512

    def judge(self, key, value, peer, subscribers):
        right = hashlib.sha256(value).digest() == key
        return Verdict.complete() if right else Verdict.invalid()


if __name__ == "__main__":
    Sha256().run()
