"""What holds for every command alike: --json, a home without a node, wrong options, pipes.

A command that is new has to be named here: the tests ask the program which there are.
"""

import json
import re
import signal
import subprocess
import unittest

from cluster import PATIENCE, QUARRY, key_of
from shared import NOBODYS, NO_NODE, OK, SOME, USAGE, Shared

STRANGER = "0" * 39 + "1"
KEPT = b"kept"
# What to say so that it does something on a node that keeps KEPT, waits for nothing, and knows no
# stranger. In this order: later ones may undo earlier ones.
WORDS = {
    "id": [], "put": ["-"], "ls": [], "fetch": [key_of(KEPT)], "cancel": [NOBODYS], "clear": [],
    "explain": [NOBODYS],
    "retain": ["--tag", "x"], "status": [], "workers": [], "peers list": [],
    "peers add": [STRANGER, "tcp://127.0.0.1:9", "--name", "stranger"],
    "peers block": ["stranger"], "peers unblock": ["stranger"], "peers remove": ["stranger"],
    "peers set": ["-"], "rm": [key_of(KEPT)],
}
INPUT = {"put": KEPT.decode()}
# These say by their exit code that there was nothing to do, or nothing to tell.
NOTHING_DONE = ("cancel", "explain")
# They end by themselves only when they are told to, or make homes of their own: they have tests of
# their own, and a place below where that does not matter.
OTHERS = {"node": [], "keygen": [], "verifier": [], "store": [], "testnet up": [],
          "testnet status": [], "testnet down": [], "bench": [], "completion": ["bash"],
          "bridge consumer": [], "bridge producer": [],
          "testnet heal": [], "testnet partition": ["node1", "node2"],
          "testnet slow": ["node1", "1s"], "testnet loss": ["node1", "1"],
          "testnet fetch": ["00"], "testnet run": ["/dev/null"]}
OTHERS |= {f"testnet {word}": ["node1"] for word in ("logs", "restart", "kill", "pause", "resume")}
# What they can do without a node, they do, and say so; `id` needs none.
WITHOUT_A_NODE = {"id", "peers list", "peers add", "peers remove", "peers set"}


class EveryCommand(Shared):
    def setUp(self):
        super().setUp()
        self.node.put(KEPT)

    def commands(self):
        def below(*words):
            text = subprocess.run([QUARRY, *words, "--help"], capture_output=True, text=True).stdout
            listed = re.search(r"^Commands:\n((?:  .*\n)+)", text, re.M)
            return re.findall(r"^  (\w+) ", listed.group(1), re.M) if listed else []

        for name in below():
            yield from [f"{name} {part}" for part in below(name)] or [name]

    def help(self, command):
        return subprocess.run([QUARRY, *command.split(), "--help"], capture_output=True,
                              text=True).stdout

    def run_command(self, command, *more, node=None):
        return self.run_on(node or self.node, *command.split(), *WORDS[command], *more,
                           stdin=INPUT.get(command, ""))

    def test_all_are_named_here(self):
        self.assertEqual(set(self.commands()), set(WORDS) | set(OTHERS))

    def test_json_is_objects_one_a_line_and_nothing_else(self):
        told = 0
        for command in WORDS:
            with self.subTest(command):
                takes_json = re.search(r"^  --json\b ", self.help(command), re.M)
                done = self.run_command(command, *(["--json"] if takes_json else []))
                self.assertEqual(done.returncode, SOME if command in NOTHING_DONE else OK,
                                 done.stderr)
                lines = done.stdout.splitlines()
                self.assertEqual(len(lines) > 0, bool(takes_json))
                for line in lines:
                    self.assertIsInstance(json.loads(line), dict)
                    told += 1
        self.assertGreater(told, 10)

    def test_without_a_node_they_say_so_in_a_line_and_how_to_start_one(self):
        (self.idle.home / "peers").write_text("")
        for command in WORDS:
            with self.subTest(command):
                done = self.run_command(command, node=self.idle)
                if command in WITHOUT_A_NODE:
                    self.assertEqual(done.returncode, OK, done.stderr)
                elif command.startswith("peers "):  # there is no such peer in that file either
                    self.assertIn(done.returncode, (USAGE, NO_NODE), done.stderr)
                else:
                    self.says(done, NO_NODE, str(self.idle.home), "quarry node")

    def test_an_option_that_is_none_is_wrong_usage(self):
        for command, words in (WORDS | OTHERS).items():
            with self.subTest(command):
                done = subprocess.run([QUARRY, *command.split(), *words, "--frobnicate"],
                                      capture_output=True, text=True)
                self.says(done, USAGE, "--frobnicate")

    def test_a_reader_that_goes_away_is_no_accident(self):
        for command in WORDS:
            with self.subTest(command):
                process = subprocess.Popen(
                    self.node.command(*command.split(), *WORDS[command]), text=True,
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                process.stdout.close()
                process.stdin.write(INPUT.get(command, ""))
                process.stdin.close()
                said = process.stderr.read()
                process.stderr.close()
                code = process.wait(timeout=20 * PATIENCE)
                self.assertNotIn(code, (70, -signal.SIGABRT, -signal.SIGSEGV), said)
                self.assertLessEqual(len(said.splitlines()), 2, said)

    def test_in_a_pipe_there_is_no_colour(self):
        for command in WORDS:
            with self.subTest(command):
                self.assertNotIn("\x1b", self.run_command(command).stdout)


if __name__ == "__main__":
    unittest.main()
