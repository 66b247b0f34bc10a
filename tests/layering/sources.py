"""The sources of the project, as the checks of this folder see them."""

import os
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("msg", "bus", "actors", "cli", "tests")


def sources(*endings, folders=FOLDERS):
    """Paths below the project's root, in order."""
    found = []
    for folder in folders:
        for where, _, names in os.walk(ROOT / folder):
            paths = [pathlib.Path(where, name) for name in names if name.endswith(endings)]
            found += [path.relative_to(ROOT) for path in paths]
    return sorted(found)


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def code_of(text):
    """C++ without comments and without what stands in quotation marks; lines stay lines."""
    pattern = r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|(?<![0-9a-zA-Z])'(?:\\.|[^'\\\n])'"
    return re.sub(pattern, lambda m: "\n" * m[0].count("\n"), text, flags=re.S)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


class Case(unittest.TestCase):
    """A test that looks for violations, each of them a line for a person."""

    def assertNone(self, violations):
        self.assertEqual([], violations, "\n" + "\n".join(violations))
