"""What HAProxy tells of requests, a line each, as counters and response times.  Pure.

A line is "worker frontend backend server status time ends note": the worker's pid; the time in ms from the request's
end to the beginning of the server's answer, -1 without such an answer; `ends` says who ended the session, and when
(HAProxy's manual, 8.5); the note is "fixed" or "redirect" for an action of ours, "=502" for the status that was sent
instead of the logged one, a number if the line stands for so many requests, and otherwise "-".
"""

from collections import Counter, defaultdict

EXACT_BELOW_MS = 100  # above it, times are kept to two digits


class Requests:
    def __init__(self) -> None:
        self.worker = 0  # whose requests are counted elsewhere; those of others, which are ending, are counted here
        self._rest = b""
        self.totals: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self.times: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))

    def feed(self, data: bytes) -> None:
        """Take in some more of what HAProxy said; it need not end with a line."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        # Most lines of a busy balancer are the same: to count them costs little, to read them does not.
        for line, count in Counter(lines).items():
            words = line.decode(errors="replace").split()
            if len(words) == 8:
                self._count(words, count)

    def _count(self, words: list[str], count: int) -> None:
        worker, frontend, backend, server, status, took, ends, note = words
        each = int(note) if note.isdigit() else 1
        keys = [f"backend/{backend[2:]}", f"server/{backend[2:]}/{server_id(server)}"]
        if int(took) >= 0:
            for key in keys:
                self.times[key][rounded(int(took))] += count * each
                self.totals[key]["timed"] += count * each
                self.totals[key]["response_ms"] += count * each * int(took)
        if int(worker) != self.worker:
            for key in (f"listener/{frontend[1:]}", *(keys if int(took) >= 0 else ())):
                self.totals[key]["requests"] += count * each
                if status[0] in "12345":
                    self.totals[key][f"answers_{status[0]}xx"] += count * each
        if int(took) < 0:
            self._count_own(frontend, status, ends, note, count)

    def _count_own(self, frontend: str, status: str, ends: str, note: str, count: int) -> None:
        totals = self.totals[f"listener/{frontend[1:]}"]
        if note in ("fixed", "redirect"):
            totals[note] += count
        code = _own_status(status, ends, note)
        if code:
            totals[f"own_{code[0]}xx"] += count
            totals[f"own_{code}"] += count


def _own_status(status: str, ends: str, note: str) -> str:
    """The status of an answer that no server gave; empty if there was none."""
    if note.startswith("="):
        return note[1:]
    if ends[0] == "C":
        # Elastic Load Balancing: "460: ... the client closed the connection with the load balancer before the idle
        # timeout period elapsed".  One who left in the middle of his request has not asked for anything.
        return "" if ends[1] == "R" else "460"
    return status if status.isdigit() and status >= "200" else ""


def rounded(ms: int) -> int:
    unit = 1
    while ms // unit >= EXACT_BELOW_MS:
        unit *= 10
    return (ms + unit // 2) // unit * unit


def named(server: str) -> str:
    """HAProxy's name of a server with this address and port."""
    return "s" + server.replace(".", "-").replace(":", "_")


def server_id(name: str) -> str:
    return name[1:].replace("-", ".").replace("_", ":")
