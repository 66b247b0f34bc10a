"""What the command line says without any node: help, options, configuration, exit codes."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

QUARRY = os.environ["QUARRY"]
DOCUMENT = pathlib.Path(__file__).parents[2] / "docs" / "cli.md"
USAGE, CONFIG = 2, 3


def commands_in(help_text):
    listed = re.search(r"^Commands:\n((?:  .*\n)+)", help_text, re.M)
    return re.findall(r"^  (\w+) ", listed.group(1), re.M) if listed else []


class CommandLine(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="quarry-")
        self.addCleanup(self.folder.cleanup)
        self.home = pathlib.Path(self.folder.name) / "home"

    def run_quarry(self, *words, **variables):
        kept = {k: v for k, v in os.environ.items() if not k.startswith("QUARRY")}
        return subprocess.run([QUARRY, *map(str, words)], capture_output=True, text=True,
                              timeout=60, env=dict(kept, **variables))

    def all_commands(self):
        for command in commands_in(self.run_quarry("--help").stdout):
            below = commands_in(self.run_quarry(command, "--help").stdout)
            yield [command]
            yield from ([command, name] for name in below)

    def test_every_command_has_help_that_fits_a_screen_and_teaches_by_an_example(self):
        commands = list(self.all_commands())
        self.assertIn(["peers", "block"], commands)
        for command in [[], *commands]:
            done = self.run_quarry(*command, "--help")
            lines = done.stdout.splitlines()
            self.assertEqual((done.returncode, done.stderr), (0, ""), command)
            self.assertLessEqual(len(lines), 24, command)
            self.assertLessEqual(max(map(len, lines)), 80, command)
            if command:
                example = rf"Example:\n(  .*\n)*?(  .*)?quarry {command[0]}"
                self.assertRegex(done.stdout, example, command)

    def test_every_command_stands_in_the_document(self):
        document = DOCUMENT.read_text()
        for command in self.all_commands():
            if command not in (["peers"], ["testnet"]):
                self.assertRegex(document, rf"\| `{' '.join(command)}\b")

    def listens(self, *words, **variables):
        """What a node would listen at: each is wrong, and so named in the refusal."""
        done = self.run_quarry("node", "--home", self.home, *words, **variables)
        self.assertEqual(done.returncode, USAGE, done.stderr)
        return re.search(r"'(.*)' is no address", done.stderr).group(1)

    def test_a_flag_goes_before_the_environment_and_that_before_the_file(self):
        self.assertEqual(self.run_quarry("keygen", "--home", self.home).returncode, 0)
        (self.home / "quarry.toml").write_text('listen = "file"\n[fetch]\nkeep = true\n')
        self.assertEqual(self.listens(), "file")
        self.assertEqual(self.listens(QUARRY_LISTEN="variable"), "variable")
        self.assertEqual(self.listens("--listen", "flag", QUARRY_LISTEN="variable"), "flag")

    def test_a_configuration_that_is_wrong_is_named_by_its_file(self):
        self.run_quarry("keygen", "--home", self.home)
        for text, word in (('listn = "x"\n', "listn"), ("[fetch]\nkep = true\n", "fetch.kep"),
                           ("key-length = many\n", "key-length"), ('home = "x"\n', "home"),
                           ("[frob]\nx = 1\n", "frob.x")):
            (self.home / "quarry.toml").write_text(text)
            done = self.run_quarry("node", "--home", self.home)
            self.assertEqual(done.returncode, CONFIG, text)
            self.assertIn("quarry.toml", done.stderr)
            self.assertIn(word, done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1)

    def test_the_template_of_the_configuration_is_right_when_its_comments_are_taken_away(self):
        self.run_quarry("keygen", "--home", self.home)
        file = self.home / "quarry.toml"
        text = re.sub(r"^# ([a-z-]+ = )", r"\1", file.read_text(), flags=re.M)
        file.write_text(text.replace('listen = "tcp://0.0.0.0:7000"', 'listen = "wrong"'))
        self.assertIn("key-length = 32", text)
        self.assertEqual(self.listens(), "wrong")

    def test_a_peers_file_is_edited_without_a_node_and_says_so(self):
        self.run_quarry("keygen", "--home", self.home)
        key = "0" * 39 + "1"
        done = self.run_quarry("peers", "add", key, "tcp://127.0.0.1:1", "--name", "bob",
                               "--home", self.home)
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.assertIn("no node runs", done.stderr)
        done = self.run_quarry("peers", "list", "--json", "--home", self.home)
        self.assertIn(key, done.stdout)
        self.assertIn('"running":false', done.stdout)
        again = self.run_quarry("peers", "add", key, "tcp://127.0.0.1:2", "--home", self.home)
        self.assertEqual(again.returncode, USAGE)
        done = self.run_quarry("peers", "remove", "bob", "--home", self.home)
        self.assertEqual(done.returncode, 0)
        self.assertNotIn(key, (self.home / "peers").read_text())

    def test_a_peer_that_makes_no_sense_is_refused_with_one_line(self):
        self.run_quarry("keygen", "--home", self.home)
        key = "0" * 39 + "1"
        for words in (["short", "tcp://a:1"], [key, "a:1"], [key, "tcp://a:1", "--role", "boss"],
                      [key, "tcp://a:1", "--name", "two words"], [key, "-"]):
            done = self.run_quarry("peers", "add", *words, "--home", self.home)
            self.assertEqual(done.returncode, USAGE, done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1)

    def test_a_target_takes_one_word_and_leaves_the_keys(self):
        self.run_quarry("keygen", "--home", self.home)
        done = self.run_quarry("fetch", "--target", "nobody", "00" * 32, "--home", self.home)
        self.assertEqual(done.returncode, USAGE)
        self.assertIn("no peer 'nobody'", done.stderr)


if __name__ == "__main__":
    unittest.main()
