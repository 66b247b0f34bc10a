"""What the tests of Python workers and clients share: workers in threads and in processes of their
own, and a client that sees each event as it is said."""

import concurrent.futures
import logging
import os
import pathlib
import queue
import subprocess
import sys
import threading

import zmq

from cluster import PATIENCE, Case, eventually

HERE = pathlib.Path(__file__).parent
PACKAGE = HERE.parents[1] / "clients" / "python"
sys.path.insert(0, str(PACKAGE))

import quarry  # noqa: E402
from python_workers import key_of, value_of  # noqa: E402
from quarry import Client  # noqa: E402
from quarry.codec import Network, Writer, decode  # noqa: E402
from quarry.protocol import control  # noqa: E402

KEY = bytes(range(32))


class Events:
    """A client that counts each event it is told, as the protocol has it: nothing in between could
    hide a key that is delivered twice."""

    def __init__(self, node):
        self.network = Network("main", 32)
        self.writer = Writer(control.FROM_CLIENT, self.network)
        self.delivered, self.wrong, self.answers = {}, [], set()
        self.unasked, self.window, self.out = iter(()), 0, 0
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 500
        self.socket.connect(f"ipc://{node.home}/run/control.sock")
        self.writer.add(control.Hello("events"))

    def fetch(self, keys, window=1 << 20):
        """Asks for all of them, no more than `window` at a time."""
        self.unasked, self.window = iter(keys), window

    def ask(self):
        while self.out < self.window and (key := next(self.unasked, None)):
            self.writer.add(control.Fetch(b"", key, (), True, False, False, quarry.Class.NORMAL, 0))
            self.out += 1

    def until(self, condition, within=30.0):
        """Reads until condition() is true; each wait for the next message has the deadline."""
        while True:
            self.ask()
            for message in self.writer.take():
                self.socket.send_multipart(message)
            if condition():
                return
            if not self.socket.poll(within * PATIENCE * 1000):
                raise AssertionError(f"nothing came; {len(self.delivered)} keys were delivered")
            for item in decode(control.FROM_NODE, self.socket.recv_multipart(), self.network):
                self.on(item)

    def on(self, item):
        match item:
            case control.Ping(nonce):
                self.writer.add(control.Pong(nonce))
            case control.Resolved(_, key, _, value):
                self.delivered[key] = self.delivered.get(key, 0) + 1
                self.out -= 1
                if value != value_of(int(value.split()[0])) or key != key_of(int(value.split()[0])):
                    self.wrong.append(key)
            case control.Done(call):
                self.answers.add(call)
            case control.Ended() | control.FetchRefused() | control.Failed() | control.Refused():
                self.wrong.append(item)

    def settle(self):
        """All that was said before this has been heard after it."""
        self.writer.add(control.Status(77, (KEY,)))
        self.until(lambda: 77 in self.answers)

    def close(self):
        self.writer.add(control.Bye())
        for message in self.writer.take():
            self.socket.send_multipart(message)
        self.socket.close()


class Asked(quarry.Verifier):
    """Gives each value to the test, which says the verdict."""

    name = "asked"
    threads = 4

    def __init__(self):
        self._jobs = queue.SimpleQueue()

    def judge(self, key, value, peer, subscribers):
        job = Job(value, peer, subscribers)
        self._jobs.put(job)
        return job.verdict.result(60)

    def next(self):
        return self._jobs.get(timeout=15 * PATIENCE)


class Job:
    def __init__(self, value, peer, subscribers):
        self.value, self.peer, self.subscribers = value, peer, subscribers
        self.verdict = concurrent.futures.Future()

    def say(self, verdict):
        self.verdict.set_result(verdict)

    def fail(self):
        self.verdict.set_exception(KeyError("a bug of the verifier's"))


class Shelf(quarry.Storage):
    """What the test put on it."""

    name = "shelf"

    def __init__(self):
        self.values, self.look_ups = {}, 0

    def look_up(self, key):
        if key in self.values:
            self.look_ups += 1
        return self.values.get(key)


class WorkerCase(Case):
    def setUp(self):
        super().setUp()
        logging.getLogger("quarry").setLevel(logging.CRITICAL)
        self.pool = concurrent.futures.ThreadPoolExecutor(8)
        self.addCleanup(self.pool.shutdown)

    def pair(self):
        """A node that serves and one that asks it; neither has a verifier of its own."""
        serving = self.node("serving", "--digest", "none")
        asking = self.node("asking", "--digest", "none").knows(serving)
        serving.knows(asking).start()
        self.connected(asking.start())
        return serving, asking

    def connected(self, node):
        eventually(lambda: self.peers(node)["serving"].state is quarry.PeerState.CONNECTED,
                   what="connected")

    def peers(self, node):
        with Client(home=node.home) as client:
            return {info.peer.name: info for info in client.peers()}

    def attach(self, worker, node):
        """Runs a worker in a thread, for as long as the test lasts."""
        thread = threading.Thread(target=worker.run, kwargs={"home": node.home})
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(worker.stop)
        self.attached(node, lambda info: info.instance == worker.instance)
        return worker

    def process(self, *command, node, name):
        """A worker in a process of its own, once it is attached."""
        started = subprocess.Popen(
            [sys.executable, "-B", *map(str, command)], stdin=subprocess.DEVNULL,
            env=dict(os.environ, PYTHONPATH=str(PACKAGE)))
        self.addCleanup(started.wait)
        self.addCleanup(started.kill)
        self.attached(node, lambda info: info.name == name)
        return started

    def worker(self, kind, node, *words):
        return self.process(HERE / "python_workers.py", kind, node.home, *words, node=node,
                            name=kind)

    def attached(self, node, condition):
        with Client(home=node.home) as client:
            eventually(lambda: any(map(condition, client.workers())), what="a worker attached")

    def detached(self, node, name):
        with Client(home=node.home) as client:
            eventually(lambda: name not in [info.name for info in client.workers()],
                       what=f"{name} gone")

    def events(self, node):
        events = Events(node)
        self.addCleanup(events.close)
        return events

    def fetching(self, node, key, **options):
        """A client of its own that waits for a key."""
        def fetch():
            with Client(home=node.home) as client:
                return client.fetch(key, **options)
        return self.pool.submit(fetch)

    def result(self, fetching):
        """Its value, or how it ended."""
        try:
            return fetching.result(15 * PATIENCE)
        except quarry.NotFetched as ended:
            return ended.ended.how

    def subscribers(self, node, key, count):
        with Client(home=node.home) as client:
            eventually(lambda: [f.subscribers for f in client.status([key]).fetches] == [count],
                       what=f"{count} subscribers")

    def standing(self, node):
        """What would show that somebody was blamed."""
        return {name: (peer["state"], peer["blocked_ms"], peer["invalid"])
                for name, peer in node.peers().items()}

    def counters(self, node):
        with Client(home=node.home) as client:
            return client.status([KEY]).counters
