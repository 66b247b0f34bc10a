"""What `quarry bench` promises: in each of its modes values are fetched, and what is told has its
fields and makes sense. Nothing here depends on how fast this machine is.

The program under test is $QUARRY, the floor $RAW_ECHO, the sources $QUARRY_SOURCES.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

QUARRY = os.environ["QUARRY"]
RAW_ECHO = os.environ["RAW_ECHO"]
SOURCES = pathlib.Path(os.environ["QUARRY_SOURCES"])
FIELDS = ("fetches_per_s", "mib_per_s", "p50_us", "p90_us", "p99_us", "cpu_us_per_fetch_client",
          "cpu_us_per_fetch_server", "rss_mib")


class BenchCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="quarry-bench-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_quarry(self, *options):
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith("QUARRY_")}
        environment |= {"TMPDIR": str(self.folder),
                        "PYTHONPATH": str(SOURCES / "clients" / "python")}
        return subprocess.run([QUARRY, "bench", *options], capture_output=True, text=True,
                              timeout=300, env=environment)

    def bench(self, *options):
        ran = self.run_quarry("--seconds", "0.1", "--json", *options)
        self.assertEqual((0, ""), (ran.returncode, ran.stderr))
        self.assertEqual(1, ran.stdout.count("\n"))
        self.assertEqual([], list(self.folder.iterdir()), "the nodes' homes are left behind")
        result = json.loads(ran.stdout)
        self.check(result)
        return result

    def check(self, result):
        for field in FIELDS:
            self.assertGreater(result[field], 0, field)
        self.assertLessEqual(result["p50_us"], result["p90_us"])
        self.assertLessEqual(result["p90_us"], result["p99_us"])


class Bench(BenchCase):
    def test_a_guest_of_the_node_is_the_client_unless_said_otherwise(self):
        result = self.bench("--size", "1KiB", "--window", "8")
        self.assertEqual((1024, 8, "inproc", "one", "built-in", "computed"),
                         tuple(result[name] for name in ("size", "window", "client", "placement",
                                                         "verifier", "storage")))
        self.assertGreater(result["fetches"], 0)
        self.assertNotIn("beside_pending", result)

    def test_a_client_in_a_process_of_its_own(self):
        self.bench("--client", "ipc", "--window", "1")

    def test_threads_for_each_actor_and_several_serving_nodes(self):
        self.assertEqual(3, self.bench("--placement", "threads", "--nodes", "3")["nodes"])

    def test_values_that_travel_alone(self):
        self.bench("--size", "300KiB", "--window", "4")

    def test_values_from_the_nodes_own_storage(self):
        result = self.bench("--storage", "lmdb", "--size", "64KiB", "--window", "4")
        self.assertEqual("lmdb", result["storage"])

    def test_a_verifier_of_another_language(self):
        verifier = SOURCES / "tests" / "bench" / "python_verifier.py"
        self.bench("--verifier", f"{sys.executable} -B {verifier}", "--window", "4")

    def test_the_rate_beside_fetches_that_nobody_can_answer(self):
        beside = self.bench("--pending", "5000", "--window", "4")["beside_pending"]
        self.check(beside)
        self.assertEqual(5000, beside["pending"])

    def test_a_table_for_people(self):
        ran = self.run_quarry("--seconds", "0.1", "--window", "4")
        self.assertEqual((0, ""), (ran.returncode, ran.stderr))
        self.assertIn("FETCHES/S", ran.stdout)
        self.assertIn("1.0 KiB x 4", ran.stdout)

    def test_ctrl_c_ends_it_and_leaves_nothing(self):
        environment = dict(os.environ, TMPDIR=str(self.folder))
        bench = subprocess.Popen([QUARRY, "bench", "--seconds", "60"], env=environment,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while not list(self.folder.glob("*/node1/run/control.sock")):
            self.assertIsNone(bench.poll(), "the bench ended by itself")
        bench.send_signal(signal.SIGINT)
        self.assertEqual(("", ""), bench.communicate(timeout=60))
        self.assertEqual(130, bench.returncode)
        self.assertEqual([], list(self.folder.iterdir()))


class RealPeers(BenchCase):
    def test_each_way_of_choosing_gets_all_its_values(self):
        ran = subprocess.run([sys.executable, "-B", SOURCES / "tests" / "bench" / "real_peers.py",
                              QUARRY, "--seconds", "3", "--rate", "30", "--rounds", "1"],
                             capture_output=True, text=True, timeout=300,
                             env=dict(os.environ, TMPDIR=str(self.folder)))
        self.assertEqual((0, ""), (ran.returncode, ran.stderr))
        ways = json.loads(ran.stdout)
        self.assertEqual(["hedges", "no hedges", "uniform"], list(ways))
        for way, told in ways.items():
            shares = [told[f"share_{peer}"] for peer in ("node2", "node3", "node4", "liar")]
            self.assertAlmostEqual(1, sum(shares), places=2)
            self.assertLess(told["share_liar"], 0.2, "a liar is asked until it has lied")
            self.assertGreaterEqual(told["asks_per_fetch"], 1, way)
            self.assertLessEqual(told["p50_ms"], told["p99_ms"])
        self.assertEqual([], list(self.folder.iterdir()), "the nodes' homes are left behind")


class WrongInput(BenchCase):
    def test_one_line_says_what_is_wrong_and_what_to_do(self):
        for options in (["--size", "7"], ["--size", "1GiB"], ["--size", "many"],
                        ["--window", "0"], ["--window", "100000"], ["--seconds", "0"],
                        ["--seconds", "-1"], ["--seconds", "nan"], ["--nodes", "1"],
                        ["--nodes", "65"], ["--placement", "none"], ["--client", "tcp"],
                        ["--pending", "5000000"], ["--unknown"]):
            ran = self.run_quarry(*options)
            self.assertEqual((2, ""), (ran.returncode, ran.stdout), options)
            self.assertEqual(1, ran.stderr.count("\n"), ran.stderr)
            self.assertTrue(ran.stderr.startswith("quarry: "), ran.stderr)

    def test_a_worker_that_ends_too_early_ends_the_bench(self):
        ran = self.run_quarry("--verifier", "false", "--seconds", "1")
        self.assertEqual((4, ""), (ran.returncode, ran.stdout))
        self.assertIn("ended too early", ran.stderr)
        self.assertEqual([], list(self.folder.iterdir()))


class Appearing(BenchCase):
    def appearing(self, *options):
        ran = subprocess.run([sys.executable, "-B", SOURCES / "tests" / "bench" / "appearing.py",
                              QUARRY, *options], capture_output=True, text=True, timeout=300,
                             env=dict(os.environ, TMPDIR=str(self.folder)))
        self.assertEqual(0, ran.returncode, ran.stderr)
        self.assertEqual([], list(self.folder.iterdir()), "the nodes' homes are left behind")
        return json.loads(ran.stdout)

    def test_N15_a_value_that_appears_at_another_node_is_there(self):
        result = self.appearing("--values", "2", "--delay", "5")
        self.assertEqual((2, 10), (result["values"], result["round_trip_ms"]))
        for what in "from_put", "from_kept":
            self.assertGreater(result[what]["median_ms"], 0)
            self.assertGreaterEqual(result[what]["most_ms"], result[what]["median_ms"])

    def test_N15_all_nodes_remember_what_one_waits_for_and_nobody_asks_again(self):
        result = self.appearing("--waiting", "2000", "--after", "0.5", "--seconds", "0.5")
        self.assertEqual([2000] * 4, result["remembered"])
        self.assertEqual(0, result["asks"])
        self.assertEqual(5, len(result["with_fetches"]["cpu_ms_per_s"]))


class Floor(BenchCase):
    def test_the_floor_tells_the_same_fields(self):
        ran = subprocess.run([RAW_ECHO, "1024", "8", "0.1"], capture_output=True, text=True,
                             timeout=60)
        self.assertEqual((0, ""), (ran.returncode, ran.stderr))
        self.check(json.loads(ran.stdout))

    def test_the_floor_refuses_what_it_cannot_measure(self):
        for words in ([], ["0", "1", "1"], ["1", "0", "1"], ["1", "1", "0"], ["1", "1"]):
            ran = subprocess.run([RAW_ECHO, *words], capture_output=True, text=True, timeout=60)
            self.assertEqual((2, ""), (ran.returncode, ran.stdout), words)
            self.assertEqual(1, ran.stderr.count("\n"))


if __name__ == "__main__":
    unittest.main()
