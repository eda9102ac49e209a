"""The region's DNS server: a program that answers from a snapshot of zones and views, and forwards the rest.

It is a process of its own and goes on answering whoever else dies.  It knows DNS; what the zones stand for, and why a
set of answers is healthy, is not known here.
"""

from .client import Answer
from .resolver import ADDRESS, PORT, Observed, Resolver
from .snapshot import AnswerSet, Numbered, RecordSet, Snapshot, View, Zone, decode, encode

__all__ = [
    "ADDRESS",
    "PORT",
    "Answer",
    "AnswerSet",
    "Numbered",
    "Observed",
    "RecordSet",
    "Resolver",
    "Snapshot",
    "View",
    "Zone",
    "decode",
    "encode",
]
