"""What is strict about reading and writing, beyond the documents' examples."""

from __future__ import annotations

import random
import unittest

import msgpack

from quarry import codec
from quarry.codec import Direction, Item, Network, Writer, decode, encode
from quarry.errors import Unfit
from quarry.protocol import control, peer, worker
from quarry.words import Class, Outcome, PeerRole, Predicate, Reason

KEY = bytes(range(32))
MAIN = Network("main", 32)


def envelope(items: object, protocol: int = 3, version: int = 1, network: object = "main") -> bytes:
    packed: bytes = msgpack.packb([protocol, version, network, items], use_bin_type=True)
    return packed


class CodecTest(unittest.TestCase):
    def refuses(
        self,
        reason: Reason,
        *frames: bytes,
        direction: Direction = worker.FROM_WORKER,
        network: Network = MAIN,
    ) -> None:
        with self.assertRaises(Unfit) as unfit:
            decode(direction, frames, network)
        self.assertEqual(unfit.exception.reason, reason, unfit.exception)

    def will_not_write(self, reason: Reason, item: Item, direction: Direction) -> None:
        with self.assertRaises(Unfit) as unfit:
            encode(direction, [item], MAIN)
        self.assertEqual(unfit.exception.reason, reason, unfit.exception)
        writer = Writer(direction, MAIN)
        with self.assertRaises(Unfit):
            writer.add(item)
        self.assertEqual(writer.take(), [])


class Reading(CodecTest):
    def test_takes_a_message_that_says_nothing(self) -> None:
        self.assertEqual(decode(worker.FROM_WORKER, [envelope([])], MAIN), [])
        self.assertEqual(decode(worker.FROM_WORKER, [envelope([]), b""], MAIN), [])

    def test_takes_numbers_and_lengths_in_any_form_that_holds_them(self) -> None:
        for five in ("05", "cc05", "cd0005", "ce00000005", "cf" + "00" * 7 + "05"):
            signed = {"cc": "d0", "cd": "d1", "ce": "d2", "cf": "d3"}
            forms = {five, signed.get(five[:2], five[:2]) + five[2:]}
            for form in forms:
                for array in ("92", "dc0002", "dd00000002"):
                    for text in ("a0", "d900", "da0000", "db00000000"):
                        data = f"94cc03d001{text}91{array}08{form}"
                        items = decode(worker.FROM_WORKER, [bytes.fromhex(data)], MAIN)
                        self.assertEqual(items, [worker.Pong(5)], data)

    def test_refuses_types_that_never_occur(self) -> None:
        for never in (None, {}, -1, -(2**40), 1.5, msgpack.ExtType(1, b"x"), {"a": 1}, "5", b"5"):
            self.refuses(Reason.MALFORMED, envelope([[8, never]]))
        for never in (True, [5], 2**64 - 1):
            self.refuses(Reason.MALFORMED, envelope([[9, never]]))
        self.refuses(Reason.MALFORMED, envelope([[8, True]]))
        self.refuses(Reason.MALFORMED, envelope([[8, [1]]]))

    def test_refuses_fields_that_are_missing_or_too_many(self) -> None:
        for item in ([], [8], [8, 1, 1], [9, 1], [99], ["8", 1], 8):
            self.refuses(Reason.MALFORMED, envelope([item]))
        for whole in ([3, 1, "main"], [3, 1, "main", [], 0], [3], [], 3, [3, 1, 7, []]):
            packed: bytes = msgpack.packb(whole)
            self.refuses(Reason.MALFORMED, packed)

    def test_refuses_every_truncation_and_every_byte_too_many(self) -> None:
        whole, payload = encode(worker.FROM_WORKER, [worker.Found(1, b"value")], MAIN)
        for end in range(len(whole)):
            self.refuses(Reason.MALFORMED, whole[:end], payload)
        self.refuses(Reason.MALFORMED, whole + b"\0", payload)
        self.refuses(Reason.MALFORMED, whole, payload + b"\0")
        self.refuses(Reason.MALFORMED, whole, payload[:-1])
        self.refuses(Reason.MALFORMED, whole)
        self.refuses(Reason.MALFORMED, whole, payload, b"")
        self.refuses(Reason.MALFORMED)

    def test_gives_no_memory_to_lengths_that_are_only_declared(self) -> None:
        for head in ("dd", "db", "c6"):
            self.refuses(Reason.MALFORMED, bytes.fromhex("940301" + head + "ffffffff"))
            self.refuses(Reason.MALFORMED, bytes.fromhex(head + "ffffffff"))

    def test_looks_for_the_reasons_in_their_order(self) -> None:
        too_long = b"\xc1" * (codec.MAX_ENVELOPE + 1)
        self.refuses(Reason.TOO_LARGE, too_long)
        self.refuses(Reason.PROTOCOL, envelope(None, 2, 2))
        self.refuses(Reason.VERSION, envelope(None, 3, 2))
        self.refuses(Reason.MALFORMED, envelope(None, network="other"))
        self.refuses(Reason.NETWORK, envelope([["nonsense"]], network="other"))
        self.refuses(Reason.NETWORK, envelope([], network="x" * 65), network=Network())
        short_key = [4, 7, 1, [b"short"]]
        peers = [[64, 1, 1, [[b"p" * 31, "", 1, ""]]]]
        self.refuses(
            Reason.NETWORK,
            envelope(peers, 2, network="other"),
            direction=control.FROM_CLIENT,
        )
        first = envelope([[4, 7, [b"short"]], short_key], 2)
        self.refuses(Reason.KEY_LENGTH, first, direction=control.FROM_CLIENT)

    def test_holds_to_the_limits(self) -> None:
        found = [4, 1]
        self.assertEqual(len(decode(worker.FROM_WORKER, [envelope([found] * 256)], MAIN)), 256)
        self.refuses(Reason.TOO_MANY, envelope([found] * 257))
        self.refuses(Reason.TOO_MANY, envelope([[2, 1, 2, list(range(257))]]))
        self.refuses(Reason.TOO_LARGE, envelope([[7, 1, "x" * 256]]))
        self.refuses(Reason.TOO_LARGE, envelope([[7, 1, "é" * 128]]))
        self.assertTrue(decode(worker.FROM_WORKER, [envelope([[7, 1, "é" * 127]])], MAIN))
        self.refuses(Reason.MALFORMED, envelope([[[[[[1]]]]]]))
        many: list[object] = [[2, 1, 2, list(range(200))] for _ in range(79)]  # 205 values each
        most = envelope([*many, [2, 1, 2, list(range(179))]])
        self.assertEqual(len(decode(worker.FROM_WORKER, [most], MAIN)), 80)
        self.refuses(Reason.MALFORMED, envelope([*many, [2, 1, 2, list(range(180))]]))
        fetch = [2, b"t" * 64, KEY, [b"p" * 32] * 64, True, False, False, 2, 0]
        client = control.FROM_CLIENT
        self.assertTrue(decode(client, [envelope([fetch], 2)], MAIN))
        fetch[3] = [b"p" * 32] * 65
        self.refuses(Reason.TOO_MANY, envelope([fetch], 2), direction=client)
        fetch[3], fetch[1] = [b"p" * 31], b""
        self.refuses(Reason.MALFORMED, envelope([fetch], 2), direction=client)
        fetch[3], fetch[1] = [], b"t" * 65
        self.refuses(Reason.TOO_LARGE, envelope([fetch], 2), direction=client)
        fetch[1], fetch[7] = b"", 4
        self.refuses(Reason.MALFORMED, envelope([fetch], 2), direction=client)
        prefix = [6, 1, 3, False, [], b"k" * 33, b""]
        self.refuses(Reason.KEY_LENGTH, envelope([prefix], 2), direction=client)

    def test_refuses_verdicts_that_make_no_sense(self) -> None:
        for outcome, satisfied in ((1, [0]), (2, []), (2, [1, 1]), (2, [1, 0]), (7, []), (4, [0])):
            self.refuses(Reason.MALFORMED, envelope([[2, 1, outcome, satisfied]]))

    def test_refuses_retains_with_what_their_predicate_does_not_speak_of(self) -> None:
        low, high = bytes(32), KEY
        for by, keys, prefix, tag in (
            (1, [low], b"a", b""),
            (1, [low], b"", b"a"),
            (2, [low, high], b"a", b""),
            (2, [high, low], b"", b""),
            (2, [], b"", b""),
            (2, [low, low, low], b"", b""),
            (3, [low], b"", b""),
            (3, [], b"", b"a"),
            (4, [low], b"", b""),
            (4, [], b"a", b""),
        ):
            retain = [6, 1, by, False, keys, prefix, tag]
            self.refuses(Reason.MALFORMED, envelope([retain], 2), direction=control.FROM_CLIENT)

    def test_reads_keys_as_long_as_the_welcome_says_also_in_its_own_message(self) -> None:
        welcome = worker.Welcome("main", 20, 1, "")
        look_up = worker.LookUp(1, bytes(20), 1)
        frames = encode(worker.FROM_DOOR, [welcome, look_up], Network("main"))
        self.assertEqual(decode(worker.FROM_DOOR, frames, Network()), [welcome, look_up])
        keys_first = envelope([[35, 1, bytes(20), 1], [32, "main", 20, 1, ""]])
        direction = worker.FROM_DOOR
        self.refuses(Reason.KEY_LENGTH, keys_first, direction=direction, network=Network())

    def test_survives_random_damage(self) -> None:
        source = random.Random(7)
        job = worker.Judge(9, KEY, b"p" * 32, (b"a", b""), b"value")
        whole, payload = encode(worker.FROM_DOOR, [job, worker.Ping(300)], MAIN)
        fit = 0
        for _ in range(3000):
            damaged = bytearray(whole)
            for _ in range(source.randint(1, 3)):
                damaged[source.randrange(len(damaged))] = source.randrange(256)
            try:
                items = decode(worker.FROM_DOOR, [bytes(damaged), payload], MAIN)
            except Unfit:
                continue
            fit += 1
            again = decode(worker.FROM_DOOR, encode(worker.FROM_DOOR, items, MAIN), MAIN)
            self.assertEqual(again, items)
        self.assertGreater(fit, 0)


class Writing(CodecTest):
    def test_refuses_what_nobody_would_read(self) -> None:
        to_door, to_node = worker.FROM_WORKER, control.FROM_CLIENT
        self.will_not_write(Reason.MALFORMED, worker.Pong(-1), to_door)
        self.will_not_write(Reason.MALFORMED, worker.Pong(1 << 64), to_door)
        self.will_not_write(Reason.MALFORMED, worker.Ping(1), to_door)
        self.will_not_write(Reason.MALFORMED, worker.Verdict(1, Outcome.PARTIAL, ()), to_door)
        self.will_not_write(Reason.MALFORMED, worker.Found(1, "text"), to_door)  # type: ignore[arg-type]
        self.will_not_write(Reason.TOO_LARGE, worker.Failed(1, "x" * 256), to_door)
        self.will_not_write(Reason.MALFORMED, worker.Failed(1, "\ud800"), to_door)
        self.will_not_write(Reason.KEY_LENGTH, control.Withdraw(b"", b"short"), to_node)
        self.will_not_write(Reason.TOO_MANY, control.Status(1, (KEY,) * 257), to_node)
        retain = control.Retain(1, Predicate.TAG, False, (KEY,), b"", b"")
        self.will_not_write(Reason.MALFORMED, retain, to_node)
        with self.assertRaises(Unfit):
            encode(to_door, [worker.Bye()] * 257, MAIN)

    def test_batches_up_to_the_limits(self) -> None:
        writer = Writer(worker.FROM_WORKER, MAIN)
        for number in range(600):
            writer.add(worker.Done(number))
        self.assertEqual(self.sizes(writer, worker.FROM_WORKER), [256, 256, 88])
        self.assertEqual(writer.take(), [])

    def test_lets_large_values_travel_alone_and_small_ones_together(self) -> None:
        large, small = bytes(codec.TRAVELS_ALONE), bytes(codec.TRAVELS_ALONE - 1)
        writer = Writer(worker.FROM_WORKER, MAIN)
        for value in (small, large, b"", b"x", large, *[small] * 9):
            writer.add(worker.Found(1, value))
        self.assertEqual(self.sizes(writer, worker.FROM_WORKER), [1, 2, 1, 1, 8, 1])

    def test_begins_a_new_message_before_envelope_or_tokens_are_too_many(self) -> None:
        wide = control.Fetch(b"t" * 64, KEY, (b"p" * 32,) * 64, True, False, False, Class.NORMAL, 0)
        writer = Writer(control.FROM_CLIENT, MAIN)
        for _ in range(256):
            writer.add(wide)
        messages = writer.take()
        self.assertGreater(len(messages), 1)
        for message in messages:
            self.assertLessEqual(len(message[0]), codec.ENVELOPE_TARGET + 100)
            self.assertTrue(decode(control.FROM_CLIENT, message, MAIN))

    def test_asks_always_fit_the_door_for_peers(self) -> None:
        longest = Network("n" * 64, 255)
        hello = peer.Hello(2**64 - 1, 255, 2**32 - 1, "x" * 255)
        ask = peer.Ask(2**64 - 1, bytes(255), 2**32 - 1, 2**32 - 1, 2**32 - 1)
        frames = encode(peer.FROM_ASKER, [hello] + [ask] * 255, longest)
        self.assertEqual(len(decode(peer.FROM_ASKER, frames, longest)), 256)

    def test_refuses_a_peer_set_that_no_envelope_holds(self) -> None:
        entry = control.PeerEntry(b"p" * 32, "e" * 255, PeerRole.PRIMARY, "n" * 255)
        self.will_not_write(
            Reason.TOO_LARGE, control.PeerSet(1, 1, (entry,) * 1000), control.FROM_CLIENT
        )

    def sizes(self, writer: Writer, direction: Direction) -> list[int]:
        return [len(decode(direction, message, MAIN)) for message in writer.take()]


if __name__ == "__main__":
    unittest.main()
