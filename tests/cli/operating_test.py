"""peers, status, testnet, id, completion: operating a node, and being told about it."""

import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from cluster import QUARRY, Case, eventually, free_port
from shared import CONFIG, NOBODYS, NO_NODE, OK, SOME, USAGE, Shared

STRANGER = "0" * 39 + "1"


class Peers(Shared):
    COUNT = 2

    def test_R32_set_replaces_the_file_and_what_the_node_knows(self):
        before = (self.node.home / "peers").read_text()
        new = self.out / "peers"
        new.write_text(f"# from a provider\n{STRANGER} tcp://127.0.0.1:9 secondary stranger\n")
        done = self.node.run("peers", "set", new)
        self.assertEqual((done.stdout, done.stderr), ("", ""))
        self.assertEqual((self.node.home / "peers").read_text(), new.read_text())
        self.assertEqual({name: p["role"] for name, p in self.node.peers().items()},
                         {"stranger": "secondary"})
        self.node.run("peers", "set", "-", stdin=before)
        self.assertEqual(set(self.node.peers()), {"node2"})
        self.node.connected(1)

    def test_a_set_that_is_wrong_changes_nothing(self):
        before = (self.node.home / "peers").read_text()
        wrong = self.out / "wrong"
        wrong.write_text(f"{STRANGER} nowhere\n")
        self.says(self.run_on(self.node, "peers", "set", wrong), CONFIG, f"{wrong}:1", "nowhere")
        self.says(self.run_on(self.node, "peers", "set", self.out / "none"), 7, "none")
        self.assertEqual((self.node.home / "peers").read_text(), before)
        self.assertEqual(set(self.node.peers()), {"node2"})

    def test_a_peer_is_added_blocked_unblocked_and_removed_by_its_name(self):
        endpoint = f"tcp://127.0.0.1:{free_port()}"
        self.node.run("peers", "add", STRANGER, endpoint, "--name", "bob")
        self.assertEqual(self.node.peers()["bob"]["state"], "connecting")
        self.node.run("peers", "block", "bob", "--for", "1h")
        bob = self.node.peers()["bob"]
        self.assertEqual(bob["state"], "blocked")
        self.assertLessEqual(bob["blocked_ms"], 3_600_000)
        self.node.run("peers", "unblock", "bob")
        self.assertNotEqual(self.node.peers()["bob"]["state"], "blocked")
        self.node.run("peers", "remove", "bob")
        self.assertEqual(set(self.node.peers()), {"node2"})
        for words in (["remove", "bob"], ["block", "bob"], ["unblock", "bob"]):
            self.says(self.run_on(self.node, "peers", *words), USAGE, "bob")
        self.says(self.run_on(self.node, "peers", "block", "node2", "--for", "x"), USAGE, "'x'")

    def test_the_list_is_a_table_in_a_pipe_without_colour(self):
        done = subprocess.run(f"{QUARRY} peers list --home {self.node.home} | head -n 2",
                              shell=True, capture_output=True, text=True)
        heading, line = done.stdout.splitlines()
        self.assertTrue(heading.startswith("NAME"))
        self.assertIn("connected", line)
        self.assertNotIn("\x1b", done.stdout)

    def test_without_a_node_the_file_speaks_and_what_needs_a_node_says_so(self):
        done = self.run_on(self.idle, "peers", "list")
        self.assertEqual(done.returncode, OK)
        self.assertIn("no node runs", done.stderr)
        self.says(self.run_on(self.idle, "peers", "block", STRANGER), NO_NODE)
        new = self.out / "peers"
        new.write_text(f"{STRANGER} tcp://127.0.0.1:9\n")
        done = self.run_on(self.idle, "peers", "set", new)
        self.assertEqual(done.returncode, OK)
        self.assertIn("no node runs", done.stderr)
        listed = json.loads(self.idle.run("peers", "list", "--json").stdout)
        self.assertEqual((listed["running"], [p["key"] for p in listed["peers"]]),
                         (False, [STRANGER]))


class Explain(Shared):
    COUNT = 2

    def test_N11_it_tells_whom_the_node_asked_why_and_what_came_of_it(self):
        value = self.out / "value"
        value.write_bytes(b"explained")
        key = self.nodes[1].run("put", value).stdout.split()[0]
        self.assertEqual(self.run_on(self.node, "explain", key).returncode, SOME)
        self.node.run("fetch", key)
        text = self.node.run("explain", key).stdout
        self.assertIn(f"{key}: not being fetched", text)
        self.assertRegex(text, r"node2 +\w+ +\S+ \w+ +accepted")
        said = self.node.json("explain", key)
        self.assertEqual((said["key"], said["fetch"]), (key, None))
        [ask] = said["asks"]
        self.assertEqual((ask["name"], ask["result"], ask["in_set"]), ("node2", "accepted", 1))
        self.assertEqual([c["standing"] for c in ask["candidates"]], ["candidate"])

    def test_N11_of_a_fetch_in_progress_it_tells_what_it_waits_for(self):
        fetch = self.node.popen("fetch", NOBODYS)
        self.addCleanup(fetch.communicate)
        self.addCleanup(fetch.kill)
        said = {}

        def asked():
            said.update(json.loads(self.run_on(self.node, "explain", NOBODYS, "--json").stdout))
            return said["fetch"] and said["asks"]

        eventually(asked, what="an ask")
        self.assertEqual({ask["result"] for ask in said["asks"]} - {"waiting"}, {"remembered"})
        self.assertIn(said["fetch"]["state"], ("pending", "active"))

    def test_wrong_input_and_no_node(self):
        self.says(self.run_on(self.node, "explain", "12"), USAGE, "12")
        self.says(self.run_on(self.idle, "explain", NOBODYS), NO_NODE, str(self.idle.home))


class Status(Shared):
    def test_it_tells_of_a_fetch_why_it_waits(self):
        fetch = self.node.popen("fetch", NOBODYS)
        self.addCleanup(fetch.communicate)
        self.addCleanup(fetch.kill)
        eventually(lambda: NOBODYS in self.node.fetches(), what="the fetch in status")
        self.assertEqual(self.node.fetches()[NOBODYS]["waits_for"], "peer_set")
        self.assertIn(NOBODYS, self.node.run("status", NOBODYS).stdout)
        self.assertEqual(self.run_on(self.node, "status", "11" * 32).returncode, SOME)

    def test_nothing_in_progress_wrong_input_and_no_node(self):
        self.idle_now()
        self.assertIn("no fetches in progress", self.node.run("status").stdout)
        self.says(self.run_on(self.node, "status", "12"), USAGE, "12")
        self.says(self.run_on(self.idle, "status"), NO_NODE, str(self.idle.home))
        said = self.node.json("status")
        self.assertEqual(said["node"]["key"], self.node.key)
        self.assertIn("fetches_started_total", said["counters"])

    def test_id_prints_the_key_alone(self):
        self.assertEqual(self.node.run("id").stdout, self.node.key + "\n")
        self.assertEqual(self.node.json("id"), {"key": self.node.key, "home": str(self.node.home)})
        done = subprocess.run([QUARRY, "id", "--home", self.out], capture_output=True, text=True)
        self.says(done, CONFIG, "keygen")


class Addresses(Case):
    def test_a_node_may_be_reached_at_another_address_than_it_listens_at(self):
        port = free_port()
        one = self.node("one", "--advertise", f"tcp://localhost:{port}")
        one.endpoint = f"tcp://0.0.0.0:{port}"
        two = self.node("two")
        one.knows(two).start()
        # Names are resolved by whoever dials.
        (two.home / "peers").write_text(f"{one.key} tcp://localhost:{port} primary one\n")
        two.start().connected(1)
        self.assertEqual(one.json("status")["node"]["listen"], f"tcp://localhost:{port}")
        key = one.put(b"by name")
        self.assertEqual(two.run("fetch", key).stdout, "by name")

    def test_what_is_advertised_has_to_be_an_address_of_a_node_that_listens(self):
        node = self.node("node")
        for words in (["--advertise", "nowhere"], ["--advertise", "tcp://0.0.0.0:7000"]):
            done = node.run("node", "--listen", node.endpoint, *words, check=False)
            self.assertEqual(done.returncode, USAGE)
            self.assertIn(words[1], done.stderr)
        done = node.run("node", "--advertise", node.endpoint, check=False)
        self.assertEqual(done.returncode, USAGE)
        self.assertIn("--listen", done.stderr)

    def test_how_many_hedges_how_fast_and_remembered_for_how_long_have_their_bounds(self):
        node = self.node("node")
        for option, value in (("--hedges", -1), ("--hedges", 101), ("--hedges", "many"),
                              ("--peer-rate", 0), ("--peer-rate", -5), ("--peer-rate", "fast"),
                              ("--remember", "29s"), ("--remember", "121m"),
                              ("--remember", "long")):
            done = node.run("node", option, value, check=False)
            self.assertEqual((done.returncode, len(done.stderr.splitlines())), (USAGE, 1))
            self.assertIn(value if value == "long" else option, done.stderr)

    def test_a_node_without_an_address_only_asks(self):
        one = self.node("one").start()
        two = self.node("two", "--listen", "none").knows(one)
        one.run("peers", "add", two.key, "-", "--role", "serve_only", "--name", "two")
        two.start().connected(1)
        key = one.put(b"asked for")
        self.assertEqual(two.run("fetch", key).stdout, "asked for")
        self.assertIn("only asks", two.run("status").stdout)


class Testnet(unittest.TestCase):
    def quarry(self, *words):
        return subprocess.run([QUARRY, "testnet", *map(str, words)], capture_output=True, text=True)

    def test_up_status_down(self):
        with tempfile.TemporaryDirectory(prefix="quarry-") as folder:
            net = pathlib.Path(folder) / "net"
            done = self.quarry("status", "--dir", net)
            self.assertEqual(done.returncode, NO_NODE, done.stderr)
            self.assertIn("quarry testnet up", done.stderr)
            try:
                done = self.quarry("up", "--nodes", 2, "--dir", net, "--json")
                self.assertEqual(done.returncode, OK, done.stderr)
                nodes = json.loads(done.stdout)["nodes"]
                self.assertEqual([(n["name"], n["connected"]) for n in nodes],
                                 [("node1", 1), ("node2", 1)])
                again = self.quarry("up", "--nodes", 2, "--dir", net)
                self.assertIn("quarry fetch --home", again.stdout)
                self.assertEqual(self.quarry("up", "--nodes", 3, "--dir", net).returncode, 6)
                status = json.loads(self.quarry("status", "--dir", net, "--json").stdout)
                self.assertEqual([n["pid"] for n in status["nodes"]], [n["pid"] for n in nodes])
            finally:
                done = self.quarry("down", "--dir", net, "--purge")
            self.assertEqual((done.returncode, done.stdout), (OK, ""))
            self.assertFalse(net.exists())
            self.assertEqual(self.quarry("down", "--dir", net).returncode, OK)
        self.assertEqual(self.quarry("up", "--nodes", 0).returncode, USAGE)
        self.assertEqual(self.quarry("up", "--nodes", "many").returncode, USAGE)
        self.assertEqual(self.quarry("up", "--placement", "sideways").returncode, USAGE)


class Completion(unittest.TestCase):
    def completes(self, *words):
        """What bash offers for the last of these words."""
        script = subprocess.run([QUARRY, "completion", "bash"], capture_output=True, text=True)
        self.assertEqual((script.returncode, script.stderr), (OK, ""))
        array = " ".join(f"'{word}'" for word in ("quarry", *words))
        ask = (f"{script.stdout}\nCOMP_WORDS=({array}); COMP_CWORD={len(words)}; _quarry; "
               'printf "%s\\n" "${COMPREPLY[@]}"')
        done = subprocess.run(["bash", "-uc", ask], capture_output=True, text=True,
                              cwd=pathlib.Path(__file__).parent)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return set(done.stdout.split())

    def test_bash_completes_commands_options_their_words_and_files(self):
        self.assertTrue({"fetch", "peers", "testnet"} <= self.completes(""))
        self.assertEqual(self.completes("pe"), {"peers"})
        self.assertEqual(self.completes("peers", "un"), {"unblock"})
        self.assertEqual(self.completes("peers", "--home", "x", "unb"), {"unblock"})
        self.assertTrue({"--keep", "--deadline"} <= self.completes("fetch", "--"))
        self.assertNotIn("--key-length", self.completes("fetch", "--k"))
        self.assertEqual(self.completes("fetch", "--class", "b"), {"background"})
        self.assertEqual(self.completes("node", "--placement", ""), {"one", "threads", "processes"})
        self.assertIn("operating_test.py", self.completes("put", "oper"))
        self.assertIn("operating_test.py", self.completes("fetch", "--from", "oper"))
        self.assertEqual(self.completes("fetch", "--deadline", ""), set())

    @unittest.skipUnless(shutil.which("fish"), "no fish here")
    def test_fish_completes_the_same(self):
        script = subprocess.run([QUARRY, "completion", "fish"], capture_output=True, text=True)
        self.assertEqual((script.returncode, script.stderr), (OK, ""))

        def completes(line):
            done = subprocess.run(["fish", "--no-config", "-c",
                                   f"{script.stdout}\ncomplete -C '{line}'"], capture_output=True,
                                  text=True, cwd=pathlib.Path(__file__).parent)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            return {offered.split("\t")[0] for offered in done.stdout.splitlines()}

        self.assertTrue({"fetch", "peers", "testnet"} <= completes("quarry "))
        self.assertEqual(completes("quarry peers un"), {"unblock"})
        self.assertEqual(completes("quarry peers --home x unb"), {"unblock"})
        self.assertTrue({"--keep", "--deadline"} <= completes("quarry fetch --"))
        self.assertNotIn("--key-length", completes("quarry fetch --k"))
        self.assertEqual(completes("quarry fetch --class b"), {"background"})
        self.assertEqual(completes("quarry node --placement "), {"one", "threads", "processes"})
        self.assertEqual(completes("quarry put oper"), {"operating_test.py"})
        self.assertEqual(completes("quarry fetch --from oper"), {"operating_test.py"})
        self.assertEqual(completes("quarry fetch --deadline "), set())

    def test_other_shells(self):
        done = subprocess.run([QUARRY, "completion", "zsh"], capture_output=True, text=True)
        self.assertIn("bashcompinit", done.stdout)
        done = subprocess.run([QUARRY, "completion", "tcsh"], capture_output=True, text=True)
        self.assertEqual(done.returncode, USAGE)
        self.assertIn("tcsh", done.stderr)


if __name__ == "__main__":
    unittest.main()
