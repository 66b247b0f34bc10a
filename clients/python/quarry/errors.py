"""What can go wrong, as exceptions. All are QuarryErrors."""

from __future__ import annotations

from dataclasses import dataclass

from quarry.words import Reason, Terminal


class QuarryError(Exception):
    """Any failure of this package."""


class Unfit(QuarryError, ValueError):
    """A message, or an item of it, that the protocol does not allow."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason.name.lower()}: {detail}")
        self.reason = reason
        self.detail = detail


class Unreachable(QuarryError):
    """The node has said nothing for as long as the client has patience."""


class Refused(QuarryError):
    """The node or a door of it refuses this client or worker as a whole."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"refused, {reason.name.lower()}: {detail!r}")
        self.reason = reason
        self.detail = detail


class CallFailed(QuarryError):
    """The node could not do what was asked."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason.name.lower()}: {detail!r}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Ended:
    """How a subscription ended that got no value. `reason` and `detail` say why it never began."""

    how: Terminal
    reason: Reason | None = None
    detail: str = ""

    def __str__(self) -> str:
        if self.reason is None:
            return self.how.name.lower()
        return f"{self.how.name.lower()}, {self.reason.name.lower()}: {self.detail!r}"


class NotFetched(QuarryError):
    """A fetch that ended without a value."""

    def __init__(self, key: bytes, ended: Ended) -> None:
        super().__init__(f"{key.hex()}: {ended}")
        self.key = key
        self.ended = ended
