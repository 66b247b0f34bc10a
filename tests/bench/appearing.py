#!/usr/bin/env python3
"""Measures what waiting for values costs that nobody has yet, on five nodes with real sockets.

    appearing.py QUARRY [--delay MS] [--values N]   how soon a value that is put elsewhere is there
    appearing.py QUARRY --waiting N [--after S] [--seconds S]
                                                    what so many waiting fetches cost

Prints one object in JSON. All packets of the loopback are counted, so run the second in a network
of its own: `unshare -n sh -c 'ip link set lo up && exec tests/bench/appearing.py ...'`.
"""

import argparse
import hashlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "clients" / "python"))

import zmq  # noqa: E402

from quarry import Client  # noqa: E402
from quarry.codec import Network, decode, encode  # noqa: E402
from quarry.protocol import control  # noqa: E402
from quarry.words import Class, WaitsFor  # noqa: E402

NODES = 5
PATIENCE_S = 60


class Testnet:
    def __init__(self, quarry, relayed):
        self.quarry, self.folder = quarry, tempfile.mkdtemp(prefix="quarry-appearing-")
        self.dir = f"{self.folder}/net"
        self.run("testnet", "up", "--nodes", NODES, *(["--relayed"] if relayed else []))

    def run(self, *words):
        done = subprocess.run([self.quarry, *map(str, words), "--dir", self.dir],
                              capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise SystemExit(f"{words}: {done.stderr or done.stdout}")
        return done.stdout

    def home(self, number):
        return f"{self.dir}/node{number}"

    def connected(self):
        for number in range(1, NODES + 1):
            with Client(home=self.home(number)) as client:
                while sum(peer.state.name == "CONNECTED" for peer in client.peers()) < NODES - 1:
                    time.sleep(0.1)

    def close(self):
        self.run("testnet", "down", "--purge")
        shutil.rmtree(self.folder, ignore_errors=True)


def key_of(value):
    return hashlib.sha256(value).digest()


def quantile(sorted_values, part):
    return sorted_values[min(len(sorted_values) - 1, int(part * len(sorted_values)))]


def one_appears(net, asker, number):
    """Seconds from just before the put, and from its acknowledgement, to the value at node1."""
    value = os.urandom(1024)
    key = key_of(value)
    came = {}

    def fetch():
        with Client(home=net.home(1)) as client:
            came["value"] = client.fetch(key)
            came["at"] = time.monotonic()

    thread = threading.Thread(target=fetch, daemon=True)
    thread.start()
    patience = time.monotonic() + PATIENCE_S
    while not any(fetch.waits_for is WaitsFor.HAVE for fetch in asker.status([key]).fetches):
        if time.monotonic() > patience:
            raise SystemExit("nobody remembers what is waited for")
        time.sleep(0.01)
    with Client(home=net.home(2 + number % (NODES - 1))) as putter:
        begun = time.monotonic()
        putter.put(value)
        kept = time.monotonic()
    thread.join(PATIENCE_S)
    assert came["value"] == value
    return came["at"] - begun, came["at"] - kept


def in_ms(seconds):
    ordered = sorted(1000 * each for each in seconds)
    return {"median_ms": round(statistics.median(ordered), 2),
            "p95_ms": round(quantile(ordered, 0.95), 2), "most_ms": round(ordered[-1], 2)}


def appearing(net, delay_ms, values):
    if delay_ms:
        net.run("testnet", "slow", "node1", f"{delay_ms}ms")
    with Client(home=net.home(1)) as asker:
        one_appears(net, asker, 0)  # all is warm, and peers are measured
        taken = [one_appears(net, asker, number) for number in range(values)]
        answers = statistics.median(peer.median_us for peer in asker.peers()) / 1000
    from_put, from_kept = zip(*taken)
    return {"values": values, "round_trip_ms": 2 * delay_ms, "answer_ms": round(answers, 2),
            "from_put": in_ms(from_put), "from_kept": in_ms(from_kept)}


class Wishes:
    """A client that wishes for many keys and waits."""

    def __init__(self, home):
        self.network = Network("")
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.sndhwm = 0
        self.socket.connect(f"ipc://{home}/run/control.sock")
        self.say(control.Hello("appearing"))
        self.hear(5000)

    def say(self, *items):
        self.socket.send_multipart(encode(control.FROM_CLIENT, items, self.network))

    def hear(self, ms):
        while self.socket.poll(ms):
            for item in decode(control.FROM_NODE, self.socket.recv_multipart(), self.network):
                if isinstance(item, control.Ping):
                    self.say(control.Pong(item.nonce))
                elif isinstance(item, control.Welcome):
                    self.network.name = item.network
                    self.network.key_length = item.key_length
            ms = 0

    def wish(self, count):
        for first in range(0, count, 256):
            self.say(*(control.Fetch(b"", key_of(b"never %d" % number), (), True, False, False,
                                     Class.NORMAL, 0)
                       for number in range(first, min(count, first + 256))))
            self.hear(0)

    def wait(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.hear(100)


def counters(home):
    with Client(home=home) as client:
        return client.status([key_of(b"never 0")]).counters


def pids(net):
    return {number: int(pathlib.Path(net.home(number), "run", "lock").read_text())
            for number in range(1, NODES + 1)}


def cpu_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def packets():
    for line in pathlib.Path("/proc/net/dev").read_text().splitlines():
        name, _, numbers = line.partition(":")
        if name.strip() == "lo":
            return int(numbers.split()[1]), int(numbers.split()[0])
    raise SystemExit("no loopback")


def rss(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(status.split("VmRSS:")[1].split()[0])


def over(seconds, processes, wait):
    before = {number: cpu_s(pid) for number, pid in processes.items()}
    packets_before, bytes_before = packets()
    begun = time.monotonic()
    wait(seconds)
    took = time.monotonic() - begun
    packets_after, bytes_after = packets()
    return {"seconds": round(took, 1),
            "cpu_ms_per_s": {number: round(1000 * (cpu_s(pid) - before[number]) / took, 3)
                             for number, pid in processes.items()},
            "packets_per_s": round((packets_after - packets_before) / took, 2),
            "bytes_per_s": round((bytes_after - bytes_before) / took)}


def waiting(net, count, after, seconds):
    processes = pids(net)
    idle = over(seconds, processes, time.sleep)
    before = {number: rss(pid) for number, pid in processes.items()}
    wishes = Wishes(net.home(1))
    begun = time.monotonic()
    wishes.wish(count)
    while True:
        wishes.wait(1)
        now = counters(net.home(1))
        said = {name: now[name] for name in ("requests_sent_total", "requests_remembered_total",
                                             "fetches_standing", "fetches_backing_off")}
        if min(said["fetches_standing"], said["fetches_backing_off"]) >= count:
            break
        print(said, file=sys.stderr)
    round_s = time.monotonic() - begun
    wishes.wait(after)
    remembered = [counters(net.home(number))["asks_remembered"]
                  for number in range(2, NODES + 1)]
    asked = counters(net.home(1))["requests_sent_total"]
    measured = over(seconds, processes, wishes.wait)
    asked = counters(net.home(1))["requests_sent_total"] - asked
    return {"waiting": count, "round_s": round(round_s, 1),
            "round_requests": said["requests_sent_total"], "after_s": after,
            "remembered": remembered, "asks": asked,
            "idle": idle, "with_fetches": measured,
            "bytes_per_fetch": {number: round((rss(pid) - before[number]) / count)
                                for number, pid in processes.items()}}


def main():
    flags = argparse.ArgumentParser()
    flags.add_argument("quarry")
    flags.add_argument("--delay", type=int, default=0, help="of node1's links, each way, in ms")
    flags.add_argument("--values", type=int, default=100)
    flags.add_argument("--waiting", type=int, default=0)
    flags.add_argument("--after", type=float, default=300, help="the round, in seconds")
    flags.add_argument("--seconds", type=float, default=60, help="to measure for")
    options = flags.parse_args()
    net = Testnet(options.quarry, relayed=options.delay > 0)
    try:
        net.connected()
        result = (waiting(net, options.waiting, options.after, options.seconds)
                  if options.waiting else appearing(net, options.delay, options.values))
    finally:
        net.close()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
