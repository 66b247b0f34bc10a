"""Clients, verifiers and storages for a quarry node."""

from quarry.aio import AsyncClient
from quarry.calls import Fetched, Status, peer_entry
from quarry.client import Client
from quarry.codec import KeyRange, StoredEntry
from quarry.errors import CallFailed, Ended, NotFetched, QuarryError, Refused, Unfit, Unreachable
from quarry.protocol.control import FetchInfo, NodeInfo, PeerEntry, PeerInfo, Welcome, WorkerInfo
from quarry.words import (
    Class,
    FetchState,
    Outcome,
    PeerRole,
    PeerState,
    Reason,
    Terminal,
    WaitsFor,
    WorkerRole,
)
from quarry.worker import Storage, Verdict, Verifier

__all__ = [
    "AsyncClient",
    "CallFailed",
    "Class",
    "Client",
    "Ended",
    "FetchInfo",
    "FetchState",
    "Fetched",
    "KeyRange",
    "NodeInfo",
    "NotFetched",
    "Outcome",
    "PeerEntry",
    "PeerInfo",
    "PeerRole",
    "PeerState",
    "QuarryError",
    "Reason",
    "Refused",
    "Status",
    "Storage",
    "StoredEntry",
    "Terminal",
    "Unfit",
    "Unreachable",
    "Verdict",
    "Verifier",
    "WaitsFor",
    "Welcome",
    "WorkerInfo",
    "WorkerRole",
    "peer_entry",
]
