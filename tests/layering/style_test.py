"""Holds the style where a machine can: sizes, names, comments, format."""

import re
import shutil
import subprocess
import unittest

from sources import ROOT, Case, code_of, line_of, read, sources

MOST_LINES = 450
MOST_COLUMNS = 100
MOST_FUNCTION_LINES = 70
# clang-format's opinions change with its version; this is the one that the sources follow.
CLANG_FORMAT = "14"


def sizes(path, text):
    lines = text.split("\n")
    if len(lines) - 1 > MOST_LINES:
        yield f"{path}: {len(lines) - 1} lines, more than {MOST_LINES}"
    for number, line in enumerate(lines, 1):
        if len(line) > MOST_COLUMNS:
            yield f"{path}:{number}: {len(line)} columns, more than {MOST_COLUMNS}"
        if "\t" in line or line != line.rstrip():
            yield f"{path}:{number}: a tab, or blanks at the end"
    if not text.endswith("\n") and text:
        yield f"{path}: no end of line at the end"


def leftovers(path, text):
    for match in re.finditer(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b", text):
        yield f"{path}:{line_of(text, match.start())}: {match[0]}"


def headers(path, text):
    if not path.endswith(".hpp"):
        return
    if not text.startswith("//"):
        yield f"{path}: the first line does not say what this is"
    if text.count("#pragma once") != 1:
        yield f"{path}: not exactly one #pragma once"
    if not path.startswith("tests/"):
        for match in re.finditer(r"^\s*using namespace.*", code_of(text), re.M):
            yield f"{path}: {match[0]}"


def names(path, text):
    code = code_of(text)
    empty = r"\b(?:class|struct)\s+(\w*(?:Manager|Helpers?|Utils?|Impl|Base))\b"
    for match in re.finditer(empty, code):
        yield f"{path}:{line_of(code, match.start())}: {match[1]} says nothing"
    for match in re.finditer(r"\bthrow\b", code):
        yield f"{path}:{line_of(code, match.start())}: throw"


def long_functions(path, text):
    """Of formatted code: what opens at the left margin, and is neither type nor namespace."""
    start, what = None, ""
    for number, line in enumerate(code_of(text).split("\n"), 1):
        if re.match(r"[\w~].*\{\s*$", line) or re.match(r"\s{4,}.*\)[\w ]*\{\s*$", line):
            if start is None:
                start, what = number, line.strip()
        if line.startswith("}"):
            kind = re.match(r"(?:namespace|class|struct|enum|union|extern|constexpr|const)\b", what)
            if start is not None and not kind and number - start + 1 > MOST_FUNCTION_LINES:
                yield f"{path}:{start}: {number - start + 1} lines: {what}"
            start = None
        if re.match(r"namespace\b.*\{\s*$", line):
            start = None


class Style(Case):
    def all(self, check, paths):
        self.assertNone([v for path in paths for v in check(str(path), read(path))])

    def test_files_and_lines_are_short(self):
        self.all(sizes, sources(".hpp", ".cpp", ".py", "CMakeLists.txt"))

    def test_nothing_is_left_to_be_done(self):
        self.all(leftovers, sources(".hpp", ".cpp", ".py", "CMakeLists.txt"))

    def test_headers_begin_with_what_they_are(self):
        self.all(headers, sources(".hpp"))

    def test_names_say_something_and_nothing_is_thrown(self):
        self.all(names, sources(".hpp", ".cpp", folders=("msg", "bus", "actors", "cli")))

    def test_functions_fit_a_screen(self):
        self.all(long_functions, sources(".hpp", ".cpp", folders=("msg", "bus", "actors", "cli")))

    def test_everything_is_formatted(self):
        program = shutil.which(f"clang-format-{CLANG_FORMAT}") or shutil.which("clang-format")
        if program is None:
            self.skipTest("clang-format is not installed")
        version = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
        if f"version {CLANG_FORMAT}." not in version:
            self.skipTest(f"another clang-format than {CLANG_FORMAT}: {version.strip()}")
        done = subprocess.run([program, "--dry-run", "-Werror", *sources(".hpp", ".cpp")],
                              cwd=ROOT, capture_output=True, text=True)
        unformatted = set(re.findall(r"^(\S+?):\d+:\d+: error", done.stderr, re.M))
        self.assertNone(sorted(unformatted))
        self.assertEqual(0, done.returncode, done.stderr[:2000])


class TheChecksThemselves(unittest.TestCase):
    """Each check finds what it is there for."""

    def found(self, check, text, path="msg/a.hpp"):
        return len(list(check(path, text)))

    def test_sizes_are_found(self):
        self.assertEqual(0, self.found(sizes, "x" * 100 + "\n"))
        self.assertEqual(1, self.found(sizes, "x" * 101 + "\n"))
        self.assertEqual(0, self.found(sizes, "x\n" * 450))
        self.assertEqual(1, self.found(sizes, "x\n" * 451))
        self.assertEqual(3, self.found(sizes, "\tx\nx \nx"))

    def test_leftovers_are_found(self):
        self.assertEqual(1, self.found(leftovers, "// TO" "DO: later\n"))
        self.assertEqual(0, self.found(leftovers, "// todos los dias\n"))

    def test_bad_headers_are_found(self):
        self.assertEqual(0, self.found(headers, "// What it is.\n#pragma once\n"))
        self.assertEqual(1, self.found(headers, "#pragma once\n"))
        self.assertEqual(1, self.found(headers, "// What it is.\n"))
        self.assertEqual(1, self.found(headers, "// A.\n#pragma once\nusing namespace std;\n"))

    def test_bad_names_are_found(self):
        self.assertEqual(1, self.found(names, "class PeerManager {\n"))
        self.assertEqual(0, self.found(names, "struct Based {};  // no Manager, no throw\n"))
        self.assertEqual(1, self.found(names, "  throw 1;\n"))

    def test_long_functions_are_found(self):
        for head in ("void f() {\n", "void Core::f(int a,\n             int b) {\n"):
            body = "  x();\n" * 69
            self.assertEqual(1, self.found(long_functions, f"namespace q {{\n{head}{body}}}\n}}\n"))
            short = f"namespace q {{\n{head}  x();\n}}\n}}\n"
            self.assertEqual(0, self.found(long_functions, short))
        self.assertEqual(0, self.found(long_functions, "struct S {\n" + "  int x;\n" * 90 + "};\n"))


if __name__ == "__main__":
    unittest.main()
