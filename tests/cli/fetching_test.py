"""fetch: many keys, from files and pipes, on any terminal, interrupted, without a node."""

import fcntl
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import termios
import unittest

from cluster import PATIENCE, QUARRY, ROOT, Node, eventually, key_of
from shared import INTERRUPTED, IO, NOBODYS, NO_NODE, OK, SOME, USAGE, Shared

# The number of the promise; sanitizers do the same with less.
MANY = 100_000 if PATIENCE == 1 else 1_000


class Terminal:
    """A command whose stderr is a terminal of so many columns."""

    def __init__(self, command, columns, **options):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=theirs,
                                        env=dict(os.environ, TERM="xterm"), **options)
        os.close(theirs)
        self.ours, self.said = ours, b""

    def read_until(self, pattern=None):
        """Reads on until the pattern is there, or the command has ended."""
        while pattern is None or not re.search(pattern, self.said):
            try:
                piece = os.read(self.ours, 65536)
            except OSError:  # how a pty says that the other end is closed
                break
            if not piece:
                break
            self.said += piece
        return self.said.decode()

    def end(self):
        said = self.read_until()
        os.close(self.ours)
        self.process.communicate(timeout=60 * PATIENCE)
        return self.process.returncode, said


class Fetch(Shared):
    COUNT = 2

    def put(self, *values, on=0):
        files = []
        for i, value in enumerate(values):
            files.append(self.out / f"value{i}")
            files[-1].write_bytes(value)
        return [line.split()[0] for line in self.nodes[on].run("put", *files).stdout.splitlines()]

    def test_keys_come_from_a_file_as_put_prints_it_and_from_a_pipe(self):
        values = [b"listed %d" % i for i in range(5)]
        keys = self.put(*values, on=1)
        listed = self.out / "keys"
        listed.write_text("# what put printed\n\n" +
                          "".join(f"{key}  some file name\n" for key in keys))
        into = self.out / "into"
        self.assertEqual(self.node.run("fetch", "--from", listed, "-o", into).stdout, "")
        self.assertEqual({f.name: f.read_bytes() for f in into.iterdir()},
                         dict(zip(keys, values)))
        done = self.node.run("fetch", "--from", "-", "--json", stdin="\n".join(keys))
        said = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual({line["key"] for line in said}, set(keys))
        self.assertEqual({line["result"] for line in said}, {"resolved"})

    def test_a_list_without_keys_is_done_at_once(self):
        empty = self.out / "empty"
        empty.write_text("# nothing\n")
        done = self.node.run("fetch", "--from", empty)
        self.assertEqual((done.stdout, done.stderr), ("", ""))

    def test_a_wrong_line_is_named(self):
        wrong = self.out / "wrong"
        wrong.write_text(f"{NOBODYS}\nnonsense here\n")
        self.says(self.run_on(self.node, "fetch", "--from", wrong, "-o", self.out), USAGE,
                  f"{wrong}:2", "nonsense")
        self.says(self.run_on(self.node, "fetch", "--from", self.out / "none", "-o", self.out), 7,
                  "none")
        self.says(self.run_on(self.node, "fetch"), USAGE, "no key")
        self.idle_now()

    def test_R18_each_line_may_name_its_own_targets(self):
        one, two = self.nodes
        here, there = self.put(b"only node2 has this", b"and this", on=1)
        stranger = "0" * 39 + "1"
        listed = self.out / "targeted"
        listed.write_text(f"{here} node2\n{there} {stranger}\n")
        done = self.run_on(self.node, "fetch", "--all-targeted", "--from", listed, "--no-local",
                           "--deadline", "700ms", "--json")
        said = {line["key"]: line["result"] for line in map(json.loads, done.stdout.splitlines())}
        self.assertEqual(said, {here: "resolved", there: "expired"})
        self.assertEqual(done.returncode, SOME)
        listed.write_text(f"{here} nobody\n")
        self.says(self.run_on(self.node, "fetch", "--all-targeted", "--from", listed), USAGE,
                  f"{listed}:1", "nobody")
        listed.write_text(f"{here}\n")
        self.says(self.run_on(self.node, "fetch", "--all-targeted", "--from", listed), USAGE,
                  "no targets")
        self.says(self.run_on(self.node, "fetch", "--all-targeted", here), USAGE, "--from")

    def test_N9_a_deadline_ends_it_and_a_class_is_one_of_three(self):
        done = self.run_on(self.node, "fetch", NOBODYS, "--deadline", "200ms", "--class", "urgent")
        self.says(done, SOME, NOBODYS, "expired")
        self.says(self.run_on(self.node, "fetch", NOBODYS, "--class", "lazy"), USAGE, "lazy",
                  "background")
        self.says(self.run_on(self.node, "fetch", NOBODYS, "--deadline", "soon"), USAGE, "soon")

    def test_a_value_in_a_pipe_is_the_value_alone(self):
        key, = self.put(os.urandom(300_000), on=1)
        done = subprocess.run(f"{QUARRY} fetch {key} --home {self.node.home} | sha256sum",
                              shell=True, capture_output=True, text=True)
        self.assertEqual(done.stdout.split()[0], key)
        self.assertEqual(done.stderr, "")

    def test_no_node_runs(self):
        self.says(self.run_on(self.idle, "fetch", NOBODYS), NO_NODE, "quarry node")

    def test_keys_that_nobody_has_hold_up_no_others(self):
        missing = [key_of(b"missing %d" % i) for i in range(300)]
        keys = self.put(*(b"there %d" % i for i in range(20)), on=1)
        listed = self.out / "mixed"
        listed.write_text("\n".join(missing + keys))
        into = self.out / "into"
        fetch = self.node.popen("fetch", "--from", listed, "-o", into)
        eventually(lambda: into.is_dir() and len(list(into.iterdir())) == len(keys),
                   within=30, what="the keys behind those that nobody has")
        fetch.send_signal(signal.SIGINT)
        _, said = fetch.communicate(timeout=20 * PATIENCE)
        self.assertEqual(fetch.returncode, INTERRUPTED)
        self.assertIn(b"20 of 320 keys resolved, 300 withdrawn", said)
        self.idle_now()


class OnATerminal(Shared):
    COUNT = 2

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = cls.folder / "many"
        folder.mkdir()
        cls.keys = cls.folder / "keys"
        values = {key_of(b"%d" % i): b"%d" % i for i in range(MANY)}
        for key, value in values.items():
            (folder / key).write_bytes(value)
        names = "\0".join(str(folder / key) for key in values).encode()
        put = subprocess.run(["xargs", "-0", *cls.nodes[1].command("put")], input=names,
                             stdout=subprocess.PIPE, check=True)
        cls.keys.write_bytes(put.stdout)
        cls.endless = cls.folder / "endless"
        missing = "".join(f"{key_of(b'missing %d' % i)}\n" for i in range(100))
        cls.endless.write_text(cls.keys.read_text() + missing)
        shutil.rmtree(folder)

    def fetch(self, columns, keys):
        into = self.out / "into"
        command = self.node.command("fetch", "--from", keys, "--no-local", "-o", into)
        return Terminal(command, columns, stdout=subprocess.PIPE), into

    def shown(self, said):
        """What the line showed, each time it was drawn."""
        return [part for part in said.replace("\n", "\r").split("\r") if "%" in part]

    def test_a_hundred_thousand_keys_with_a_line_that_tells_rate_and_time_left(self):
        terminal, into = self.fetch(100, self.keys)
        code, said = terminal.end()
        self.assertEqual(code, OK, said[-2000:])
        self.assertEqual(len(os.listdir(into)), MANY)
        drawn = self.shown(said)
        self.assertRegex(drawn[0], rf"\[#*\.*\] +\d+% +\d+/{MANY} ")
        told = re.compile(r" left +\d+/s +[\d.]+ \w+/s")
        self.assertTrue(any(map(told.search, drawn)), drawn)
        self.assertLess(max(map(len, drawn)), 100)
        self.assertIn(f"{MANY} of {MANY} keys resolved", said)
        self.assertNotIn("\x1b", said)

    def test_in_a_narrow_terminal_it_still_fits_a_line(self):
        terminal, _ = self.fetch(24, self.endless)
        terminal.read_until(rb"%")
        terminal.process.send_signal(signal.SIGINT)
        code, said = terminal.end()
        self.assertEqual(code, INTERRUPTED)
        self.assertLess(max(map(len, self.shown(said))), 24)

    def test_no_terminal_no_line(self):
        few = self.out / "few"
        few.write_text("\n".join(self.keys.read_text().splitlines()[:2000]))
        done = self.node.run("fetch", "--from", few, "-o", self.out / "into")
        self.assertEqual((done.stdout, done.stderr), ("", ""))

    def test_R23_ctrl_c_leaves_no_half_written_file_and_says_what_was_done(self):
        terminal, into = self.fetch(80, self.endless)
        terminal.read_until(rb"%")
        terminal.process.send_signal(signal.SIGINT)
        code, said = terminal.end()
        self.assertEqual(code, INTERRUPTED, said[-2000:])
        resolved = re.search(r"interrupted: (\d+) of %d keys resolved" % (MANY + 100), said)
        self.assertTrue(resolved, said[-2000:])
        written = os.listdir(into)
        self.assertEqual(len(written), int(resolved.group(1)))
        for name in written:
            self.assertEqual(key_of((into / name).read_bytes()), name)
        self.idle_now()


class WithoutANode(Shared):
    """fetch --peers FILE where no node runs."""

    def test_the_home_that_is_there_asks_with_its_own_key(self):
        guest = Node(self.folder, "guest")
        self.node.run("peers", "add", guest.key, "-", "--role", "serve_only", "--name", "guest")
        key = self.node.put(b"for a guest")
        (self.out / "peers").write_text(f"{self.node.key} {self.node.endpoint} primary node1\n")
        done = guest.run("fetch", key, "--peers", self.out / "peers", "--keep")
        self.assertEqual(done.stdout, "for a guest")
        self.assertIn(guest.key, done.stderr)
        self.assertIn("no node runs", done.stderr)
        # Kept in the storage of that home, and found there without asking anybody.
        self.node.run("peers", "remove", "guest")
        again = guest.run("fetch", key, "--peers", self.out / "peers")
        self.assertEqual(again.stdout, "for a guest")

    def test_without_a_home_a_fresh_key_is_named_that_peers_have_to_know(self):
        key = self.node.put(b"for anybody known")
        (self.out / "peers").write_text(f"{self.node.key} {self.node.endpoint}\n")
        fetch = subprocess.Popen(
            [QUARRY, "fetch", key, "--peers", self.out / "peers", "--home", self.out / "nothing"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        hint = fetch.stderr.readline()
        fresh = re.search(r"quarry peers add (\S{40}) - --role serve_only", hint)
        self.assertTrue(fresh, hint)
        self.node.run("peers", "add", fresh.group(1), "-", "--role", "serve_only")
        out, err = fetch.communicate(timeout=30 * PATIENCE)
        self.assertEqual((fetch.returncode, out, err), (OK, "for anybody known", ""))
        self.assertFalse((self.out / "nothing").exists())

    def test_a_peers_file_that_is_wrong_or_empty(self):
        peers = self.out / "peers"
        self.says(self.run_on(self.idle, "fetch", NOBODYS, "--peers", peers), 3, str(peers))
        peers.write_text("# nobody\n")
        self.says(self.run_on(self.idle, "fetch", NOBODYS, "--peers", peers), USAGE, "no peers")
        peers.write_text("nonsense\n")
        self.says(self.run_on(self.idle, "fetch", NOBODYS, "--peers", peers), 3, "nonsense")

    def test_no_folder_for_temporary_files(self):
        (self.out / "peers").write_text(f"{self.node.key} {self.node.endpoint}\n")
        nowhere = str(self.out / "nowhere")
        for words in (["fetch", NOBODYS, "--peers", self.out / "peers", "--home", self.out / "no"],
                      ["testnet", "run", ROOT / "docker/scenarios/kill"], ["bench"]):
            done = subprocess.run([QUARRY, *words], stdin=subprocess.DEVNULL, capture_output=True,
                                  env=dict(os.environ, TMPDIR=nowhere), timeout=60 * PATIENCE)
            self.says(done, IO, "temporary folder: ", "set TMPDIR")


if __name__ == "__main__":
    unittest.main()
