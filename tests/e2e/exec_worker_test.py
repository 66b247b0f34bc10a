"""Verifiers and storages in processes of their own: programs that judge, folders that serve. They
come, break, lie about their jobs and die, and no fetch is lost and nobody is blamed."""

import hashlib
import os
import signal
import subprocess
import threading
import unittest

import msgpack
import zmq

from cluster import PATIENCE, Case, calm, eventually, key_of

HELLO, VERDICT, PONG, BYE, JUDGE, PING = 1, 2, 8, 9, 33, 38
COMPLETE, INVALID = 1, 4


class Worker:
    """`quarry verifier` or `quarry store` for a node."""

    def __init__(self, node, *words):
        self.log_file = node.home / f"worker{len(list(node.home.glob('worker*')))}.log"
        with open(self.log_file, "wb") as log:
            self.process = subprocess.Popen(node.command(*words), stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)

    def log(self):
        return self.log_file.read_text(errors="replace")

    def end(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(timeout=10 * PATIENCE)


class RawVerifier(threading.Thread):
    """A verifier made of pyzmq and msgpack alone, that does with a job what `judge` says."""

    def __init__(self, node, name, credit, judge):
        super().__init__()
        self.node, self.called, self.credit, self.judge = node, name, credit, judge
        self.jobs, self.held, self.ended = 0, set(), threading.Event()

    def run(self):
        with zmq.Context() as context, context.socket(zmq.DEALER) as door:
            door.linger = 500
            door.connect(f"ipc://{self.node.home}/run/verifiers.sock")
            instance = int.from_bytes(os.urandom(7), "big") | 1
            self.send(door, [[HELLO, 1, instance, self.credit, 0, self.called, "raw/1", []]])
            while not self.ended.is_set():
                if self.judge is None:  # says hello, and reads no more
                    self.ended.wait()
                elif door.poll(50):
                    self.send(door, self.answers(msgpack.unpackb(door.recv_multipart()[0])[3]))
            if self.judge is not None:  # who just goes is missed at the next ping of an idle one
                self.send(door, [[BYE]])

    def answers(self, items):
        self.held.update(fields[0] for kind, *fields in items if kind == JUDGE)
        for kind, *fields in items:
            if kind == PING:
                yield [PONG, fields[0]]
            elif kind == JUDGE:
                self.jobs += 1
                answers = self.judge(fields[0], self.held)
                yield from ([VERDICT, job, outcome, []] for job, outcome in answers)

    @staticmethod
    def send(door, items):
        if items := list(items):
            door.send(msgpack.packb([3, 1, "", items]))

    def end(self):
        self.ended.set()
        self.join()


class Workers(Case):
    def worker(self, node, *words):
        worker = Worker(node, *words)
        self.addCleanup(worker.end, signal.SIGKILL)
        return worker

    def raw(self, node, name, credit, judge):
        verifier = RawVerifier(node, name, credit, judge)
        self.addCleanup(verifier.end)
        verifier.start()
        return verifier

    def attached(self, node, *names):
        """Waits until workers of just these names (but the built-in ones) are attached."""
        def there():
            workers = node.json("status")["workers"]
            others = sorted(w["name"] for w in workers if w["name"] not in ("store", "sha256"))
            return others == sorted(names)
        eventually(there, what=f"{names} are attached at {node.name}")

    def ended(self, client):
        """The exit code of a client that is to end by itself."""
        _, said = client.communicate(timeout=30 * PATIENCE)
        return client.returncode or said or 0

    def counter(self, node, name):
        return node.json("status")["counters"].get(name, 0)

    def values(self, folder, texts):
        """Files named by keys that are no digests, with their checksums beside them."""
        folder.mkdir(exist_ok=True)
        keys = []
        for text in texts:
            key = hashlib.sha256(b"key of " + text).hexdigest()
            (folder / f"{key}.sha256").write_text(f"{hashlib.sha256(text).hexdigest()}  {key}\n")
            (folder / key).write_bytes(text)
            keys.append(key)
        return keys

    def pair(self):
        """A node that has a folder of values, and one that asks it; keys are no digests."""
        has, asks = self.node("has", "--digest", "none"), self.node("asks", "--digest", "none")
        has.knows(asks).start()
        asks.knows(has).start().connected(1)
        folder = self.folder / "values"
        folder.mkdir()
        self.worker(has, "store", "--dir", folder, "--name", "folder")
        self.attached(has, "folder")
        return has, asks, folder


class OneLiners(Workers):
    def test_a_folder_serves_and_a_shell_line_judges_also_what_is_added_meanwhile(self):
        has, asks, folder = self.pair()
        self.worker(asks, "verifier", "--exec", "grep -q good || exit 65", "--name", "line")
        self.attached(asks, "line")
        first, = self.values(folder, [b"a good value"])
        self.assertEqual(asks.run("fetch", first).stdout, "a good value")

        late = asks.popen("fetch", hashlib.sha256(b"key of good and late").hexdigest())
        eventually(lambda: self.counter(has, "serves_no_data_total") > 0, what="no data yet")
        self.values(folder, [b"good and late"])
        self.assertEqual(late.communicate(timeout=20 * PATIENCE)[0], b"good and late")

        script = f"cat {self.folder}/by-program/$QUARRY_KEY || exit 66"
        self.worker(has, "store", "--exec", script, "--name", "program")
        self.attached(has, "folder", "program")
        other, = self.values(self.folder / "by-program", [b"good from a program"])
        self.assertEqual(asks.run("fetch", other).stdout, "good from a program")

        bad, = self.values(folder, [b"a bad value"])
        fetch = asks.popen("fetch", bad)
        eventually(lambda: asks.peers()["has"]["state"] == "blocked", what="the liar is blocked")
        fetch.terminate()
        fetch.communicate()

    def test_R39_workers_wait_for_their_node_outlive_it_and_leave_in_good_order(self):
        node = self.node("node", "--digest", "none")
        folder = self.folder / "values"
        folder.mkdir()
        verifier = self.worker(node, "verifier", "--exec", "true", "--name", "judge")
        store = self.worker(node, "store", "--dir", folder, "--keeps", "--name", "folder")
        eventually(lambda: "waiting for the node" in verifier.log(), what="the verifier waits")
        node.start()
        self.attached(node, "judge", "folder", "folder")
        node.process.send_signal(signal.SIGKILL)
        node.process.wait()
        node.start()
        self.attached(node, "judge", "folder", "folder")
        self.assertEqual(verifier.end(signal.SIGTERM), 0, verifier.log())
        self.assertEqual(store.end(signal.SIGINT), 0, store.log())
        self.assertEqual(node.json("status")["workers"][0]["name"], "store")
        self.attached(node)

    def test_N12_verifiers_judge_the_keys_that_they_are_for(self):
        has, asks, folder = self.pair()
        # By their folder of sockets alone, as from a container of their own.
        elsewhere = ("--doors", asks.home / "run", "--exec")
        self.worker(asks, "verifier", *elsewhere, "true", "--name", "low", "--keys", "00..7f")
        self.worker(asks, "verifier", *elsewhere, "exit 1", "--name", "high",
                    "--keys", "80..9f,a0..ff", "--credit", 8)
        self.attached(asks, "low", "high")
        low, high = "01" * 32, "a1" * 32
        for key in low, high:
            text = f"value of {key}".encode()
            (folder / f"{key}.sha256").write_text(f"{hashlib.sha256(text).hexdigest()}  {key}\n")
            (folder / key).write_bytes(text)
        self.assertEqual(asks.run("fetch", low).stdout, f"value of {low}")
        waits = asks.popen("fetch", high)
        eventually(lambda: self.counter(asks, "poison_total") == 1, what="three losses")
        done = {worker["name"]: worker["done"] for worker in asks.json("status")["workers"]}
        self.assertEqual((done["low"], done["high"]), (1, 0))
        waits.terminate()
        waits.communicate()

    def test_a_database_of_its_own_keeps_what_is_put_and_has_it_when_it_is_back(self):
        has = self.node("has", "--keep-in", "archive")
        asks = self.node("asks").knows(has)
        has.knows(asks).start()
        asks.start().connected(1)
        self.worker(asks, "verifier", "--digest", "sha256", "--name", "beside")
        self.attached(asks, "beside")
        value = os.urandom(1000)
        refused = has.run("put", "-", stdin=value, check=False)
        self.assertIn(b"archive", refused.stderr)
        self.assertEqual(len(refused.stderr.splitlines()), 1)

        archive = ("store", "--lmdb", self.folder / "archive", "--name", "archive", "--keeps")
        store = self.worker(has, *archive)
        self.attached(has, "archive", "archive")
        has.put(value)
        self.assertEqual(store.end(signal.SIGKILL), -signal.SIGKILL)
        fetch = asks.popen("fetch", key_of(value))
        eventually(lambda: asks.peers()["has"]["no_data"] > 0, what="no data without it")
        self.worker(has, *archive)
        self.assertEqual(fetch.communicate(timeout=20 * PATIENCE)[0], value)

    def test_wrong_input_is_told_in_one_line_with_its_exit_code(self):
        node = self.node("node")
        empty = self.folder / "empty"
        for code, words in ((2, ["verifier"]), (2, ["store"]),
                            (2, ["verifier", "--exec", "true", "--digest", "sha256"]),
                            (2, ["store", "--dir", "x", "--lmdb", "y"]),
                            (2, ["store", "--dir", "x", "--name", "store"]),
                            (2, ["verifier", "--exec", "true", "--timeout", "1h"]),
                            (2, ["verifier", "--exec", "true", "--keys", "47..46"]),
                            (2, ["verifier", "--exec", "true", "--name", "a b"])):
            done = node.run(*words, check=False)
            self.assertEqual((done.returncode, len(done.stderr.splitlines())), (code, 1), words)
        node.home = empty
        self.assertEqual(node.run("verifier", "--exec", "true", check=False).returncode, 3)
        node.home = self.folder / "node"
        node.start()
        for code, words in ((7, ["store", "--dir", "/nowhere"]),
                            (3, ["verifier", "--digest", "sha1"])):
            done = node.run(*words, check=False)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn("quarry: ", done.stderr.splitlines()[-1])


class Broken(Workers):
    def test_N6_verifiers_that_break_in_every_way_lose_no_fetch_and_block_nobody(self):
        has, asks, folder = self.pair()
        self.worker(asks, "verifier", "--exec", "true", "--name", "good", "--credit", 8)
        keys = iter(self.values(folder, [b"value %d" % i for i in range(100)]))

        def fetch_beside(name, broken):
            """With as much free credit as the good verifier the other gets values too."""
            self.attached(asks, "good", name)
            asks.run("fetch", *(next(keys) for _ in range(8)), "-o", self.folder / name)
            self.assertEqual(len(list((self.folder / name).iterdir())), 8)
            broken.end()
            self.attached(asks, "good")

        lost = 0
        for name, script in {"exits": "exit 1", "crashes": "kill -SEGV $$", "hangs": "sleep 1000",
                             "prints": "yes | head -c 3000000; exit 1"}.items():
            with self.subTest(name):
                fetch_beside(name, self.worker(asks, "verifier", "--exec", script, "--name", name,
                                               "--credit", 8, "--timeout", "500ms"))
                self.assertGreater(self.counter(asks, "verdicts_lost_total"), lost)
                lost = self.counter(asks, "verdicts_lost_total")
        for name, judge in {
                "twice": lambda job, held: [(job, COMPLETE), (job, INVALID)],
                # It says so of jobs that others hold, had or will have; of its own it would count.
                "others": lambda job, held: [
                    (other, INVALID) for other in range(job - 20, job + 20) if other not in held
                ] + [(job, COMPLETE)]}.items():
            with self.subTest(name):
                raw = self.raw(asks, name, 8, judge)
                fetch_beside(name, raw)
                self.assertGreater(raw.jobs, 0)
        # Who never reads holds up no value but the one it has, and that one until it is gone.
        deaf = self.raw(asks, "deaf", 8, None)
        self.attached(asks, "good", "deaf")
        fetch = asks.popen("fetch", *(next(keys) for _ in range(8)), "-o", self.folder / "deaf")
        eventually(lambda: any(self.folder.glob("deaf/*")), what="the others are there")
        deaf.end()
        self.assertEqual(self.ended(fetch), 0)
        self.assertEqual(len(list((self.folder / "deaf").iterdir())), 8)

        peer = asks.peers()["has"]
        self.assertEqual((peer["state"], peer["invalid"]), ("connected", 0))
        self.assertEqual(self.counter(asks, "poison_total"), 0)

    def test_N6_a_value_that_kills_three_verifiers_is_set_aside_with_an_alarm(self):
        has, asks, folder = self.pair()
        poison, good = self.values(folder, [b"poison", b"good"])
        script = "grep -q poison && kill -9 $PPID; true"
        killed = [self.worker(asks, "verifier", "--exec", script, "--name", f"v{i}")
                  for i in range(3)]
        self.attached(asks, "v0", "v1", "v2")
        fetch = asks.popen("fetch", poison)
        eventually(lambda: self.counter(asks, "poison_total") == 1, what="the alarm")
        for worker in killed:
            self.assertEqual(worker.end(signal.SIGKILL), -signal.SIGKILL)
        self.assertIn(poison, asks.log())
        self.assertEqual(self.counter(asks, "verdicts_lost_total"), 3)
        peer = asks.peers()["has"]
        self.assertEqual((peer["state"], peer["invalid"]), ("connected", 0))

        self.worker(asks, "verifier", "--exec", script, "--name", "v3")
        self.assertEqual(asks.run("fetch", good).stdout, "good")
        self.assertIsNone(fetch.poll())
        self.attached(asks, "v3")
        fetch.terminate()
        fetch.communicate()


class Killed(Workers):
    def test_N14_a_storage_that_is_killed_under_load_is_no_data_at_once_and_serves_when_it_is_back(
            self):
        has = self.node("has")
        asks = [self.node(f"asks{i}") for i in range(3)]
        has.knows(*asks).start()
        for node in asks:
            node.knows(has).start()
        folder = self.folder / "values"
        folder.mkdir()
        values = {key_of(value): value for value in (os.urandom(200) for _ in range(400))}
        keys = list(values)
        for key in keys[:200]:
            (folder / key).write_bytes(values[key])
        words = ("store", "--dir", folder, "--name", "folder")
        store = self.worker(has, *words)
        self.attached(has, "folder")
        for node in asks:
            node.connected(1)
        fetches = [node.popen("fetch", *keys, "-o", node.home / "out") for node in asks]
        eventually(lambda: any((n.home / "out").is_dir() and any((n.home / "out").iterdir())
                               for n in asks), what="it serves")
        self.assertEqual(store.end(signal.SIGKILL), -signal.SIGKILL)
        # What is not there may be remembered by now, and is then not asked for again.
        eventually(lambda: all({fetch["waits_for"] for fetch in node.fetches().values()} ==
                               {"have"} for node in asks), what="no data")
        if calm():
            self.assertEqual([node.peers()["has"]["timed_out"] for node in asks], [0] * 3)
        for key in keys[200:]:
            (folder / key).write_bytes(values[key])
        self.worker(has, *words)
        for node, fetch in zip(asks, fetches):
            self.assertEqual(self.ended(fetch), 0)
            out = {path.name: path.read_bytes() for path in (node.home / "out").iterdir()}
            self.assertEqual(out, values)
            peer = node.peers()["has"]
            self.assertEqual((peer["state"], peer["invalid"]), ("connected", 0))


if __name__ == "__main__":
    unittest.main()
