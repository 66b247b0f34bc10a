"""Clients, verifiers and storages for a quarry node."""

from quarry.aio import AsyncClient
from quarry.calls import Status, peer_entry
from quarry.client import Client
from quarry.errors import CallFailed, Ended, NotFetched, QuarryError, Refused, Unfit, Unreachable
from quarry.words import Class, PeerRole, Reason, Terminal
from quarry.worker import Storage, Verdict, Verifier

__all__ = [
    "AsyncClient",
    "CallFailed",
    "Class",
    "Client",
    "Ended",
    "NotFetched",
    "PeerRole",
    "QuarryError",
    "Reason",
    "Refused",
    "Status",
    "Storage",
    "Terminal",
    "Unfit",
    "Unreachable",
    "Verdict",
    "Verifier",
    "peer_entry",
]
