"""The words of quarry: numbers that stand for a reason, an outcome, a state."""

from enum import IntEnum


class Reason(IntEnum):
    """Why something is refused."""

    MALFORMED = 1
    PROTOCOL = 2
    VERSION = 3
    NETWORK = 4
    KEY_LENGTH = 5
    TOO_LARGE = 6
    TOO_MANY = 7
    NOT_ADMITTED = 8
    BLOCKED = 9
    DUPLICATE = 10
    UNKNOWN = 11
    UNSUPPORTED = 12
    INVALID = 13
    UNAVAILABLE = 14
    FAILED = 15
    STOPPING = 16
    FULL = 17


class Outcome(IntEnum):
    """What came of judging a value."""

    COMPLETE = 1
    PARTIAL = 2
    UNRESOLVED = 3
    INVALID = 4
    IGNORED = 5
    WITHHELD = 6
    LOST = 7


class Terminal(IntEnum):
    """How a subscription ends."""

    RESOLVED = 1
    CANCELLED = 2
    EXPIRED = 3
    IGNORED = 4
    WITHHELD = 5
    REJECTED = 6
    REFUSED = 7
    STOPPED = 8


class FetchState(IntEnum):
    LOOKING = 1
    PENDING = 2
    ACTIVE = 3
    VALIDATING = 4


class WaitsFor(IntEnum):
    """The one thing a fetch waits for now."""

    STORAGE = 1
    PEER_SET = 2
    CONNECTION = 3
    TARGET = 4
    UNBLOCK = 5
    RETRY = 6
    RATE = 7
    ROOM = 8
    ANSWER = 9
    VERDICT = 10
    VERIFIER = 11
    HAVE = 12


class Class(IntEnum):
    """How urgent a fetch is."""

    URGENT = 1
    NORMAL = 2
    BACKGROUND = 3


class WorkerRole(IntEnum):
    VERIFIER = 1
    STORAGE = 2


class PeerRole(IntEnum):
    PRIMARY = 1
    SECONDARY = 2
    SERVE_ONLY = 3


class PeerState(IntEnum):
    """How a peer stands with a node."""

    CONNECTING = 1
    CONNECTED = 2
    BLOCKED = 3
    REFUSING = 4
    SERVE_ONLY = 5
    LEFT = 6


class Why(IntEnum):
    """Why a peer was asked and not another."""

    CHEAPEST = 1
    ONLY = 2
    NEWCOMER = 3
    EXPLORED = 4
    PREFERRED = 5
    HEDGE = 6
    HAVE = 7


class AskResult(IntEnum):
    """What came of an ask to a peer."""

    WAITING = 1
    JUDGING = 2
    ACCEPTED = 3
    UNRESOLVED = 4
    INVALID = 5
    UNSCORED = 6
    LOST = 7
    NO_DATA = 8
    TIMED_OUT = 9
    OVERLOADED = 10
    TOO_LARGE = 11
    REFUSED = 12
    SEND_FAILED = 13
    ABANDONED = 14
    OVERTAKEN = 15
    REMEMBERED = 16


class Standing(IntEnum):
    """How a peer stood when somebody was chosen."""

    CANDIDATE = 1
    TRIED = 2
    LEFT_ALONE = 3
    BUSY = 4
    COOLING = 5
    RATE = 6
    BLOCKED = 7
    NOT_CONNECTED = 8
    SERVE_ONLY = 9
    NOT_TARGET = 10


class Predicate(IntEnum):
    """What a retain goes by."""

    KEYS = 1
    RANGE = 2
    PREFIX = 3
    TAG = 4
