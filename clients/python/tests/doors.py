"""A node's end of a connection, played by a test: it says and expects items, under a deadline."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import zmq

from quarry.codec import Direction, Item, Network, decode, encode
from quarry.protocol import control, worker

DEADLINE_MS = 10_000
KEY = bytes(range(32))
OTHER_KEY = bytes(32)
PEER = b"p" * 32
NODE = b"n" * 32

T = TypeVar("T", bound=Item)


class Door:
    """A ROUTER in the run/ directory of a home of its own."""

    def __init__(self, name: str, hears: Direction, says: Direction) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="quarry")
        self.home = Path(self._folder.name)
        (self.home / "run").mkdir()
        self.endpoint = f"ipc://{self.home}/run/{name}.sock"
        self.network = Network("main", 32)
        self._hears, self._says = hears, says
        self._heard: list[Item] = []
        self._partner = b""
        self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close(linger=0)
        self._folder.cleanup()

    def _open(self) -> None:
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self._socket.bind(self.endpoint)

    def restart(self) -> None:
        """All connections are lost, and all that was known."""
        self._socket.close(linger=0)
        self._heard.clear()
        self._open()

    def expect(self, cls: type[T]) -> T:
        """The next item said to the door, which must be one of these."""
        while not self._heard:
            if not self._socket.poll(DEADLINE_MS):
                raise AssertionError(f"no {cls.__name__} in time")
            self._partner, *frames = self._socket.recv_multipart()
            self._heard += decode(self._hears, frames, self.network)
        item = self._heard.pop(0)
        if not isinstance(item, cls):
            raise AssertionError(f"expected {cls.__name__}, heard {item}")
        return item

    def say(self, *items: Item) -> None:
        self.say_frames(encode(self._says, items, self.network))

    def say_frames(self, frames: list[bytes]) -> None:
        self._socket.send_multipart([self._partner, *frames])

    def nothing_said(self) -> bool:
        """Whether all that has been said was expected. Only means something behind a round trip."""
        return not self._heard and not self._socket.poll(0)


def control_door() -> Door:
    return Door("control", control.FROM_CLIENT, control.FROM_NODE)


def worker_door(name: str) -> Door:
    return Door(name, worker.FROM_WORKER, worker.FROM_DOOR)


def control_welcome(instance: int = 1) -> control.Welcome:
    return control.Welcome(NODE, instance, "main", 32, 1 << 22, "sha256", "quarry/0.1.0")


def worker_welcome() -> worker.Welcome:
    return worker.Welcome("main", 32, 1 << 22, "quarry/0.1.0")
