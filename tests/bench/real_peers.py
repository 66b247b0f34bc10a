#!/usr/bin/env python3
"""Measures whom a node asks among real peers: five nodes on loopback, each link through a relay.

    real_peers.py QUARRY [--seconds S] [--rate N] [--slow MS] [--rounds N]

node1 asks. node2 is well; node3 is slowed; node4 falls silent in the middle of each half minute or
so (it is stopped, and goes on later); the fifth answers everything with a lie. All honest ones have
every value. Fetches come at random times, at a fixed rate, whether earlier ones are there or not.

Ours with hedges, ours without, and as a baseline a peer drawn at random for each fetch, and another
after two seconds; the baseline never asks the liar again once it has lied, as the node has blocked
it. They take turns. Prints one object in JSON.
"""

import argparse
import asyncio
import hashlib
import json
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "clients" / "python"))

from quarry import AsyncClient, Client, NotFetched  # noqa: E402
from quarry.words import PeerRole  # noqa: E402

WAYS = ("hedges", "no hedges", "uniform")
VALUES, SIZE = 200, 1024
BASELINE_TIMEOUT_S = 2.0


class Network:
    def __init__(self, quarry, slow_ms):
        self.quarry, self.folder = quarry, tempfile.mkdtemp(prefix="quarry-real-")
        self.dir = f"{self.folder}/net"
        self.run("testnet", "up", "--nodes", 4, "--relayed")
        self.run("testnet", "slow", "node3", f"{slow_ms}ms")
        self.values = [random.Random(number).randbytes(SIZE) for number in range(VALUES)]
        for node in ("node2", "node3", "node4"):
            with Client(home=self.home(node)) as client:
                for value in self.values:
                    client.put(value)
        self.keys = [hashlib.sha256(value).digest() for value in self.values]
        self.liar = None

    def run(self, *words):
        done = subprocess.run([self.quarry, *map(str, words), "--dir", self.dir],
                              capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise SystemExit(f"{words}: {done.stderr or done.stdout}")

    def home(self, node):
        return f"{self.dir}/{node}"

    def begin(self, way):
        """A new life of the asking node, which knows nothing of its peers but the set."""
        config = pathlib.Path(self.home("node1"), "quarry.toml")
        lines = [line for line in config.read_text().splitlines()
                 if not line.startswith("hedges")]
        hedges = f"hedges = {0 if way == 'no hedges' else 5}"
        config.write_text("\n".join([hedges, *lines]) + "\n")
        self.run("testnet", "kill", "node1")
        pathlib.Path(self.home("node1"), "state", "peers").unlink(missing_ok=True)
        self.run("testnet", "up")
        if self.liar is not None:
            self.liar.stdin.close()
            self.liar.wait(10)
        port = random.randrange(21000, 31000)
        self.liar = subprocess.Popen(
            ["/usr/bin/python3", str(ROOT / "tests" / "e2e" / "faulty_peer.py"), str(port), "main",
             "lie"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        key = self.liar.stdout.readline().strip()
        with Client(home=self.home("node1")) as client:
            client.add_peer(key, f"tcp://127.0.0.1:{port}", PeerRole.PRIMARY, "liar")
            while sum(peer.state.name == "CONNECTED" for peer in client.peers()) < 4:
                time.sleep(0.05)
            for peer in client.peers():
                client.unblock_peer(peer.peer.peer)

    def close(self):
        if self.liar is not None:
            self.liar.stdin.close()
            self.liar.wait(10)
        self.run("testnet", "down", "--purge")
        shutil.rmtree(self.folder, ignore_errors=True)


async def fetch_ours(client, key, peers):
    await client.fetch(key, local=False)


async def fetch_uniform(client, key, peers):
    untried = []
    while True:
        untried = untried or random.sample(peers, len(peers))
        peer = untried.pop()
        try:
            return await client.fetch(key, local=False, targets=[peer],
                                      timeout=BASELINE_TIMEOUT_S, tag=random.randbytes(8))
        except NotFetched:
            continue


async def measure(net, way, seconds, rate):
    fetch = fetch_uniform if way == "uniform" else fetch_ours
    took, tasks = [], set()
    async with AsyncClient(home=net.home("node1")) as client:
        peers = [peer.peer.peer for peer in await client.peers()]
        names = {peer.peer.peer: peer.peer.name for peer in await client.peers()}

        async def one(key):
            begun = time.monotonic()
            await fetch(client, key, peers)
            took.append((begun - start, time.monotonic() - begun))

        start = time.monotonic()
        due, stopped, resumed, number = 0.0, False, False, 0
        while due < seconds:
            due += random.expovariate(rate)
            await asyncio.sleep(max(0.0, start + due - time.monotonic()))
            if not stopped and due > seconds / 3:
                stopped = True
                await asyncio.to_thread(net.run, "testnet", "pause", "node4")
            if not resumed and due > 2 * seconds / 3:
                resumed = True
                await asyncio.to_thread(net.run, "testnet", "resume", "node4")
            task = asyncio.create_task(one(net.keys[number % VALUES]))
            number += 1
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.wait_for(asyncio.gather(*tasks), 60)
        asked = {names[peer.peer.peer]: peer.asked for peer in await client.peers()}
        counters = (await client.status()).counters
    return took, asked, counters


def told(took, seconds):
    ms = sorted(1000 * each for _, each in took)
    silent = sorted(1000 * each for begun, each in took
                    if seconds / 3 <= begun < 2 * seconds / 3)
    at = lambda of, part: of[min(len(of) - 1, int(part * len(of)))]  # noqa: E731
    return {"p50_ms": at(ms, 0.5), "p99_ms": at(ms, 0.99), "p999_ms": at(ms, 0.999),
            "p99_silent_ms": at(silent, 0.99)}


def main():
    flags = argparse.ArgumentParser()
    flags.add_argument("quarry")
    flags.add_argument("--seconds", type=float, default=15)
    flags.add_argument("--rate", type=float, default=150)
    flags.add_argument("--slow", type=int, default=20, help="of node3's links, each way, in ms")
    flags.add_argument("--rounds", type=int, default=5)
    options = flags.parse_args()
    net = Network(options.quarry, options.slow)
    rounds = {way: [] for way in WAYS}
    try:
        for number in range(options.rounds):
            for way in WAYS:
                net.begin(way)
                took, asked, counters = asyncio.run(
                    measure(net, way, options.seconds, options.rate))
                every = sum(asked.values())
                figures = told(took, options.seconds)
                figures["hedged"] = counters["requests_hedged"] / every
                figures["asks_per_fetch"] = every / len(took)
                figures |= {f"share_{name}": count / every for name, count in asked.items()}
                rounds[way].append(figures)
                print(number, way, {name: round(value, 3) for name, value in figures.items()},
                      file=sys.stderr)
    finally:
        net.close()
    print(json.dumps({way: {name: round(statistics.median(each[name] for each in of), 3)
                            for name in of[0]} for way, of in rounds.items()}, indent=1))


if __name__ == "__main__":
    main()
