"""Counters that go on across HAProxy's reloads and across servers that come and go.  Pure."""

from collections import defaultdict

# HAProxy's names (management.txt, 9.1), and ours.
_FIELDS = {
    "stot": "connections",
    "req_tot": "requests",
    "hrsp_1xx": "answers_1xx",
    "hrsp_2xx": "answers_2xx",
    "hrsp_3xx": "answers_3xx",
    "hrsp_4xx": "answers_4xx",
    "hrsp_5xx": "answers_5xx",
    "bin": "bytes_in",
    "bout": "bytes_out",
    "econ": "connect_errors",
    "cli_abrt": "client_aborts",
    "srv_abrt": "server_aborts",
}


class Counts:
    def __init__(self) -> None:
        self._last: dict[tuple[str, str, str], int] = {}
        self.totals: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))

    def forget_worker(self) -> None:
        """The next figures are those of a worker that begins at nothing."""
        self._last.clear()

    def add(self, rows: list[dict[str, str]]) -> None:
        """Take in what the worker counts now.  A listener counts all its answers; a backend those of its servers."""
        for row in rows:
            proxy, who = row["pxname"], row["svname"]
            if who == "FRONTEND" and proxy.startswith("p"):
                key = f"listener/{proxy[1:]}"
            elif proxy.startswith("b_") and who not in ("FRONTEND", "BACKEND"):
                key = f"backend/{proxy[2:]}"
            else:
                continue
            for field, name in _FIELDS.items():
                if value := row.get(field):
                    now, before = int(value), self._last.get((proxy, who, field), 0)
                    # Less than before is a server that was deleted and added again.
                    self.totals[key][name] += now - before if now >= before else now
                    self._last[proxy, who, field] = now
