"""Makes the fuzzers' first inputs: the examples of the documents, and what earlier runs found.

    corpus.py DOCUMENTS KEPT FOLDER     one folder per fuzzer, one file per input
    corpus.py --keep FOLDER KEPT        back: what is in the folders

Kept inputs are text, a file per fuzzer and a line per input: its bytes in hexadecimal.
"""

import pathlib
import re
import sys

# The directions of each protocol, in the order of tests/msg/schema.hpp.
DIRECTIONS = {
    "peer": ["from_asker", "from_server"],
    "control": ["from_client", "from_node"],
    "worker": ["from_worker", "from_door"],
    "link": ["engine_to_selector", "selector_to_engine", "engine_to_consumer",
             "consumer_to_engine", "engine_to_producer", "producer_to_engine",
             "selector_to_producer", "producer_to_selector"],
}
# Whose inputs are no messages.
CORES = ["engine", "peer_selector"]
FUZZERS = [*DIRECTIONS, *CORES]


def examples(text):
    """(name, protocol, direction, envelope, payload) of each example."""
    for fence, body in re.findall(r"^```hex (.*)\n((?:.*\n)*?)```", text, re.M):
        about = dict(word.split("=", 1) for word in fence.split())
        digits = re.sub(r"#.*|\s", "", body)
        protocol, direction = about["direction"].split(".")
        yield (about["name"], protocol, direction, bytes.fromhex(digits),
               bytes.fromhex(about.get("payload", "")))


def keep(folder, kept):
    for fuzzer in FUZZERS:
        inputs = {path.read_bytes().hex() for path in (folder / fuzzer).iterdir()}
        (kept / f"{fuzzer}.txt").write_text("\n".join(sorted(inputs)) + "\n")
        print(f"{fuzzer}: {len(inputs)} inputs")


def main():
    if sys.argv[1] == "--keep":
        return keep(*map(pathlib.Path, sys.argv[2:]))
    documents, kept, folder = map(pathlib.Path, sys.argv[1:])
    count = 0
    for fuzzer in FUZZERS:
        (folder / fuzzer).mkdir(parents=True, exist_ok=True)
        (folder / f"{fuzzer}-new").mkdir(exist_ok=True)
        for number, line in enumerate((kept / f"{fuzzer}.txt").read_text().split()):
            (folder / fuzzer / f"kept-{number}").write_bytes(bytes.fromhex(line))
    for document in sorted(documents.glob("*.md")):
        for name, protocol, direction, envelope, payload in examples(document.read_text()):
            at = DIRECTIONS[protocol].index(direction)
            seed = bytes([at, len(payload)]) + envelope + payload
            (folder / protocol / name).write_bytes(seed)
            count += 1
    if count < 30:
        sys.exit(f"only {count} examples in {documents}")


if __name__ == "__main__":
    main()
