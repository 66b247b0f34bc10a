"""Holds the arrows: cli -> actors -> bus -> msg, cores past bus; and no world in a core.

A core takes time and chance as parameters and gives effects back. So a core, and all of msg/, may
include nothing but msg/, its own folder and the plain parts of the standard library.
"""

import functools
import re
import unittest

from sources import Case, code_of, line_of, read, sources

RANK = {"msg": 0, "bus": 1, "actors": 2, "cli": 3}
ACTORS = ("engine", "peer_selector", "consumer_bridge", "producer_bridge")
# The table of attached workers is part of both bridges' cores.
ATTACHED = ("actors/workers/attached.", "actors/workers/limits.")

PLAIN = set("""algorithm array bit chrono cmath compare concepts cstddef cstdint cstring deque
    functional initializer_list iterator limits list map memory memory_resource new numeric optional
    queue ranges set span string string_view tuple type_traits unordered_map unordered_set utility
    variant vector tl/expected.hpp""".split())
# What a single file of msg/ needs beyond that.
EXCEPTIONS = {
    "msg/bytes.cpp": {"cstdio", "cstdlib"},  # to say which invariant broke, and abort
    "msg/codec.cpp": {"msgpack.hpp"},
    "msg/types.cpp": {"xxhash.h"},
}
WORLD = re.compile(
    r"\b(steady_clock|system_clock|high_resolution_clock|utc_clock|clock_gettime|gettimeofday"
    r"|this_thread|jthread|random_device|std::rand|rand\(\)|srand|getrandom|getenv|fopen"
    r"|zmq\w*|spdlog|thread_local"
    r"|std::(?:thread|mutex|atomic|cout|cerr|async|future)|static\s+(?!constexpr|const\b|_cast)"
    r"\w[\w:<>, ]*\s\w+\s*(?:=|;|\{))")


def includes(text):
    """(line, path, whether in quotation marks) of each include."""
    for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', text, re.M):
        yield line_of(text, match.start()), match[2], match[1] == '"'


@functools.cache
def shell_of(actor):
    """The names, without ending, of the sources that CMake gives to an actor's shell."""
    lists = read(f"actors/{actor}/CMakeLists.txt")
    files = re.findall(rf"target_sources\(quarry_{actor} PRIVATE ([^)]*)\)", lists)
    return {name.split(".")[0] for name in " ".join(files).split()}


def is_core(path):
    """Whether a file is part of a core: all of an actor's folder but its shell."""
    folder, name = path.rsplit("/", 1)
    actor = folder.removeprefix("actors/")
    if actor in ACTORS:
        return name.split(".")[0] not in shell_of(actor)
    return path.startswith(ATTACHED)


def wrong_direction(path, text):
    """Includes that point against the arrows."""
    rank = RANK[path.split("/")[0]]
    for line, target, ours in includes(text):
        folder = target.split("/")[0]
        if ours and RANK.get(folder, 9) > rank:
            yield f"{path}:{line}: {target} is above"
        elif not ours and folder in RANK:
            yield f"{path}:{line}: {target} is ours, and included as if it were not"
        elif ours and path.startswith("actors/") and folder == "actors":
            yield from other_actor(path, line, target)


def other_actor(path, line, target):
    """Actors know each other by messages only."""
    mine, theirs = path.split("/")[1], target.split("/")[1]
    if theirs in ACTORS and theirs != mine:
        yield f"{path}:{line}: {target} is another actor's"


def world_in_core(path, text):
    """What a core, or msg/, must not know."""
    own = path.rsplit("/", 1)[0] + "/"
    for line, target, ours in includes(text):
        if ours and not target.startswith(("msg/", own, *ATTACHED)):
            yield f"{path}:{line}: a core includes {target}"
        if not ours and target not in PLAIN | EXCEPTIONS.get(path, set()):
            yield f"{path}:{line}: a core includes <{target}>"
    code = code_of(text)
    for match in WORLD.finditer(code):
        yield f"{path}:{line_of(code, match.start())}: a core says {match[0].strip()}"


class Layering(Case):
    def files(self):
        return [str(p) for p in sources(".hpp", ".cpp", folders=RANK)]

    def test_includes_point_only_from_cli_to_actors_to_bus_to_msg(self):
        found = [v for path in self.files() for v in wrong_direction(path, read(path))]
        self.assertNone(found)

    def test_cores_and_msg_know_no_socket_clock_thread_or_chance(self):
        core = [p for p in self.files() if is_core(p) or p.startswith("msg/")]
        self.assertGreater(len(core), 20)
        for actor in ACTORS:
            self.assertTrue(any(p.startswith(f"actors/{actor}/core") for p in core), actor)
            self.assertIn("actor", shell_of(actor))
        self.assertNone([v for path in core for v in world_in_core(path, read(path))])


class TheChecksThemselves(unittest.TestCase):
    """Each check finds what it is there for."""

    def found(self, check, path, text):
        return len(list(check(path, text)))

    def test_an_include_that_points_upwards_is_found(self):
        for path, target in [("msg/a.hpp", "bus/loop.hpp"), ("bus/a.hpp", "actors/node.hpp"),
                             ("actors/engine/actor.cpp", "cli/home.hpp"),
                             ("cli/main.cpp", "tests/support/catch.hpp"),
                             ("actors/engine/actor.cpp", "actors/peer_selector/core.hpp")]:
            self.assertEqual(1, self.found(wrong_direction, path, f'#include "{target}"\n'), target)
        self.assertEqual(1, self.found(wrong_direction, "msg/a.hpp", "#include <bus/loop.hpp>\n"))
        for path, target in [("cli/main.cpp", "actors/engine/actor.hpp"),
                             ("actors/engine/actor.cpp", "actors/engine/core.hpp"),
                             ("actors/engine/actor.cpp", "bus/loop.hpp")]:
            self.assertEqual(0, self.found(wrong_direction, path, f'#include "{target}"\n'), target)

    def test_the_world_in_a_core_is_found(self):
        for line in ("#include <zmq.h>", "#include <zmq.hpp>", "#include <thread>",
                     "#include <random>", '#include "bus/clock.hpp"',
                     '#include "actors/node.hpp"', '#include "actors/peer_selector/core.hpp"',
                     "auto t = std::chrono::steady_clock::now();", "std::random_device d;",
                     "int x = rand();", "std::mutex m;", "static int counter = 0;",
                     "static std::vector<int> seen;", "thread_local int x;"):
            found = self.found(world_in_core, "actors/engine/core.cpp", line)
            self.assertGreater(found, 0, line)
        for line in ("#include <vector>", '#include "msg/peer.hpp"',
                     '#include "actors/engine/core.hpp"', '#include "actors/workers/attached.hpp"',
                     "// the steady_clock is the shell's", 'say("std::thread");',
                     "static constexpr int kMost = 3;", "static int twice(int x);",
                     "auto y = static_cast<int>(x);", "std::uint64_t operand = 1;"):
            self.assertEqual(0, self.found(world_in_core, "actors/engine/core.cpp", line), line)

    def test_what_is_a_core_is_known(self):
        for path in ("actors/engine/core.cpp", "actors/peer_selector/scores.hpp",
                     "actors/engine/limits.hpp", "actors/workers/attached.cpp"):
            self.assertTrue(is_core(path), path)
        for path in ("actors/engine/actor.cpp", "actors/node.hpp", "bus/loop.cpp",
                     "actors/workers/digest_verifier.cpp"):
            self.assertFalse(is_core(path), path)


if __name__ == "__main__":
    unittest.main()
