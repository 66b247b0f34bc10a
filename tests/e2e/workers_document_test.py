"""Types what docs/workers.md says, and compares what comes with what it shows."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from cluster import PATIENCE, QUARRY, ROOT

DOCUMENT = ROOT / "docs" / "workers.md"
MARK = "\x01"


def steps(text):
    """(command, output) of each `$` line of the console blocks, in order."""
    for block in re.findall(r"^```console\n(.*?)^```", text, re.M | re.S):
        for step in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.M):
            yield step


def files(text):
    """(name, content) of each block of Python that begins with a file's name."""
    return re.findall(r"^```python\n(?=# (\S+)\n)(.*?)^```", text, re.M | re.S)


def typed(command):
    """As a person types it: who starts or ends a worker sees it attached or gone."""
    if command == "kill $(jobs -p)":
        return command + "; wait"
    node = re.search(r"net/node\d", command)
    if not command.endswith("&") or not node:
        return command
    count = f"quarry workers --home {node[0]} --json | grep -o attached_ms | wc -l"
    return f"n=$({count})\n{command}\nuntil [ $({count}) -gt $n ]; do :; done"


class Document(unittest.TestCase):
    def test_what_the_document_shows_is_what_happens(self):
        text = DOCUMENT.read_text()
        all_steps = list(steps(text))
        self.assertGreater(len(all_steps), 15)
        script = "\n".join(f"{typed(command)}\nprintf '{MARK}'" for command, _ in all_steps)
        with tempfile.TemporaryDirectory(prefix="quarry-") as folder:
            place = pathlib.Path(folder)
            (place / "bin").mkdir()
            (place / "bin" / "quarry").symlink_to(pathlib.Path(QUARRY).resolve())
            (place / "worker").symlink_to(pathlib.Path(os.environ["QUARRY_EXAMPLE"]).resolve())
            (place / "bin" / "python3").symlink_to(sys.executable)
            (place / "clients").symlink_to(ROOT / "clients")
            for name, content in files(text):
                (place / name).write_text(content)
            kept = {k: v for k, v in os.environ.items() if not k.startswith("QUARRY")}
            kept["PYTHONDONTWRITEBYTECODE"] = "1"
            done = subprocess.run(
                ["bash", "-c", "exec 2>&1\n" + script], cwd=place, capture_output=True, text=True,
                timeout=60 * PATIENCE, env=dict(kept, PATH=f"{place}/bin:{os.environ['PATH']}"))
            logs = "".join(f"\n{p.name}: {p.read_text()}" for p in sorted(place.glob("*.log")))
        said = done.stdout.split(MARK)
        self.assertEqual(len(said), len(all_steps) + 1, done.stdout)
        for (command, shown), came in zip(all_steps, said):
            self.assertEqual(shown, came, f"$ {command}{logs}")


if __name__ == "__main__":
    unittest.main()
