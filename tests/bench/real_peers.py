#!/usr/bin/env python3
"""Measures whom a node asks among real peers: five nodes on loopback, each link through a relay.

    real_peers.py QUARRY [--seconds S] [--rate N] [--slow MS] [--rounds N] [--each FILE]

node1 asks. node2 is well; node3 is slowed; node4 is stopped for the middle third of each run; a
fifth answers everything with a lie. All honest ones have every value. Fetches come at random times,
at a fixed rate, whether earlier ones are there or not.

Ours with hedges, ours without, and as a baseline an honest peer drawn at random for each fetch, and
another after two seconds: it need not find out who lies. They take turns, with the same times and
keys in each round. Prints one object in JSON: medians of the rounds; with --each also all rounds,
to a file.
"""

import argparse
import asyncio
import hashlib
import json
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "clients" / "python"), str(ROOT / "tests" / "e2e")]

from cluster import free_port  # noqa: E402
from quarry import AsyncClient, Client, NotFetched  # noqa: E402
from quarry.words import PeerRole  # noqa: E402

WAYS = ("hedges", "no hedges", "uniform")
VALUES, SIZE = 200, 1024
BASELINE_TIMEOUT_S = 2.0
# What is still out after the last fetch began has so long.
LAST_S = 60.0


class Network:
    def __init__(self, quarry, folder, slow_ms):
        self.quarry, self.folder, self.liar = quarry, folder, None
        self.up = ("testnet", "up", "--nodes", 4, "--relayed", "--dir", folder)
        nodes = json.loads(self.run(*self.up, "--json"))["nodes"]
        self.homes = {node["name"]: pathlib.Path(node["home"]) for node in nodes}
        self.trouble("slow", "node3", f"{slow_ms}ms")
        values = [random.Random(number).randbytes(SIZE) for number in range(VALUES)]
        for node in ("node2", "node3", "node4"):
            with Client(home=self.homes[node]) as client:
                for value in values:
                    client.put(value)
        self.keys = [hashlib.sha256(value).digest() for value in values]

    def run(self, *words):
        done = subprocess.run([self.quarry, *map(str, words)], capture_output=True, text=True,
                              timeout=120)
        if done.returncode != 0:
            raise SystemExit(f"{words}: {done.stderr or done.stdout}")
        return done.stdout

    def trouble(self, *words):
        self.run("testnet", *words, "--dir", self.folder)

    def asker(self, *words):
        return json.loads(self.run(*words, "--json", "--home", self.homes["node1"]))

    def begin(self, way):
        """A new life of the asking node, which knows nothing of its peers but the set."""
        self.trouble("kill", "node1")
        home = self.homes["node1"]
        (home / "state" / "peers").unlink(missing_ok=True)
        config = home / "quarry.toml"
        lines = [line for line in config.read_text().splitlines()
                 if not line.startswith("hedges")]
        hedges = f"hedges = {0 if way == 'no hedges' else 5}"
        config.write_text("\n".join([hedges, *lines]) + "\n")
        self.run(*self.up)
        self.end_liar()
        port, liar = free_port(), ROOT / "tests" / "e2e" / "faulty_peer.py"
        self.liar = subprocess.Popen([sys.executable, "-B", liar, str(port), "main", "lie"],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        key = self.liar.stdout.readline().strip()
        with Client(home=home) as client:
            client.add_peer(key, f"tcp://127.0.0.1:{port}", PeerRole.PRIMARY, "liar")
            until = time.monotonic() + 60
            while sum(peer.state.name == "CONNECTED" for peer in client.peers()) < 4:
                if time.monotonic() > until:
                    raise SystemExit("not all peers are connected within a minute")
                time.sleep(0.05)

    def end_liar(self):
        if self.liar is not None:
            self.liar.stdin.close()
            self.liar.wait(10)
            self.liar.stdout.close()

    def close(self):
        self.end_liar()
        self.trouble("down", "--purge")


async def fetch_ours(client, key, honest, draw):
    await client.fetch(key, local=False)


async def fetch_uniform(client, key, honest, draw):
    untried = []
    while True:
        untried = untried or draw.sample(honest, len(honest))
        try:
            return await client.fetch(key, local=False, targets=[untried.pop()],
                                      timeout=BASELINE_TIMEOUT_S, tag=draw.randbytes(8))
        except NotFetched:
            continue


async def measure(net, way, seconds, rate, seed):
    """Each fetch: when it began, and how long it took."""
    fetch = fetch_uniform if way == "uniform" else fetch_ours
    arrivals, draw = random.Random(seed), random.Random(seed)
    took, tasks = [], []
    async with AsyncClient(home=net.homes["node1"]) as client:
        honest = [peer.peer.peer for peer in await client.peers() if peer.peer.name != "liar"]

        async def one(key):
            begun = time.monotonic()
            await fetch(client, key, honest, draw)
            took.append((begun - start, time.monotonic() - begun))

        async def silence():
            for word in ("pause", "resume"):
                await asyncio.sleep(seconds / 3)
                await asyncio.to_thread(net.trouble, word, "node4")

        start, due = time.monotonic(), 0.0
        tasks.append(asyncio.create_task(silence()))
        while due < seconds:
            due += arrivals.expovariate(rate)
            await asyncio.sleep(max(0.0, start + due - time.monotonic()))
            tasks.append(asyncio.create_task(one(net.keys[len(tasks) % VALUES])))
        await asyncio.wait_for(asyncio.gather(*tasks), LAST_S)
    return took


def quantile(of, part):
    return of[min(len(of) - 1, int(part * len(of)))]


def figures(net, took, seconds):
    ms = sorted(1000 * each for _, each in took)
    silent = sorted(1000 * each for begun, each in took
                    if seconds / 3 <= begun < 2 * seconds / 3)
    asked = {peer["name"]: peer["asked"] for peer in net.asker("peers", "list")["peers"]}
    counters = net.asker("status")["counters"]
    every = sum(asked.values())
    told = {"fetches": len(ms), "p50_ms": quantile(ms, 0.5), "p99_ms": quantile(ms, 0.99),
            "p999_ms": quantile(ms, 0.999), "p99_silent_ms": quantile(silent, 0.99),
            "asks_per_fetch": every / len(ms), "hedged": counters["hedges_total"] / every}
    return told | {f"share_{name}": count / every for name, count in asked.items()}


def main():
    flags = argparse.ArgumentParser()
    flags.add_argument("quarry")
    flags.add_argument("--seconds", type=float, default=15, help="of one run")
    flags.add_argument("--rate", type=float, default=150, help="fetches a second")
    flags.add_argument("--slow", type=int, default=20, help="of node3's links, each way, in ms")
    flags.add_argument("--rounds", type=int, default=5)
    flags.add_argument("--each", help="a file for the figures of every round")
    options = flags.parse_args()
    rounds = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory(prefix="quarry-real-peers-") as folder:
        net = Network(options.quarry, f"{folder}/net", options.slow)
        try:
            for number in range(options.rounds):
                for way in WAYS:
                    net.begin(way)
                    took = asyncio.run(measure(net, way, options.seconds, options.rate, number))
                    rounds[way].append(figures(net, took, options.seconds))
        finally:
            net.close()
    if options.each:
        pathlib.Path(options.each).write_text(json.dumps(rounds, indent=1) + "\n")
    print(json.dumps({way: {name: round(statistics.median(each[name] for each in of), 4)
                            for name in of[0]} for way, of in rounds.items()}, indent=1))


if __name__ == "__main__":
    main()
