"""What a client knows of its conversation with a node: the part that Client and AsyncClient share.

Messages and times come in, messages and answers go out. It has no socket, no thread and no clock.
Not to be used directly.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from quarry.calls import Fetched
from quarry.codec import Item, Message, Network, Writer, decode
from quarry.errors import CallFailed, Ended, QuarryError, Refused, Unfit, Unreachable
from quarry.home import AGENT
from quarry.protocol import control
from quarry.words import Reason, Terminal

TICK_S = 0.25  # how often time_passed wants to be told while something is outstanding
PROBE_S = 2.0  # of silence, after which a client says hello again
GRACE_S = 2.0  # that a node has beyond a deadline to say that it has passed

log = logging.getLogger("quarry")

FetchResult = Fetched | QuarryError
CallResult = tuple[list[Item], int] | QuarryError


@dataclass(slots=True, eq=False)
class Subscription:
    wish: control.Fetch
    expires: float | None
    then: Callable[[FetchResult], None] | None  # None: nobody waits, its terminal event is to come


@dataclass(slots=True, eq=False)
class Call:
    make: Callable[[int], Item]
    then: Callable[[CallResult], None] | None  # None: nobody waits for it any more
    answers: list[Item]


class Session:
    def __init__(self, network: str, patience_s: float | None) -> None:
        self.welcome: control.Welcome | None = None
        self.failure: QuarryError | None = None  # why the conversation has ended, if it has
        self._network = Network(network)
        self._writer = Writer(control.FROM_CLIENT, self._network)
        self._patience_s = patience_s
        # The terminal events to come, by tag and key: a withdrawn subscription's comes before that
        # of a new one of the same triple.
        self._subscriptions: dict[tuple[bytes, bytes], deque[Subscription]] = {}
        self._calls: dict[int, Call] = {}
        self._last_call = 0
        self._last_tag = 0
        self._heard = 0.0
        self._ticked = 0.0
        self._greeted: float | None = None  # since when a welcome is awaited

    # What the client wants.

    def greet(self, now: float) -> None:
        self.failure = None
        self._greeted = self._heard = now
        self._writer.add(control.Hello(AGENT))

    def fetch(
        self,
        wish: control.Fetch,
        own_tag: bool,
        now: float,
        then: Callable[[FetchResult], None],
    ) -> Subscription:
        """Subscribes. Where the tag is not the user's own (own_tag false) another is taken when
        the triple is in use already."""
        there = self._subscriptions.get((wish.tag, wish.key))
        if there is not None and own_tag and there[-1].then is not None:
            raise ValueError("this key is being fetched under this tag already")
        if there is not None and not own_tag:
            self._last_tag += 1
            wish = replace(wish, tag=b"\0" + self._last_tag.to_bytes(8))
        self._prepare(now)
        self._writer.add(wish)
        expires = now + wish.deadline_ms / 1000 if wish.deadline_ms else None
        subscription = Subscription(wish, expires, then)
        self._subscriptions.setdefault((wish.tag, wish.key), deque()).append(subscription)
        return subscription

    def abandon(self, subscription: Subscription) -> None:
        """Nobody waits for it any more: it is withdrawn, unless it is to outlive its client."""
        if subscription.then is None:
            return
        subscription.then = None
        if not subscription.wish.detached:
            self._withdraw(subscription)

    def withdraw(self, keys: Iterable[bytes], tag: bytes | None) -> int:
        """Ends the subscriptions to these keys, under this tag or any: they end as cancelled."""
        wanted = set(keys)
        ended = [
            each
            for (its_tag, key), there in self._subscriptions.items()
            if key in wanted and tag in (None, its_tag)
            for each in there
        ]
        for each in ended:
            self._withdraw(each)
        return len(ended)

    def call(
        self, make: Callable[[int], Item], now: float, then: Callable[[CallResult], None]
    ) -> Call:
        self._prepare(now)
        call = Call(make, then, [])
        self._begin(call)
        return call

    def forget(self, call: Call) -> None:
        call.then = None

    def listen(self, now: float) -> None:
        """The client reads again after it has not for a while: that was no silence of the node."""
        self._heard = now

    def leave(self) -> None:
        self._writer.add(control.Bye())

    # What happens.

    def received(self, frames: Sequence[bytes], now: float) -> None:
        self._heard = now
        try:
            items = decode(control.FROM_NODE, frames, self._network)
        except Unfit as unfit:
            if unfit.reason in (Reason.PROTOCOL, Reason.VERSION, Reason.NETWORK):
                self._fail(Refused(unfit.reason, unfit.detail))
            log.warning("dropped a message of the node: %s", unfit)
            return
        for item in items:
            self._on(item, now)

    def time_passed(self, now: float) -> None:
        """Call it after all that has arrived has been received."""
        if now - self._ticked < TICK_S or not self._outstanding():
            return
        self._ticked = now
        silent = now - self._heard
        if self._patience_s is not None and silent > self._patience_s:
            self._fail(Unreachable(f"the node has said nothing for {silent:.0f} seconds"))
        elif silent > PROBE_S and (self._greeted is None or now - self._greeted > PROBE_S):
            self._greeted = now
            self._writer.add(control.Hello(AGENT))
        for subscription in self._all():
            if subscription.expires is not None and now > subscription.expires + GRACE_S:
                then = subscription.then
                self.abandon(subscription)
                if then is not None:
                    then(Fetched(subscription.wish.key, Ended(Terminal.EXPIRED)))

    def take_messages(self) -> list[Message]:
        return self._writer.take()

    # Inside.

    def _withdraw(self, subscription: Subscription) -> None:
        wish = subscription.wish
        self._writer.add(control.Withdraw(wish.tag, wish.key))

    def _prepare(self, now: float) -> None:
        if self.failure is not None:
            self.greet(now)
        if not self._outstanding():
            self._heard = now

    def _outstanding(self) -> bool:
        return bool(self._calls or self._subscriptions or self._greeted is not None)

    def _all(self) -> list[Subscription]:
        return [each for there in self._subscriptions.values() for each in there]

    def _on(self, item: Item, now: float) -> None:
        match item:
            case control.Ping(nonce):
                self._writer.add(control.Pong(nonce))
            case control.Resolved(tag, key, peer, value):
                self._terminal(tag, Fetched(key, value, peer))
            case control.Ended(tag, key, how):
                self._terminal(tag, Fetched(key, Ended(how)))
            case control.FetchRefused(tag, key, reason, detail):
                self._terminal(tag, Fetched(key, Ended(Terminal.REFUSED, reason, detail)))
            case control.Done(call, count):
                self._answered(call, count)
            case control.Failed(call, reason, detail):
                self._answered(call, CallFailed(reason, detail))
            case control.Welcome():
                self._welcomed(item, now)
            case control.Refused(reason, detail):
                self._refused(reason, detail, now)
            case (
                control.NodeInfo()
                | control.FetchInfo()
                | control.PeerInfo()
                | control.AskInfo()
                | control.WorkerInfo()
                | control.Counter()
                | control.Stored()
            ):
                if item.call in self._calls:
                    self._calls[item.call].answers.append(item)

    def _terminal(self, tag: bytes, result: Fetched) -> None:
        there = self._subscriptions.get((tag, result.key))
        if there is None:
            return
        subscription = there.popleft()
        if not there:
            del self._subscriptions[tag, result.key]
        self._end(subscription, result)

    def _end(self, subscription: Subscription, result: FetchResult) -> None:
        then, subscription.then = subscription.then, None
        if then is not None:
            then(result)

    def _answered(self, call: int, result: int | QuarryError) -> None:
        found = self._calls.pop(call, None)
        if found is not None and found.then is not None:
            found.then(result if isinstance(result, QuarryError) else (found.answers, result))

    def _welcomed(self, welcome: control.Welcome, now: float) -> None:
        again = self.welcome is not None
        self.welcome = welcome
        self._greeted = None
        self._network.name = welcome.network
        self._network.key_length = welcome.key_length
        if again:
            self._ask_again(now)

    def _ask_again(self, now: float) -> None:
        """The node may have restarted, or forgotten this client: everything is wanted anew."""
        subscriptions, self._subscriptions = self._all(), {}
        calls, self._calls = self._calls, {}
        for each in subscriptions:
            if each.then is not None:
                self._subscribe_again(each, now)
        for call in calls.values():
            try:
                self._begin(call)
            except Unfit as unfit:  # other keys than before
                if call.then is not None:
                    call.then(unfit)

    def _subscribe_again(self, subscription: Subscription, now: float) -> None:
        wish = subscription.wish
        if subscription.expires is not None:
            wish = replace(wish, deadline_ms=max(1, int((subscription.expires - now) * 1000)))
        try:
            self._writer.add(wish)
        except Unfit as unfit:
            self._end(subscription, unfit)
        else:
            self._subscriptions[wish.tag, wish.key] = deque([subscription])

    def _begin(self, call: Call) -> None:
        number = self._last_call + 1
        self._writer.add(call.make(number))
        self._last_call = number
        self._calls[number] = call

    def _refused(self, reason: Reason, detail: str, now: float) -> None:
        if reason is not Reason.UNKNOWN:
            self._fail(Refused(reason, detail))
        elif self._greeted is None:  # else a hello is on its way already
            self._greeted = now
            self._writer.add(control.Hello(AGENT))

    def _fail(self, error: QuarryError) -> None:
        """Ends everything; what is wanted after this begins with a new hello."""
        self.failure = error
        self._greeted = None
        self._writer.clear()
        ended, self._subscriptions = self._all(), {}
        calls, self._calls = self._calls, {}
        for each in ended:
            self._end(each, error)
        for call in calls.values():
            if call.then is not None:
                call.then(error)
