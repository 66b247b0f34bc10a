"""What a verifier or storage says at a door, whatever happens to it."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from doors import DEADLINE_MS, KEY, OTHER_KEY, PEER, Door, worker_door, worker_welcome

from quarry import KeyRange, Refused, Storage, Verdict, Verifier
from quarry.codec import Item, StoredEntry
from quarry.protocol import worker
from quarry.words import Outcome, Reason, WorkerRole

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
Judge = Callable[[bytes, list[bytes]], Verdict]


class Judging(Verifier):
    name = "test"

    def __init__(self, judge: Judge, threads: int = 1) -> None:
        self._judge = judge
        self.threads = threads

    def judge(self, key: bytes, value: bytes, peer: bytes, subscribers: list[bytes]) -> Verdict:
        return self._judge(value, subscribers)


class Held(Judging):
    """Judges nothing until it is let go."""

    def __init__(self) -> None:
        super().__init__(self._wait)
        self.begun = threading.Semaphore(0)
        self.let_go = threading.Event()
        self.values: list[bytes] = []

    def _wait(self, value: bytes, _: list[bytes]) -> Verdict:
        self.values.append(value)
        self.begun.release()
        self.let_go.wait(DEADLINE_MS / 1000)
        return Verdict.complete()


class Dictionary(Storage):
    name = "dictionary"

    def __init__(self, values: dict[bytes, bytes]) -> None:
        self.values = values

    def look_up(self, key: bytes) -> bytes | None:
        return self.values.get(key)


class Keeping(Dictionary):
    def keep(self, key: bytes, value: bytes) -> None:
        self.values[key] = value

    def remove(self, key: bytes) -> bool:
        return self.values.pop(key, None) is not None


class Listing(Keeping):
    def stored(self, after: bytes, most: int) -> Iterable[tuple[bytes, int]]:
        return ((key, len(self.values[key])) for key in sorted(self.values) if key > after)


class Unsorted(Keeping):
    def stored(self, after: bytes, most: int) -> Iterable[tuple[bytes, int]]:
        return [(key, 1) for key in sorted(self.values, reverse=True)]


@contextmanager
def running(served: Verifier | Storage) -> Iterator[Door]:
    """A door at which the worker, in a thread of its own, has said hello and been welcomed."""
    with worker_door(served.DOOR) as door:
        thread = threading.Thread(target=served.run, kwargs={"home": door.home})
        thread.start()
        try:
            door.expect(worker.Hello)
            door.say(worker_welcome())
            yield door
        finally:
            if isinstance(served, Held):
                served.let_go.set()
            served.stop()
            thread.join(DEADLINE_MS / 1000)


def job(number: int, value: bytes = b"v", subscribers: tuple[bytes, ...] = ()) -> worker.Judge:
    return worker.Judge(number, KEY, PEER, subscribers, value)


class WorkerTest(unittest.TestCase):
    def setUp(self) -> None:
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)


class AVerifier(WorkerTest):
    def test_says_what_judge_returns(self) -> None:
        verdicts = {
            b"complete": Verdict.complete(),
            b"partial": Verdict.partial([1, 0, 1]),
            b"unresolved": Verdict.unresolved(),
            b"invalid": Verdict.invalid(),
            b"ignored": Verdict.ignored(),
            b"withheld": Verdict.withheld(),
        }
        with running(Judging(lambda value, _: verdicts[value])) as door:
            for number, (value, verdict) in enumerate(verdicts.items(), 1):
                door.say(job(number, value, (b"a", b"b")))
                said = door.expect(worker.Verdict)
                self.assertEqual(said, worker.Verdict(number, verdict.outcome, verdict.satisfied))

    def test_gets_the_subscribers_tags(self) -> None:
        with running(
            Judging(lambda _, subscribers: Verdict.partial([subscribers.index(b"mine")]))
        ) as door:
            door.say(job(1, b"v", (b"theirs", b"mine")))
            self.assertEqual(door.expect(worker.Verdict).satisfied, (1,))

    def test_loses_a_verdict_and_gives_none_when_judge_raises(self) -> None:
        def judge(value: bytes, _: list[bytes]) -> Verdict:
            if value == b"exit":
                sys.exit(1)
            raise KeyError("x" * 1000)

        with running(Judging(judge)) as door:
            for number, value in enumerate((b"raise", b"exit"), 1):
                door.say(job(number, value))
                self.assertEqual(door.expect(worker.Failed).job, number)

    def test_loses_a_verdict_that_is_nonsense(self) -> None:
        nonsense: dict[bytes, Any] = {
            b"none": None,
            b"true": True,
            b"beyond": Verdict.partial([2]),
            b"lost": Verdict(Outcome.LOST),
            b"nobody": Verdict(Outcome.PARTIAL),
            b"complete for one": Verdict(Outcome.COMPLETE, (0,)),
        }
        with running(Judging(lambda value, _: nonsense[value])) as door:
            for number, value in enumerate(nonsense, 1):
                door.say(job(number, value, (b"a", b"b")))
                self.assertEqual(door.expect(worker.Failed).job, number)
        with self.assertRaises(ValueError):
            Verdict.partial([])

    def test_answers_pings_while_it_judges(self) -> None:
        with running(held := Held()) as door:
            door.say(job(1))
            held.begun.acquire()
            door.say(worker.Ping(7))
            self.assertEqual(door.expect(worker.Pong), worker.Pong(7))
            held.let_go.set()
            self.assertEqual(door.expect(worker.Verdict).job, 1)

    def test_judges_in_as_many_threads_as_it_says(self) -> None:
        both = threading.Barrier(2)

        def judge(_: bytes, __: list[bytes]) -> Verdict:
            both.wait(DEADLINE_MS / 1000)
            return Verdict.complete()

        with running(Judging(judge, threads=2)) as door:
            door.say(job(1), job(2))
            answers = {door.expect(worker.Verdict).job for _ in range(2)}
            self.assertEqual(answers, {1, 2})

    def test_fails_an_aborted_job_that_it_has_not_begun_and_ends_one_that_it_has(self) -> None:
        with running(held := Held()) as door:
            door.say(job(1, b"begun"), job(2, b"waits"))
            held.begun.acquire()
            door.say(worker.Abort(1), worker.Abort(2))
            self.assertEqual(door.expect(worker.Failed), worker.Failed(2, "aborted"))
            held.let_go.set()
            self.assertEqual(door.expect(worker.Verdict).job, 1)
        self.assertEqual(held.values, [b"begun"])

    def test_drops_what_it_cannot_read_and_goes_on(self) -> None:
        with running(Judging(lambda *_: Verdict.complete())) as door:
            door.say_frames([b"\xc1"])
            door.say(job(1))
            self.assertEqual(door.expect(worker.Verdict).job, 1)


class AConnectionThatIsLost(WorkerTest):
    def test_brings_a_hello_of_the_same_instance(self) -> None:
        verifier = Judging(lambda *_: Verdict.complete())
        with running(verifier) as door:
            door.restart()
            self.assertEqual(door.expect(worker.Hello).instance, verifier.instance)
            door.say(worker_welcome(), job(1))
            self.assertEqual(door.expect(worker.Verdict).job, 1)

    def test_brings_one_hello_when_the_door_knows_it_no_more(self) -> None:
        verifier = Judging(lambda *_: Verdict.complete())
        with running(verifier) as door:
            unknown = worker.Refused(Reason.UNKNOWN, "say hello first")
            door.say(unknown)
            self.assertEqual(door.expect(worker.Hello).instance, verifier.instance)
            door.say(unknown, worker.Ping(1))  # to what was said before the hello
            door.expect(worker.Pong)
            door.say(worker_welcome(), job(1))
            self.assertEqual(door.expect(worker.Verdict).job, 1)

    def test_does_not_repeat_a_job_that_is_given_once_more(self) -> None:
        with running(held := Held()) as door:
            door.say(job(1))
            held.begun.acquire()
            door.restart()
            door.expect(worker.Hello)
            door.say(worker_welcome(), job(1))
            held.let_go.set()
            self.assertEqual(door.expect(worker.Verdict).job, 1)
        self.assertEqual(held.values, [b"v"])

    def test_never_answers_a_new_job_with_the_verdict_on_an_old_one(self) -> None:
        with running(held := Held()) as door:
            door.say(job(1, b"old"), job(2, b"never seen again"))
            held.begun.acquire()
            door.restart()  # into a new life, which counts jobs from 1 again
            door.expect(worker.Hello)
            held.let_go.set()
            door.say(worker_welcome(), job(1, b"new"), worker.Ping(1))
            answers = [door.expect(Item) for _ in range(2)]
            self.assertIn(worker.Verdict(1, Outcome.COMPLETE, ()), answers)
            self.assertIn(worker.Pong(1), answers)
            self.assertEqual(held.values[-1], b"new")
            self.assertTrue(door.nothing_said())


class ASilentDoor(WorkerTest):
    def test_is_greeted_again_and_still_gets_the_answers(self) -> None:
        with running(held := Held()) as door:
            door.say(job(1))
            held.begun.acquire()
            with patch("quarry.worker.SILENCE_S", 0.05):
                door.expect(worker.Hello)
            door.say(worker_welcome())  # and no job once more: the door knows that it is held
            held.let_go.set()
            said = door.expect(Item)
            while isinstance(said, worker.Hello):  # one for each time of silence
                said = door.expect(Item)
            self.assertEqual(said, worker.Verdict(1, Outcome.COMPLETE, ()))


class ADoorThatRefuses(WorkerTest):
    def test_ends_the_worker_where_it_will_always_refuse(self) -> None:
        for reason in (Reason.UNSUPPORTED, Reason.NETWORK, Reason.VERSION, Reason.PROTOCOL):
            with self.subTest(reason.name), worker_door("verifiers") as door:
                raised: list[Refused] = []
                verifier = Judging(lambda *_: Verdict.complete())
                thread = threading.Thread(target=self.run_refused, args=(verifier, door, raised))
                thread.start()
                door.expect(worker.Hello)
                door.say(worker.Refused(reason, "no"))
                thread.join(DEADLINE_MS / 1000)
                self.assertEqual([each.reason for each in raised], [reason])

    @staticmethod
    def run_refused(verifier: Verifier, door: Door, raised: list[Refused]) -> None:
        try:
            verifier.run(door=door.endpoint)
        except Refused as refused:
            raised.append(refused)

    def test_is_greeted_again_where_it_may_change_its_mind(self) -> None:
        again = patch("quarry.worker.AGAIN_S", 0.05)
        with again, running(Judging(lambda *_: Verdict.complete())) as door:
            for reason in (Reason.DUPLICATE, Reason.MALFORMED, Reason.STOPPING):
                door.say(worker.Refused(reason, "not now"))
                door.expect(worker.Hello)
            door.say(worker_welcome(), job(1))
            self.assertEqual(door.expect(worker.Verdict).job, 1)


class AStorage(WorkerTest):
    def test_looks_up(self) -> None:
        with running(Dictionary({KEY: b"value"})) as door:
            door.say(worker.LookUp(1, KEY, 5))
            self.assertEqual(door.expect(worker.Found), worker.Found(1, b"value"))
            door.say(worker.LookUp(2, KEY, 4))
            self.assertEqual(door.expect(worker.TooLarge), worker.TooLarge(2, 5))
            door.say(worker.LookUp(3, OTHER_KEY, 5))
            self.assertEqual(door.expect(worker.NoData), worker.NoData(3))

    def test_keeps_and_removes(self) -> None:
        with running(storage := Keeping({})) as door:
            door.say(worker.Keep(1, KEY, b"value"))
            self.assertEqual(door.expect(worker.Done).job, 1)
            self.assertEqual(storage.values, {KEY: b"value"})
            door.say(worker.Remove(2, KEY), worker.Remove(3, KEY))
            self.assertEqual(door.expect(worker.Done).job, 2)
            self.assertEqual(door.expect(worker.NoData).job, 3)
            self.assertEqual(storage.values, {})

    def test_says_what_it_has_got_by_itself_once_it_is_welcome(self) -> None:
        storage = Dictionary({})
        storage.have(KEY)  # nobody is there to be told
        with running(storage) as door:
            storage.have(KEY, OTHER_KEY)
            self.assertEqual(door.expect(worker.Have), worker.Have(KEY))
            self.assertEqual(door.expect(worker.Have), worker.Have(OTHER_KEY))
            door.say(worker.Refused(Reason.UNKNOWN, "say hello"))
            door.expect(worker.Hello)
            storage.have(KEY)
            door.say(worker_welcome())
            self.assertEqual(door.expect(worker.Have), worker.Have(KEY))

    def test_lists_what_comes_after_a_key_and_no_more_than_is_wanted(self) -> None:
        keys = [bytes(31) + bytes([n]) for n in range(5)]
        with running(Listing({key: key[-1:] * key[-1] for key in keys})) as door:
            for number, (after, most, expected) in enumerate(
                ((b"", 3, range(3)), (keys[2], 9, range(3, 5)), (keys[4], 9, range(0))), 1
            ):
                door.say(worker.List(number, after, most))
                entries = tuple(StoredEntry(keys[n], n) for n in expected)
                self.assertEqual(door.expect(worker.Listed), worker.Listed(number, entries))

    def test_fails_a_list_that_is_out_of_order(self) -> None:
        with running(Unsorted({KEY: b"", OTHER_KEY: b""})) as door:
            door.say(worker.List(1, b"", 9))
            self.assertEqual(door.expect(worker.Failed).job, 1)

    def test_says_whether_it_keeps_and_which_keys_it_is_for(self) -> None:
        some = Keeping({})
        some.keys = (KeyRange(b"a", b"c"), KeyRange(b"x", b"x"))
        some.tells = True
        for storage, abilities in ((Dictionary({}), 1), (some, 11), (Listing({}), 7)):
            with worker_door("storages") as door:
                thread = threading.Thread(target=storage.run, kwargs={"home": door.home})
                thread.start()
                hello = door.expect(worker.Hello)
                storage.stop()
                door.expect(worker.Bye)
                thread.join(DEADLINE_MS / 1000)
                self.assertEqual((hello.role, hello.abilities), (WorkerRole.STORAGE, abilities))
                self.assertEqual(hello.keys, storage.keys)

    def test_fails_what_it_cannot_do(self) -> None:
        with running(Dictionary({KEY: 5})) as door:  # type: ignore[dict-item]
            door.say(worker.LookUp(1, KEY, 5), worker.Keep(2, KEY, b""))
            self.assertEqual([door.expect(worker.Failed).job for _ in range(2)], [1, 2])

    def test_sends_large_values_one_by_one(self) -> None:
        large = os.urandom(200_000)
        with running(Dictionary({KEY: large})) as door:
            door.say(*[worker.LookUp(number, KEY, 1 << 20) for number in range(1, 20)])
            found = [door.expect(worker.Found) for _ in range(1, 20)]
            self.assertEqual({each.value for each in found}, {large})


class TheExamplesAsProcesses(WorkerTest):
    def process(self, *command: str) -> subprocess.Popen[bytes]:
        path = os.pathsep.join([str(EXAMPLES.parent), os.environ.get("PYTHONPATH", "")])
        process = subprocess.Popen(
            [sys.executable, str(EXAMPLES / command[0]), *command[1:]],
            env={**os.environ, "PYTHONPATH": path},
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_the_sqlite_storage_keeps_over_restarts_and_leaves_on_sigterm(self) -> None:
        with tempfile.TemporaryDirectory() as folder, worker_door("storages") as door:
            command = ("sqlite_storage.py", "--db", f"{folder}/values.db", "--home", str(door.home))
            first = self.process(*command)
            self.assertEqual(door.expect(worker.Hello).abilities, 7)
            door.say(worker_welcome(), worker.Keep(1, KEY, b"value"))
            self.assertEqual(door.expect(worker.Done).job, 1)
            first.send_signal(signal.SIGTERM)
            door.expect(worker.Bye)
            self.assertEqual(first.wait(DEADLINE_MS / 1000), 0)
            self.process(*command)
            door.expect(worker.Hello)
            door.say(worker_welcome(), worker.LookUp(2, KEY, 100), worker.LookUp(3, OTHER_KEY, 100))
            self.assertEqual(door.expect(worker.Found).value, b"value")
            self.assertEqual(door.expect(worker.NoData).job, 3)
            door.say(worker.List(4, b"", 9), worker.List(5, KEY, 9), worker.Remove(6, OTHER_KEY))
            self.assertEqual(door.expect(worker.Listed).entries, (StoredEntry(KEY, 5),))
            self.assertEqual(door.expect(worker.Listed).entries, ())
            self.assertEqual(door.expect(worker.NoData).job, 6)

    def test_the_sqlite_storage_does_not_answer_rotten_bytes(self) -> None:
        from sqlite_storage import SqliteStorage

        with tempfile.TemporaryDirectory() as folder:
            storage = SqliteStorage(f"{folder}/values.db")
            storage.keep(KEY, b"value")
            self.assertEqual(storage.look_up(KEY), b"value")
            storage._db.execute("UPDATE quarry_values SET value = ?", (b"vague",))
            self.assertIsNone(storage.look_up(KEY))
            storage._db.close()

    def test_the_verifier_of_signed_records_serves(self) -> None:
        with tempfile.TemporaryDirectory() as folder, worker_door("verifiers") as door:
            made = subprocess.run(
                [
                    sys.executable,
                    str(EXAMPLES / "signed_records.py"),
                    *("sign", "--secret", f"{folder}/secret", "--name", "greeting"),
                ],
                input=b"hello",
                capture_output=True,
                check=True,
                env={**os.environ, "PYTHONPATH": str(EXAMPLES.parent)},
            )
            key, record = bytes.fromhex(made.stderr.decode()), made.stdout
            process = self.process("signed_records.py", "serve", "--door", door.endpoint)
            door.expect(worker.Hello)
            door.say(worker_welcome(), worker.Judge(1, key, PEER, (b"",), record))
            self.assertEqual(door.expect(worker.Verdict).outcome, Outcome.COMPLETE)
            door.say(worker.Judge(2, OTHER_KEY, PEER, (b"",), record))
            self.assertEqual(door.expect(worker.Verdict).outcome, Outcome.INVALID)
            process.send_signal(signal.SIGTERM)
            door.expect(worker.Bye)
            self.assertEqual(process.wait(DEADLINE_MS / 1000), 0)


class SignedRecords(unittest.TestCase):
    def test_are_judged_by_signature_key_and_wanted_version(self) -> None:
        import signed_records as signed

        with tempfile.TemporaryDirectory() as folder:
            hex_key, record = signed.sign(Path(folder) / "secret", "name", 3, b"body", 20)
        key, judge = bytes.fromhex(hex_key), signed.SignedRecords().judge
        self.assertEqual(len(key), 20)
        for tags, verdict in (
            ([], Verdict.complete()),
            ([b"", b"anything"], Verdict.complete()),
            ([b"from=3", b"from=4"], Verdict.partial([0])),
            ([b"from=4"], Verdict.unresolved()),
        ):
            self.assertEqual(judge(key, record, PEER, tags), verdict)
        self.assertEqual(judge(bytes(20), record, PEER, []), Verdict.invalid())
        self.assertEqual(judge(key, b"", PEER, []), Verdict.invalid())
        for at in range(len(record)):
            changed = record[:at] + bytes([record[at] ^ 1]) + record[at + 1 :]
            self.assertEqual(judge(key, changed, PEER, []), Verdict.invalid(), at)


if __name__ == "__main__":
    unittest.main()
