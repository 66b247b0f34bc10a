"""Scenarios: each of docker/scenarios in short, in containers where a Docker engine answers and the
program runs in them, else as processes; and that what is not as it has to be is told."""

import concurrent.futures
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import unittest

from cluster import PATIENCE, QUARRY, ROOT, containers

SCENARIOS = ROOT / "docker" / "scenarios"
IN_SHORT = {"soak": 0.006}  # of its time; the others:
SHORT = 0.35
# They mostly wait; a machine of two cores bears so many.
AT_A_TIME = 4


def can_mount():
    """Whether a process here may have a small file system of its own."""
    as_root = [] if os.getuid() == 0 else ["--map-root-user"]
    return subprocess.run(["unshare", "--mount", *as_root, "mount", "-t", "tmpfs", "none", "/mnt"],
                          capture_output=True).returncode == 0


class Scenarios(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="quarry-scenario-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def command(self, scenario, *words):
        return [QUARRY, "testnet", "run", scenario, *map(str, words)]

    def run_scenario(self, scenario, *words):
        return subprocess.run(self.command(scenario, *words), capture_output=True, text=True,
                              timeout=200 * PATIENCE,
                              env=dict(os.environ, TMPDIR=str(self.folder)))

    def written(self, *lines):
        file = self.folder / "scenario"
        file.write_text("".join(line + "\n" for line in lines))
        return file

    def test_in_each_scenario_nothing_is_lost(self):
        world, why = containers()
        print("scenarios in containers" if world else f"scenarios as processes: {why}", flush=True)

        def play(scenario):
            report = self.folder / f"{scenario.name}.html"
            times = IN_SHORT.get(scenario.name, SHORT)
            return report, self.run_scenario(scenario, "--times", times, "--report", report, *world)

        scenarios = sorted(SCENARIOS.iterdir())
        if not world and not can_mount():
            print("scenarios without full-disk: no file system may be mounted here", flush=True)
            scenarios.remove(SCENARIOS / "full-disk")
        self.assertGreater(len(scenarios), 8)
        with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
            for scenario, (report, done) in zip(scenarios, pool.map(play, scenarios)):
                with self.subTest(scenario.name):
                    self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                    self.assertIn("nothing was lost", done.stdout)
                    page = report.read_text()
                    self.assertIn("<svg", page)
                    self.assertNotIn("src=", page)
        self.assertEqual([path for path in self.folder.iterdir() if path.is_dir()], [])

    def test_what_is_not_as_it_has_to_be_is_told_and_is_the_exit_code(self):
        scenario = self.written("nodes 2", "load 2 clients x 20/s", "lasts 1s",
                                "expect blocked node2", "expect 100000 fetches")
        done = self.run_scenario(scenario)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("LOST: nobody has blocked node2", done.stdout)
        self.assertIn("of at least 100000", done.stdout)
        said = json.loads(self.run_scenario(scenario, "--json", "--seed", 5).stdout)
        self.assertEqual((said["seed"], said["lost"], len(said["wrong"])), (5, True, 2))

    def test_wrong_input_is_told_in_one_line(self):
        wrong = self.written("nodes 2", "at 1s explode node1")
        good = self.folder / "good"
        good.write_text("lasts 1s\n")
        for code, words, says in ((2, (wrong,), f"{wrong}:2: 'explode'"),
                                  (7, (self.folder / "none",), "none"),
                                  (2, (good, "--times", "0"), "--times"),
                                  (4, (good, "--docker", "--image", "no-such"), "docker")):
            done = self.run_scenario(*words)
            self.assertEqual((done.returncode, len(done.stderr.splitlines())), (code, 1),
                             done.stderr)
            self.assertIn(says, done.stderr)

    def test_one_that_is_interrupted_leaves_nothing(self):
        scenario = self.written("nodes 2", "verifier node1", "load 1 client x 10/s", "lasts 1h")
        process = subprocess.Popen(self.command(scenario), stdout=subprocess.PIPE, text=True,
                                   env=dict(os.environ, TMPDIR=str(self.folder)))
        while " 1 s " not in process.stdout.readline():
            self.assertIsNone(process.poll())
        pids = [int(lock.read_text()) for lock in self.folder.glob("quarry-run-*/node*/**/*lock")]
        self.assertEqual(len(pids), 3)
        process.send_signal(signal.SIGINT)
        process.stdout.close()
        self.assertEqual(process.wait(timeout=60 * PATIENCE), 130)
        self.assertEqual(list(self.folder.glob("quarry-run-*")), [])
        for pid in pids:
            self.assertFalse(pathlib.Path(f"/proc/{pid}/exe").exists(), pid)


if __name__ == "__main__":
    unittest.main()
