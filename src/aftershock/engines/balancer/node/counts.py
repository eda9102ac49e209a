"""Counters that go on across HAProxy's reloads and across servers that come and go.  Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from .requests import server_id

# Our names, and HAProxy's (management.txt, 9.1): the first that a row has.
_FIELDS = {
    "connections": ("conn_tot", "stot"),  # of a listener; `stot` would count the requests of HTTP/2
    "requests": ("req_tot",),
    "answers_1xx": ("hrsp_1xx",),
    "answers_2xx": ("hrsp_2xx",),
    "answers_3xx": ("hrsp_3xx",),
    "answers_4xx": ("hrsp_4xx",),
    "answers_5xx": ("hrsp_5xx",),
    "bytes_in": ("bin",),
    "bytes_out": ("bout",),
    "connect_errors": ("econ",),
    "rejected": ("dcon",),
    "client_aborts": ("cli_abrt",),
    "server_aborts": ("srv_abrt",),
    "tls_failures": ("ssl_failed_handshake",),
}


class Counts:
    def __init__(self) -> None:
        self._last: dict[tuple[str, str, str], int] = {}
        self._worker = 0
        self.totals: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self.open: dict[str, int] = {}

    def add(self, worker: int, rows: Iterable[Mapping[str, str]]) -> None:
        """Take in what the worker of this pid counts now; each begins at nothing.

        A listener counts all its answers; a backend those of its servers.
        """
        if worker != self._worker:
            self._worker = worker
            self._last.clear()
        self.open = defaultdict(int)
        for row in rows:
            for key in _keys(row["pxname"], row["svname"]):
                self._count(row, key)

    def _count(self, row: Mapping[str, str], key: str) -> None:
        self.open[key] += int(row.get("scur") or 0)
        for name, fields in _FIELDS.items():
            field = next((field for field in fields if row.get(field)), None)
            if field is not None:
                at = (key, row["svname"], field)
                now, before = int(row[field]), self._last.get(at, 0)
                # Less than before is a server that was deleted and added again.
                self.totals[key][name] += now - before if now >= before else now
                self._last[at] = now


def _keys(proxy: str, who: str) -> tuple[str, ...]:
    if who == "FRONTEND" and proxy.startswith("p"):
        return (f"listener/{proxy[1:]}",)
    if proxy.startswith("b_") and who not in ("FRONTEND", "BACKEND"):
        return (f"backend/{proxy[2:]}", f"server/{proxy[2:]}/{server_id(who)}")
    return ()


def added(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in (*one, *other)}
