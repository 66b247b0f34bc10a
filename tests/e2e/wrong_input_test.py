"""Wrong input on purpose: one clear line, the documented exit code, nothing lost."""

import os
import pathlib
import socket
import subprocess
import sys
import threading
import unittest

import msgpack
import zmq

from cluster import QUARRY, Case, free_port, key_of

OK, SOME, USAGE, CONFIG, NO_NODE, REFUSED, IN_USE, IO = 0, 1, 2, 3, 4, 5, 6, 7


class WrongInput(Case):
    def refused(self, done, code, *words):
        """One line on stderr that holds all of these words, nothing on stdout, this exit code."""
        self.assertEqual(done.returncode, code, done.stderr)
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertTrue(lines[0].startswith("quarry: "), lines[0])
        for word in words:
            self.assertIn(word, lines[0])
        self.assertEqual(done.stdout, "")

    def test_a_key_of_the_wrong_length_or_with_wrong_characters(self):
        node = self.node("node").start()
        for command in ("fetch", "cancel"):
            self.refused(node.run(command, "12ab", check=False), USAGE, "12ab", "64")
            self.refused(node.run(command, "zz" * 32, check=False), USAGE, "zz", "hexadecimal")

    def test_an_unknown_peer(self):
        node = self.node("node").start()
        self.refused(node.run("peers", "block", "nobody", check=False), USAGE, "nobody")
        stranger = "0" * 39 + "1"
        done = node.run("peers", "block", stranger, check=False)
        self.assertIn(done.returncode, (USAGE, REFUSED))
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.refused(node.run("fetch", "00" * 32, "--target", "nobody", check=False), USAGE,
                     "nobody")

    def test_a_peers_file_with_a_bad_line(self):
        node = self.node("node")
        (node.home / "peers").write_text("# fine\n\nnot-a-key tcp://127.0.0.1:1\n")
        done = node.run("node", "--listen", node.endpoint, check=False)
        self.refused(done, CONFIG, "peers:3", "not-a-key")

    def test_a_port_in_use(self):
        node = self.node("node")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", node.port))
            taken.listen()
            done = node.run("node", "--listen", node.endpoint, check=False)
        self.refused(done, IN_USE, str(node.port), "in use")

    def test_a_second_node_on_the_same_home(self):
        node = self.node("node").start()
        done = node.run("node", "--listen", f"tcp://127.0.0.1:{free_port()}", check=False)
        self.refused(done, IN_USE, str(node.home))
        node.put(b"the first one goes on")

    def test_a_key_file_that_others_may_read_is_damaged_or_missing(self):
        node = self.node("node")
        secret = node.home / "node.key"
        secret.chmod(0o644)
        start = ("node", "--listen", node.endpoint)
        self.refused(node.run(*start, check=False), CONFIG, "node.key", "chmod 600")
        secret.chmod(0o600)
        secret.write_text("nonsense\n")
        self.refused(node.run(*start, check=False), CONFIG, "node.key")
        secret.unlink()
        self.refused(node.run(*start, check=False), CONFIG, "node.key", "keygen")

    def test_keygen_never_overwrites(self):
        node = self.node("node")
        before = (node.home / "node.key").read_bytes()
        self.refused(node.run("keygen", check=False), CONFIG, "node.key")
        self.assertEqual((node.home / "node.key").read_bytes(), before)

    def test_no_node_runs_on_this_home(self):
        node = self.node("node")
        for command in (["status"], ["fetch", "00" * 32], ["cancel", "00" * 32]):
            self.refused(node.run(*command, check=False), NO_NODE, str(node.home), "quarry node")

    def test_a_running_node_of_another_protocol_version(self):
        node = self.node("node")
        (node.home / "run").mkdir(mode=0o700, exist_ok=True)
        context = zmq.Context()
        door = context.socket(zmq.ROUTER)
        door.linger = 0
        door.bind(f"ipc://{node.home}/run/control.sock")

        def answer():
            route, _ = door.recv_multipart()[:2]
            refusal = [39, 3, "this end speaks version 2, not 1"]
            door.send_multipart([route, msgpack.packb([2, 1, "main", [refusal]])])

        server = threading.Thread(target=answer)
        server.start()
        done = node.run("status", check=False)
        server.join()
        context.destroy(linger=0)
        self.refused(done, REFUSED, "version 2")

    def test_a_value_that_is_no_value_of_its_key(self):
        node = self.node("node").start()
        done = node.run("put", "--key", "00" * 32, "-", stdin="something", check=False)
        self.refused(done, REFUSED, "00000000", "invalid")

    def test_a_file_that_is_not_there_or_too_large(self):
        node = self.node("node", "--max-value", "1000").start()
        self.refused(node.run("put", self.folder / "nothing", check=False), IO, "nothing")
        large = self.folder / "large"
        large.write_bytes(b"x" * 1001)
        done = node.run("put", large, check=False)
        self.assertIn(done.returncode, (REFUSED, USAGE))
        self.assertIn("1000", done.stderr)

    def test_an_output_that_cannot_be_written(self):
        node = self.node("node").start()
        key = node.put(b"value")
        self.refused(node.run("fetch", key, "-o", self.folder / "no" / "such" / "file",
                              check=False), IO, "such")

    def test_N17_a_full_disk_loses_nothing(self):
        mount = self.folder / "small"
        mount.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", mount],
                                 capture_output=True, text=True)
        if mounted.returncode != 0:
            self.skipTest(f"no tmpfs can be mounted here: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", mount], check=True)
        node = self.node("node")
        (node.home / "store").mkdir(exist_ok=True)
        os.rmdir(node.home / "store")
        os.symlink(mount, node.home / "store")
        node.start()
        kept, refused = [], None
        for i in range(40):
            value = bytes([i]) * 200_000
            done = node.run("put", "-", stdin=value, check=False)
            if done.returncode != OK:
                refused = done
                break
            kept.append((key_of(value), value))
        self.assertIsNotNone(refused, "the disk never filled")
        self.assertEqual(refused.returncode, IO, refused.stderr)
        self.assertIn(b"no space left", refused.stderr.lower())
        self.assertGreater(len(kept), 2)
        for _ in range(2):
            for key, value in kept:
                got = subprocess.run(node.command("fetch", key), capture_output=True)
                self.assertEqual(got.stdout, value)
            node.stop()
            node.start()

    def test_options_that_make_no_sense(self):
        node = self.node("node")
        for words in (["--listen", "nonsense"], ["--key-length", "0"], ["--digest", "md17"],
                      ["--placement", "sideways"]):
            done = node.run("node", *words, check=False)
            self.assertIn(done.returncode, (USAGE, CONFIG), done.stderr)
            self.assertIn(words[1], done.stderr)

    def test_no_command_or_an_unknown_one(self):
        for words in ([], ["frobnicate"]):
            done = subprocess.run([QUARRY, *words], capture_output=True, text=True)
            self.assertEqual(done.returncode, USAGE)
            self.assertTrue(done.stderr)


if __name__ == "__main__":
    unittest.main()
