"""Makes the fuzzers' first inputs: the examples of the documents, and what earlier runs found.

    corpus.py DOCUMENTS KEPT FOLDER     one folder per protocol, one file per input
    corpus.py --keep FOLDER KEPT        back: what is in the folders

Kept inputs are text, a file per protocol and a line per input: its bytes in hexadecimal.
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


def examples(text):
    """(name, protocol, direction, envelope, payload) of each example."""
    for fence, body in re.findall(r"^```hex (.*)\n((?:.*\n)*?)```", text, re.M):
        about = dict(word.split("=", 1) for word in fence.split())
        digits = re.sub(r"#.*|\s", "", body)
        protocol, direction = about["direction"].split(".")
        yield (about["name"], protocol, direction, bytes.fromhex(digits),
               bytes.fromhex(about.get("payload", "")))


def keep(folder, kept):
    for protocol in DIRECTIONS:
        inputs = {path.read_bytes().hex() for path in (folder / protocol).iterdir()}
        (kept / f"{protocol}.txt").write_text("\n".join(sorted(inputs)) + "\n")
        print(f"{protocol}: {len(inputs)} inputs")


def main():
    if sys.argv[1] == "--keep":
        return keep(*map(pathlib.Path, sys.argv[2:]))
    documents, kept, folder = map(pathlib.Path, sys.argv[1:])
    count = 0
    for protocol in DIRECTIONS:
        (folder / protocol).mkdir(parents=True, exist_ok=True)
        (folder / f"{protocol}-new").mkdir(exist_ok=True)
        for number, line in enumerate((kept / f"{protocol}.txt").read_text().split()):
            (folder / protocol / f"kept-{number}").write_bytes(bytes.fromhex(line))
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
