"""Nodes, clients and faulty peers for the end-to-end tests: real processes, real sockets.

The program under test is $QUARRY, the placement of its actors $QUARRY_PLACEMENT. Waiting is always
for an event or a condition with a deadline, never for a time.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import random
import selectors
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
QUARRY = os.environ.get("QUARRY", "build/dev/cli/quarry")
PLACEMENT = os.environ.get("QUARRY_PLACEMENT", "one")
# Sanitizers slow a process down; what is measured in seconds is allowed this much more.
PATIENCE = float(os.environ.get("QUARRY_PATIENCE", "1"))


reserved = []  # descriptors that keep ports ours while this process lives


def free_port():
    """A port below 32768 on which nobody listens now, and that no other test is given."""
    while True:
        port = random.randrange(20000, 32000)
        claim = socket.socket(socket.AF_UNIX)
        with contextlib.suppress(OSError), socket.socket() as probe:
            claim.bind(f"\0quarry-test-port-{port}")
            probe.bind(("127.0.0.1", port))
            reserved.append(claim.detach())
            return port
        claim.close()


def calm():
    """Whether late answers tell anything: where sanitizers or others slow all, any may be late."""
    return PATIENCE == 1 and os.getloadavg()[0] < 4 * os.cpu_count()


IMAGE = "quarry:test"


def containers():
    """The options that have a testnet run in containers, with this program in them; or none, and
    why not."""
    make = pathlib.Path(__file__).resolve().parent.parent.parent / "docker" / "image"
    done = subprocess.run([make, QUARRY, IMAGE], capture_output=True, text=True)
    if done.returncode == 0:
        return ["--docker", "--image", IMAGE], ""
    return [], (done.stderr.strip().splitlines() or ["docker/image fails"])[-1]


def key_of(value: bytes) -> str:
    return hashlib.sha256(value).hexdigest()


def eventually(condition, within=10.0, what="the condition"):
    """Waits until condition() is true, and gives back what it said."""
    until = time.monotonic() + within * PATIENCE
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > until:
            raise AssertionError(f"{what} did not come true within {within * PATIENCE:g} s")
        selectors.DefaultSelector().select(0.02)


class Ready:
    """Where a node says that it is ready, as it would say it to systemd."""

    def __init__(self, path):
        self.path = str(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)

    def wait(self, process, within=10.0):
        until = time.monotonic() + within * PATIENCE
        self.socket.settimeout(0.1)
        while time.monotonic() < until:
            with contextlib.suppress(TimeoutError):
                if b"READY=1" in self.socket.recv(4096):
                    return
            if process.poll() is not None:
                raise AssertionError(f"the node ended with {process.returncode} too early")
        raise AssertionError("the node was not ready in time")

    def close(self):
        self.socket.close()
        os.unlink(self.path)


class Node:
    """A node with a home of its own."""

    def __init__(self, folder, name, *options):
        self.name, self.home, self.options = name, pathlib.Path(folder) / name, list(options)
        self.port = free_port()
        self.endpoint = f"tcp://127.0.0.1:{self.port}"
        self.process = None
        self.run("keygen")
        self.key = self.run("id").stdout.strip()

    def command(self, *words):
        return [QUARRY, *map(str, words), "--home", str(self.home)]

    def run(self, *words, check=True, stdin=None, within=60.0):
        done = subprocess.run(self.command(*words), input=stdin, capture_output=True,
                              text=not isinstance(stdin, bytes), timeout=within * PATIENCE)
        if check and done.returncode != 0:
            raise AssertionError(f"{words} ended with {done.returncode}: {done.stderr}")
        return done

    def json(self, *words):
        return json.loads(self.run(*words, "--json").stdout)

    def knows(self, *others):
        lines = [f"{o.key} {o.endpoint} primary {o.name}\n" for o in others]
        (self.home / "peers").write_text("# peers of a test\n" + "".join(lines))
        return self

    def start(self):
        ready = Ready(self.home / "ready.sock")
        log = open(self.home / "node.log", "ab")
        environment = dict(os.environ, NOTIFY_SOCKET=ready.path)
        self.process = subprocess.Popen(
            self.command("node", "--listen", self.endpoint, "--name", self.name,
                         "--placement", PLACEMENT, *self.options),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        log.close()
        try:
            ready.wait(self.process)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()}") from None
        finally:
            ready.close()
        return self

    def log(self):
        return (self.home / "node.log").read_text(errors="replace")

    def memory(self, what):
        """Bytes, as /proc/PID/status calls them: VmRSS now, VmHWM at most so far."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * int(status.split(what + ":")[1].split()[0])

    def popen(self, *words, **options):
        return subprocess.Popen(self.command(*words), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

    def put(self, value: bytes):
        key = self.run("put", "-", stdin=value).stdout.split()[0].decode()
        assert key == key_of(value), key
        return key

    def peers(self):
        return {peer["name"]: peer for peer in self.json("peers", "list")["peers"]}

    def fetches(self):
        return {fetch["key"]: fetch for fetch in self.json("status")["fetches"]}

    def connected(self, count, within=10.0):
        eventually(lambda: sum(p["state"] == "connected" for p in self.peers().values()) >= count,
                   within, f"{self.name}: {count} connected peers")
        return self

    def stop(self, how=signal.SIGTERM):
        """Ends the node; gives back its exit code."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(timeout=10 * PATIENCE)
        self.process = None
        return code


class Case(unittest.TestCase):
    """A test with a folder of its own, whose nodes end with it."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="quarry-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.nodes = []

    def tearDown(self):
        logs = []
        for node in self.nodes:
            running = node.process is not None and node.process.poll() is None
            died = node.process is not None and not running
            code = node.stop()
            if died or (running and code != 0):
                logs.append(f"{node.name} ended with {code}:\n{node.log()[-4000:]}")
        self.assertEqual(logs, [], "a node ended badly")

    def node(self, name, *options):
        node = Node(self.folder, name, *options)
        self.nodes.append(node)
        return node

    def mesh(self, count, *options):
        """Nodes node1 … that all know each other, running and connected."""
        nodes = [self.node(f"node{i + 1}", *options) for i in range(count)]
        for node in nodes:
            node.knows(*(other for other in nodes if other is not node)).start()
        for node in nodes:
            node.connected(count - 1)
        return nodes
