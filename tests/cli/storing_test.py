"""put, ls and rm: the node's own storage, what it keeps, and what it no longer does."""

import json
import os
import subprocess
import tempfile
import unittest

from cluster import PATIENCE, QUARRY, Case, eventually, key_of
from shared import IO, NOBODYS, NO_NODE, OK, REFUSED, SOME, USAGE, Shared

MANY = 2_500 if PATIENCE == 1 else 1_100  # more than two pages, or one


class Storing(Shared):
    COUNT = 2

    def setUp(self):
        super().setUp()
        self.run_on(self.node, "rm", "--from", "-", stdin=self.node.run("ls").stdout)
        self.assertEqual(self.node.run("ls").stdout, "")

    def files(self, *values):
        names = []
        for i, value in enumerate(values):
            names.append(self.out / f"value{i}")
            names[-1].write_bytes(value)
        return names

    def shell(self, script):
        return subprocess.run(["bash", "-c", f"set -o pipefail; {script}"], capture_output=True,
                              text=True, env=dict(os.environ, QUARRY_HOME=str(self.node.home),
                                                  q=QUARRY), timeout=60 * PATIENCE)

    def test_what_is_put_is_listed_in_order_and_what_is_removed_is_not(self):
        values = [b"", b"one", b"x" * 100_000]
        put = self.node.run("put", *self.files(*values)).stdout
        keys = [line.split()[0] for line in put.splitlines()]
        self.assertEqual(keys, [key_of(value) for value in values])
        sizes = dict(zip(keys, map(len, values)))
        listed = "".join(f"{key}  {sizes[key]}\n" for key in sorted(keys))
        self.assertEqual(self.node.run("ls").stdout, listed)
        said = [json.loads(line) for line in self.node.run("ls", "--json").stdout.splitlines()]
        self.assertEqual(said, [{"key": key, "size": sizes[key]} for key in sorted(keys)])
        self.assertEqual(self.node.run("rm", keys[0]).stdout, "1 value removed\n")
        self.assertEqual(self.node.json("rm", *keys[1:]), {"removed": 2})
        done = self.node.run("ls")
        self.assertEqual((done.stdout, done.stderr), ("", ""))

    def test_what_is_removed_is_neither_served_nor_found(self):
        key = self.node.put(b"here for a while")
        self.assertEqual(self.nodes[1].run("fetch", key).stdout, "here for a while")
        self.node.run("rm", key)
        for node in self.nodes:
            done = self.run_on(node, "fetch", key, "--deadline", "500ms")
            self.says(done, SOME, key, "expired")
        self.node.put(b"here for a while")
        self.assertEqual(self.nodes[1].run("fetch", key).stdout, "here for a while")

    def test_a_value_that_was_kept_by_a_fetch_is_listed_too(self):
        key = self.nodes[1].put(b"kept by a fetch")
        self.node.run("fetch", key, "--keep")
        eventually(lambda: self.node.run("ls").stdout == f"{key}  15\n", what="the kept value")

    def test_what_was_not_there_is_told_and_keys_count_once(self):
        key = self.node.put(b"twice")
        done = self.run_on(self.node, "rm", key, NOBODYS, key)
        self.assertEqual((done.returncode, done.stdout), (SOME, "1 value removed\n"))
        self.assertEqual(done.stderr, "quarry: no value was there for 1 of 2 keys\n")
        done = self.run_on(self.node, "rm", "--json", NOBODYS)
        self.assertEqual((done.returncode, json.loads(done.stdout)), (SOME, {"removed": 0}))

    def test_many_are_listed_page_by_page_and_removed_through_a_pipe(self):
        with tempfile.TemporaryDirectory(dir=self.out) as folder:
            for i in range(MANY):
                (self.out / folder / f"{i}").write_bytes(b"many %d" % i)
            self.shell(f"ls -d {folder}/* | xargs \"$q\" put > {self.out}/put")
        done = self.shell('"$q" ls')
        keys = [line.split()[0] for line in done.stdout.splitlines()]
        self.assertEqual(keys, sorted(key_of(b"many %d" % i) for i in range(MANY)))
        done = self.shell('"$q" ls | head -n 2')
        self.assertEqual((done.returncode, done.stderr), (OK, ""))
        self.assertEqual(done.stdout.split()[::2], keys[:2])
        done = self.shell(f'"$q" ls | "$q" fetch --from - -o {self.out}/all/ && '
                          f'ls {self.out}/all | wc -l')
        self.assertEqual((done.stdout.strip(), done.stderr), (str(MANY), ""))
        done = self.shell('"$q" ls | "$q" rm --from -')
        self.assertEqual((done.stdout, done.stderr), (f"{MANY} values removed\n", ""))
        self.assertEqual(self.node.run("ls").stdout, "")

    def test_wrong_input_and_no_node(self):
        self.says(self.run_on(self.node, "rm"), USAGE, "no key")
        self.says(self.run_on(self.node, "rm", "12"), USAGE, "'12'")
        self.says(self.run_on(self.node, "rm", "--from", "-", stdin="nonsense\n"), USAGE,
                  "stdin:1", "nonsense")
        self.says(self.run_on(self.node, "rm", "--from", self.out / "none"), IO, "none")
        self.says(self.run_on(self.node, "ls", "more"), USAGE, "more")
        for words in (["ls"], ["rm", NOBODYS], ["put", "-"]):
            self.says(self.run_on(self.idle, *words, stdin=""), NO_NODE, str(self.idle.home))

    def test_nothing_named_is_nothing_done(self):
        done = self.run_on(self.node, "rm", "--from", "-", stdin="# nothing\n")
        self.assertEqual((done.returncode, done.stderr), (OK, ""))
        self.assertEqual(done.stdout, "0 values removed\n")
        self.says(self.run_on(self.node, "put"), USAGE, "FILE")

    def test_put_names_what_it_cannot_read_and_keeps_the_rest(self):
        good, = self.files(b"good")
        done = self.run_on(self.node, "put", self.out / "missing", good)
        self.assertEqual((done.returncode, done.stdout), (IO, f"{key_of(b'good')}  {good}\n"))
        self.assertIn("missing", done.stderr)
        self.says(self.run_on(self.node, "put", "--key", "12", good), USAGE, "'12'")
        self.says(self.run_on(self.node, "put", "--key", NOBODYS, good), REFUSED, "invalid")
        self.assertEqual(self.node.run("ls").stdout, f"{key_of(b'good')}  4\n")

    def test_put_reads_a_pipe_and_prints_what_sha256sum_prints(self):
        done = self.shell('printf piped | "$q" put -')
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.stdout, self.shell("printf piped | sha256sum").stdout)
        said = self.run_on(self.node, "put", "-", "--json", stdin="piped")
        self.assertEqual(json.loads(said.stdout), {"file": "-", "result": "kept",
                                                   "key": key_of(b"piped"), "size": 5})


class ElsewhereKept(Case):
    def worker(self, node, *words):
        worker = node.popen("store", *words)
        self.addCleanup(worker.communicate)
        self.addCleanup(worker.kill)
        name = words[words.index("--name") + 1]
        eventually(lambda: name in node.run("workers").stdout, what=f"the storage {name}")
        return worker

    def test_what_is_listed_and_removed_is_in_the_storage_that_keeps(self):
        node = self.node("node", "--keep-in", "folder").start()
        self.says(node, NO_NODE, ["ls"], "no storage called folder is attached")
        self.says(node, NO_NODE, ["rm", NOBODYS], "no storage called folder is attached")
        values = self.folder / "values"
        values.mkdir()
        self.worker(node, "--dir", values, "--keeps", "--name", "folder")
        key = node.put(b"in a folder")
        self.assertEqual(node.run("ls").stdout, f"{key}  11\n")
        self.assertEqual((values / key).read_bytes(), b"in a folder")
        self.assertEqual(node.run("rm", key).stdout, "1 value removed\n")
        self.assertEqual(list(values.glob("[0-9a-f]*")), [])
        self.assertEqual(node.run("ls").stdout, "")

    def test_a_storage_of_a_program_removes_but_does_not_list(self):
        node = self.node("node", "--keep-in", "program").start()
        program = f"cd {self.folder}; case $QUARRY_OP in keep) cat > $QUARRY_KEY;; look_up) " \
                  "cat $QUARRY_KEY || exit 66;; remove) rm $QUARRY_KEY || exit 66;; esac"
        self.worker(node, "--exec", program, "--keeps", "--name", "program")
        key = node.put(b"by a program")
        self.says(node, REFUSED, ["ls"], "storage called program does not list")
        self.assertEqual(node.run("rm", key).stdout, "1 value removed\n")
        done = node.run("rm", key, check=False)
        self.assertEqual((done.returncode, done.stdout), (SOME, "0 values removed\n"))

    def says(self, node, code, words, *said):
        done = node.run(*words, check=False)
        self.assertEqual((done.returncode, done.stdout), (code, ""), done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for word in said:
            self.assertIn(word, done.stderr)


if __name__ == "__main__":
    unittest.main()
