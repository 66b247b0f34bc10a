"""Where a node's doors are."""

from __future__ import annotations

import os
from pathlib import Path

AGENT = "quarry-python/0.1.0"


def endpoint(door: str, home: str | os.PathLike[str] | None, given: str | None) -> str:
    """The endpoint given, else that of a door in the home given, else in $QUARRY_HOME."""
    if given is not None:
        return given
    home = home if home is not None else os.environ.get("QUARRY_HOME")
    if home is None:
        raise ValueError("say where the node is: home, an endpoint, or QUARRY_HOME")
    return f"ipc://{Path(home).resolve() / 'run' / door}.sock"
