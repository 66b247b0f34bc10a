"""Verifiers and storages of one's own: derive from Verifier or Storage, and call run().

The socket stays in the thread that calls run(); judging, looking up and keeping happen in `threads`
threads beside it (one, unless said otherwise: then nothing of yours runs twice at a time, and
always in the same thread). So pings are answered while a job takes its time, unless it is C code
that holds the interpreter's lock for seconds.

An exception in a method of yours answers that one job with "failed": for a verifier a lost verdict,
that blames nobody, never a verdict.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from queue import SimpleQueue
from time import monotonic
from typing import ClassVar

import zmq

from quarry.codec import Item, KeyRange, Message, Network, StoredEntry, Writer, clipped, decode
from quarry.errors import Refused, Unfit
from quarry.home import AGENT
from quarry.home import endpoint as endpoint_of
from quarry.protocol import worker
from quarry.words import Outcome, Reason, WorkerRole

AGAIN_S = 1.0  # until a door that refused is greeted again, and a hello without answer repeated
SILENCE_S = 10.0  # of a door, after which it is greeted again
STOP_S = 5.0  # that jobs in progress have to end when the worker stops

# After these the door has given this worker's jobs to others.
_FORGETS_JOBS = (Reason.MALFORMED, Reason.TOO_LARGE, Reason.TOO_MANY, Reason.KEY_LENGTH)

LOOKS_UP = 1
KEEPS = 2
LISTS = 4
TELLS = 8

log = logging.getLogger("quarry")

Job = worker.Judge | worker.LookUp | worker.Keep | worker.Remove | worker.List


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verifier says of a value."""

    outcome: Outcome
    satisfied: tuple[int, ...] = ()

    @staticmethod
    def complete() -> Verdict:
        """Right, and all subscribers are satisfied."""
        return Verdict(Outcome.COMPLETE)

    @staticmethod
    def partial(satisfied: Iterable[int]) -> Verdict:
        """Right, and satisfies the subscribers of these indexes, at least one."""
        indexes = tuple(sorted(set(satisfied)))
        if not indexes or indexes[0] < 0:
            raise ValueError("partial names one subscriber at least, by index from 0")
        return Verdict(Outcome.PARTIAL, indexes)

    @staticmethod
    def unresolved() -> Verdict:
        """Right, but satisfies nobody: the key is asked again."""
        return Verdict(Outcome.UNRESOLVED)

    @staticmethod
    def invalid() -> Verdict:
        """Proven to be wrong: the peer is blocked. Where in doubt, raise an exception instead."""
        return Verdict(Outcome.INVALID)

    @staticmethod
    def ignored() -> Verdict:
        """Nobody wants this key any more: the fetch ends."""
        return Verdict(Outcome.IGNORED)

    @staticmethod
    def withheld() -> Verdict:
        """The verifier will not say: these subscribers end without a value."""
        return Verdict(Outcome.WITHHELD)


class Worker(ABC):
    """What verifiers and storages have in common. Set the class attributes as you like."""

    name: str = "python"  # storages of one name are one storage in several processes
    credit: int = 64  # jobs held at a time
    threads: int = 1  # jobs done at a time
    keys: tuple[KeyRange, ...] = ()  # which keys it is for; none named: all

    ROLE: ClassVar[WorkerRole]
    DOOR: ClassVar[str]
    _loop: _Loop | None = None

    @cached_property
    def instance(self) -> int:
        """One life of this worker: the same over all its connections."""
        return secrets.randbits(63) | 1

    @cached_property
    def _stopping(self) -> threading.Event:
        return threading.Event()

    def run(
        self,
        home: str | os.PathLike[str] | None = None,
        door: str | None = None,
        network: str = "",
    ) -> None:
        """Serves the node of this home, or this door, until SIGTERM, SIGINT or stop().

        Raises Refused when the door will never take this worker. A door that is not there, or goes
        away, is waited for.
        """
        endpoint = endpoint_of(self.DOOR, home, door)
        with _Loop(self, endpoint, network) as loop, _stop_on_signals(self.stop):
            self._loop = loop
            try:
                loop.run(self._stopping)
            finally:
                self._loop = None

    def stop(self) -> None:
        """Makes run() say goodbye and return. May be called from any thread."""
        self._stopping.set()
        loop = self._loop
        if loop is not None:
            loop.wake()

    @abstractmethod
    def abilities(self) -> int: ...

    @abstractmethod
    def answer(self, job: Job) -> Item:
        """Does a job; any exception is a failure of this job alone."""


class Verifier(Worker):
    """Judges values."""

    ROLE = WorkerRole.VERIFIER
    DOOR = "verifiers"

    @abstractmethod
    def judge(self, key: bytes, value: bytes, peer: bytes, subscribers: list[bytes]) -> Verdict:
        """Is this the value of this key? `peer` gave it; `subscribers` are the tags of those who
        wait for it."""

    def abilities(self) -> int:
        return 0

    def answer(self, job: Job) -> Item:
        if not isinstance(job, worker.Judge):
            raise TypeError("a verifier only judges")
        verdict = self.judge(job.key, job.value, job.peer, list(job.subscribers))
        if not isinstance(verdict, Verdict):
            raise TypeError(f"judge returned {verdict!r}, which is no Verdict")
        if verdict.satisfied and verdict.satisfied[-1] >= len(job.subscribers):
            raise IndexError("a verdict names a subscriber beyond the list")
        said = worker.Verdict(job.job, verdict.outcome, verdict.satisfied)
        said.check()
        return said


class Storage(Worker):
    """Looks values up. Override keep and remove, too, for a storage that keeps, and stored for one
    that lists."""

    ROLE = WorkerRole.STORAGE
    DOOR = "storages"
    tells: bool = False  # it gets values by keep alone, or says have() of others

    @abstractmethod
    def look_up(self, key: bytes) -> bytes | None:
        """The value of this key, None if it is not there, or not surely the bytes once kept."""

    def keep(self, key: bytes, value: bytes) -> None:
        """Returns when the value is on disk; replaces an older one."""
        raise NotImplementedError

    def remove(self, key: bytes) -> bool | None:
        """False if it was not there."""
        raise NotImplementedError

    def stored(self, after: bytes, most: int) -> Iterable[tuple[bytes, int]]:
        """The first keys above `after`, in order, with the sizes of their values: `most` of them,
        or as many as there are. What more comes is not looked at."""
        raise NotImplementedError

    def have(self, *keys: bytes) -> None:
        """Says that this storage has values of these keys which it got otherwise than by keep, once
        look_up finds them: peers that asked in vain are told. May be called from any thread; does
        nothing unless run() runs."""
        loop = self._loop
        if loop is not None:
            loop.announce(keys)

    def abilities(self) -> int:
        keeps = KEEPS if type(self).keep is not Storage.keep else 0
        lists = LISTS if type(self).stored is not Storage.stored else 0
        return LOOKS_UP | keeps | lists | (TELLS if self.tells else 0)

    def answer(self, job: Job) -> Item:
        match job:
            case worker.LookUp(number, key, room):
                value = self.look_up(key)
                if value is None:
                    return worker.NoData(number)
                if not isinstance(value, bytes):
                    raise TypeError("look_up returns bytes or None")
                if len(value) > room:
                    return worker.TooLarge(number, len(value))
                return worker.Found(number, value)
            case worker.Keep(number, key, value):
                self.keep(key, value)
                return worker.Done(number)
            case worker.Remove(number, key):
                return worker.NoData(number) if self.remove(key) is False else worker.Done(number)
            case worker.List(number, after, most):
                pairs = islice(self.stored(after, most), most)
                listed = worker.Listed(number, tuple(StoredEntry(*pair) for pair in pairs))
                listed.check()
                return listed
            case _:
                raise TypeError("a storage does not judge")


@dataclass(slots=True, eq=False)
class _Held:
    """A job that this worker holds."""

    job: Job
    begun: bool = False
    dropped: bool = False
    named: bool = True  # by the door since the last hello; else its answer waits for that
    answer: Item | None = None


class _Loop:
    """One run of a worker: its socket, the jobs it holds, and the threads that do them."""

    def __init__(self, served: Worker, endpoint: str, network: str) -> None:
        self._worker = served
        self._network = Network(network)
        self._writer = Writer(worker.FROM_WORKER, self._network)
        self._unsent: deque[Message] = deque()
        self._held: dict[int, _Held] = {}
        self._jobs: SimpleQueue[_Held | None] = SimpleQueue()
        self._answers: SimpleQueue[tuple[_Held, Item]] = SimpleQueue()
        self._new_keys: SimpleQueue[bytes] = SimpleQueue()
        self._heard = monotonic()
        self._greet_at: float | None = None  # when to say hello (again)
        self._awaits_welcome = False
        self._welcomed = False
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        os.set_blocking(self._write_end, False)
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        self._socket.linger = 500
        # Nothing waits in a connection that is not there: each begins with a hello.
        self._socket.setsockopt(zmq.IMMEDIATE, 1)
        self._monitor = self._socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
        self._socket.connect(endpoint)
        self._threads = [
            threading.Thread(target=self._work, name=f"{served.name}-{n}", daemon=True)
            for n in range(max(1, served.threads))
        ]

    def __enter__(self) -> _Loop:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for held in self._held.values():
            held.dropped = True
        for _thread in self._threads:
            self._jobs.put(None)
        deadline = monotonic() + STOP_S
        self._socket.disable_monitor()
        self._monitor.close()
        self._socket.close()
        for thread in self._threads:
            thread.join(max(0.0, deadline - monotonic()))
        if not any(thread.is_alive() for thread in self._threads):
            os.close(self._read_end)
            os.close(self._write_end)

    def wake(self) -> None:
        with suppress(OSError):  # it is awake already, or gone
            os.write(self._write_end, b"!")

    def announce(self, keys: Iterable[bytes]) -> None:
        for key in keys:
            self._new_keys.put(key)
        self.wake()

    def run(self, stopping: threading.Event) -> None:
        poller = zmq.Poller()
        poller.register(self._monitor, zmq.POLLIN)
        poller.register(self._read_end, zmq.POLLIN)
        while not stopping.is_set():
            poller.register(self._socket, zmq.POLLIN | (zmq.POLLOUT if self._unsent else 0))
            poller.poll(250)
            self._read_door()
            self._read_monitor()
            self._collect()
            self._time_passed(monotonic())
            self._flush()
        self._collect()
        self._writer.add(worker.Bye())
        self._flush()

    # The door.

    def _read_monitor(self) -> None:
        while self._monitor.poll(0):
            self._monitor.recv_multipart()
            self._read_door()  # what came over the connection before this one
            self._set_aside()
            self._greet()

    def _read_door(self) -> None:
        while self._socket.poll(0):
            frames = self._socket.recv_multipart(zmq.NOBLOCK)
            self._heard = monotonic()
            self._received(frames)

    def _received(self, frames: Sequence[bytes]) -> None:
        try:
            items = decode(worker.FROM_DOOR, frames, self._network)
        except Unfit as unfit:
            if unfit.reason in (Reason.PROTOCOL, Reason.VERSION, Reason.NETWORK):
                raise Refused(unfit.reason, unfit.detail) from None
            log.warning("dropped a message of the door: %s", unfit)
            return
        for item in items:
            self._on(item)

    def _on(self, item: Item) -> None:
        match item:
            case worker.Judge() | worker.LookUp() | worker.Keep() | worker.Remove() | worker.List():
                self._given(item)
            case worker.Abort(job):
                self._aborted(job)
            case worker.Ping(nonce):
                self._writer.add(worker.Pong(nonce))
            case worker.Welcome(network, key_length):
                self._network.name, self._network.key_length = network, key_length
                self._awaits_welcome, self._greet_at = False, None
                self._welcomed = True
                log.info("attached to %s", network)
            case worker.Refused(reason, detail):
                self._refused(reason, detail)

    def _refused(self, reason: Reason, detail: str) -> None:
        if reason in (
            Reason.PROTOCOL,
            Reason.VERSION,
            Reason.NETWORK,
            Reason.UNSUPPORTED,
        ):
            raise Refused(reason, detail)
        if reason is Reason.UNKNOWN:
            if not self._awaits_welcome:  # else a hello is on its way already
                self._set_aside()
                self._greet()
            return
        if reason in _FORGETS_JOBS:
            self._set_aside()
        log.warning("refused by the door, %s: %r", reason.name.lower(), detail)
        self._greet_at = monotonic() + AGAIN_S

    def _set_aside(self) -> None:
        """What is held must be named by the door again before it is answered: another life of the
        node may use the same numbers for other jobs."""
        for number, held in list(self._held.items()):
            if held.named:
                held.named = False
            elif held.answer is not None:
                del self._held[number]
        self._writer.clear()
        self._unsent.clear()

    def _greet(self) -> None:
        """Says hello: a door that knows this worker already welcomes it, and nothing changes."""
        self._writer.add(
            worker.Hello(
                self._worker.ROLE,
                self._worker.instance,
                self._worker.credit,
                self._worker.abilities(),
                self._worker.name,
                AGENT,
                self._worker.keys,
            )
        )
        self._awaits_welcome = True
        self._heard = monotonic()
        self._greet_at = None

    def _time_passed(self, now: float) -> None:
        if self._greet_at is not None and now >= self._greet_at:
            self._greet()
        silence_s = AGAIN_S if self._awaits_welcome else SILENCE_S
        if now - self._heard > silence_s and not self._unsent:
            self._greet()

    def _flush(self) -> None:
        self._unsent.extend(self._writer.take())
        try:
            while self._unsent:
                self._socket.send_multipart(self._unsent[0], zmq.NOBLOCK)
                self._unsent.popleft()
        except zmq.Again:
            pass  # goes out when there is a connection with room

    # The jobs.

    def _given(self, job: Job) -> None:
        held = self._held.get(job.job)
        if held is not None and held.job == job:
            held.named = True
            self._answer_if_ready(held)
            return
        if held is not None:
            held.dropped = True
        self._held[job.job] = held = _Held(job)
        self._jobs.put(held)

    def _aborted(self, number: int) -> None:
        held = self._held.get(number)
        if held is not None and held.named and not held.begun:
            held.dropped = True
            held.answer = worker.Failed(number, "aborted")
            self._answer_if_ready(held)

    def _collect(self) -> None:
        try:
            while os.read(self._read_end, 4096):
                pass
        except BlockingIOError:
            pass
        while not self._answers.empty():
            held, answer = self._answers.get()
            if self._held.get(held.job.job) is held:
                held.answer = answer
                self._answer_if_ready(held)
        while self._welcomed and not self._awaits_welcome and not self._new_keys.empty():
            self._writer.add(worker.Have(self._new_keys.get()))

    def _answer_if_ready(self, held: _Held) -> None:
        if held.answer is None or not held.named:
            return
        del self._held[held.job.job]
        try:
            self._writer.add(held.answer)
        except Unfit as unfit:
            self._writer.add(worker.Failed(held.job.job, clipped(str(unfit))))

    def _work(self) -> None:
        """A thread that does jobs."""
        while (held := self._jobs.get()) is not None:
            if held.dropped:
                continue
            held.begun = True
            answer: Item
            try:
                answer = self._worker.answer(held.job)
            except BaseException as error:
                log.exception("a job failed")
                answer = worker.Failed(held.job.job, clipped(f"{type(error).__name__}: {error}"))
            self._answers.put((held, answer))
            self.wake()


@contextmanager
def _stop_on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """SIGTERM and SIGINT stop; only the main thread may ask for that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, lambda *_: stop())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
