"""Prometheus asks a node: what it is told is what has happened, and asking holds up nobody."""

import collections
import json
import pathlib
import re
import subprocess
import unittest
import urllib.request

from cluster import PATIENCE, Case, eventually, free_port, key_of

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
OF_NO_NUMBER = ("peers_without_series", "uptime_seconds")  # of `status`


class Metrics(Case):
    def scrape(self):
        """{series: value}, and the text."""
        with urllib.request.urlopen(self.url, timeout=10 * PATIENCE) as answer:
            self.assertEqual(answer.status, 200)
            text = answer.read().decode()
        samples = re.findall(r"^(\w\S*) (\S+)$", text, re.M)
        return {name: float(value) for name, value in samples}, text

    def asker(self, *options):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/metrics"
        return self.node("asker", "--metrics", f"127.0.0.1:{port}", *options)

    def until(self, series, value):
        """A scrape in which this series has this value: what was told lately is told again."""
        def told():
            samples, _ = self.scrape()
            return samples if samples.get(series) == value else None

        return eventually(told, what=f"{series} {value}")

    def test_R40_a_scrape_tells_fetches_requests_peers_and_durations(self):
        asker, server = self.asker(), self.node("server")
        asker.knows(server).start()
        server.knows(asker).start()
        asker.connected(1)
        keys = [server.put(f"value {i}".encode()) for i in range(5)]
        asker.run("fetch", *keys, "-o", self.folder / "out")
        never = asker.popen("fetch", key_of(b"never"))
        samples = self.until('quarry_fetches{state="pending"}', 1)
        self.assertEqual(samples['quarry_fetches_total{result="resolved"}'], 5)
        self.assertEqual(samples['quarry_subscriptions_total{result="resolved"}'], 5)
        self.assertEqual(samples['quarry_requests_total{result="accepted"}'], 5)
        self.assertGreaterEqual(samples['quarry_requests_total{result="no_data"}'], 1)
        self.assertEqual(samples["quarry_fetch_seconds_count"], 5)
        self.assertEqual(samples['quarry_fetch_seconds_bucket{le="+Inf"}'], 5)
        self.assertGreater(samples["quarry_fetch_seconds_sum"], 0)
        self.assertEqual(samples["quarry_peers"], 1)
        self.assertEqual(samples["quarry_peers_blocked"], 0)
        one = f'peer="{server.key}",name="server"'.replace("\\", "\\\\")
        self.assertEqual(samples[f"quarry_peer_up{{{one}}}"], 1)
        self.assertEqual(samples[f'quarry_peer_requests_total{{{one},result="accepted"}}'], 5)
        self.assertGreater(samples[f"quarry_peer_latency_seconds{{{one}}}"], 0)

        asker.run("cancel", key_of(b"never"))
        never.communicate(timeout=10 * PATIENCE)
        asker.run("peers", "block", "server")
        self.until('quarry_fetches_total{result="cancelled"}', 1)
        samples = self.until("quarry_peers_blocked", 1)
        self.assertEqual(samples['quarry_fetches{state="pending"}'], 0)

    def test_R40_a_scrape_tells_what_is_served_and_for_how_long(self):
        server, other = self.asker(), self.node("other")
        server.knows(other).start()
        other.knows(server).start()
        other.connected(1)
        key = server.put(b"served")
        other.run("fetch", key)
        samples = self.until('quarry_serves_total{result="value"}', 1)
        self.assertEqual(samples["quarry_serve_seconds_count"], 1)
        self.assertEqual(samples["quarry_served_bytes_total"], len(b"served"))
        self.assertEqual(samples['quarry_serves{state="in_progress"}'], 0)

    def test_R40_each_metric_that_is_told_has_its_help_and_type(self):
        self.asker().start()
        samples, text = self.scrape()
        families = set(re.findall(r"^# TYPE (\w+) ", text, re.M))
        self.assertEqual(families, set(re.findall(r"^# HELP (\w+) .", text, re.M)))
        for series in samples:
            name = re.match(r"\w+", series)[0]
            self.assertTrue(name in families or
                            re.sub(r"_(bucket|sum|count)$", "", name) in families, series)

    def test_R40_each_number_has_one_name_in_status_and_in_the_document_of_metrics(self):
        def each_once(pairs):
            names = collections.Counter(name for name, _ in pairs)
            self.assertEqual([name for name, times in names.items() if times > 1], [])
            return dict(pairs)

        status = self.asker().start().run("status", "--json").stdout
        numbers = json.loads(status, object_pairs_hook=each_once)["counters"]
        told = {re.sub(r"_us_(le_\d+|count|sum)$", "_us", name) for name in numbers}
        self.assertEqual(told, set(self.documented()))

    def documented(self):
        """What docs/metrics.md calls the numbers of `status`."""
        rows = re.findall(r"^\| `(\w+)` \|(?: (\w+) \| ?(.*?) \|)?", DOCUMENT.read_text(), re.M)
        for name, kind, labels in rows:
            name = name.removeprefix("quarry_")
            if not kind or kind == "gauge" and not labels and name not in OF_NO_NUMBER:
                yield name
            elif kind == "histogram":
                yield name.removesuffix("_seconds") + "_us"
            elif not labels and kind == "counter":
                yield name
            elif ":" in labels:
                end = "_total" if kind == "counter" else ""
                for value in labels.split(": ")[1].split(", "):
                    yield f"{name.removesuffix(end)}_{value}{end}"

    def test_R40_scrapes_hold_up_no_fetch_and_the_node_ends_while_it_is_asked(self):
        alone = self.asker()
        alone.start()
        key = alone.put(b"mine")
        scraping = subprocess.Popen(
            ["python3", "-c", "import sys, urllib.request\n"
             "while True: urllib.request.urlopen(sys.argv[1]).read()", self.url],
            stderr=subprocess.DEVNULL)
        try:
            for _ in range(20):
                self.assertEqual(alone.run("fetch", key).stdout, "mine")
            self.assertEqual(alone.stop(), 0, alone.log())
        finally:
            scraping.kill()
            scraping.wait()

    def test_an_address_that_is_taken_or_none_is_said_in_a_line(self):
        first = self.asker()
        first.start()
        for address, code in ((self.url.split("/")[2], 6), ("nowhere", 2), ("127.0.0.1:0", 2)):
            other = self.node(f"other{code}{len(address)}")
            done = other.run("node", "--metrics", address, "--log-level", "off", check=False)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn(address, done.stderr)

    def test_without_the_option_nothing_listens(self):
        quiet = self.node("quiet").start()
        listening = subprocess.run(["ss", "-ltnp"], capture_output=True, text=True).stdout
        mine = [line for line in listening.splitlines() if f"pid={quiet.process.pid}," in line]
        self.assertEqual(len(mine), 1, mine)  # the network door


if __name__ == "__main__":
    unittest.main()
