"""Metrics and their data points.

A metric is a record like others, so that it is listed, and wakes whoever cares when it first appears.  Its points are
not: they lie in a table beside it in the same file, are written in the same transaction as everything else (so that an
acknowledged PutMetricData is as safe as any write), and announce themselves to nobody, since a region that measures
itself writes thousands of them.  Forgetting a metric forgets its points.

A point's time is real; how long its bucket lasts is nominal.  So points keep their place when the region's pace is
another one after a restart.
"""

import hashlib
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from aftershock.aws.call import Tx
from aftershock.aws.metrics import Dimensions
from aftershock.services.cloudwatch.rules.points import Point
from aftershock.services.cloudwatch.rules.retention import TIERS
from aftershock.store import Table

_decode = msgspec.msgpack.Decoder(tuple[tuple[float, float], ...]).decode
_COLUMNS = "at, unit, sample_count, sum, minimum, maximum, samples"


class Metric(Struct, frozen=True, kw_only=True, omit_defaults=True):
    id: str
    account: str
    namespace: str
    name: str
    dimensions: Dimensions = ()


class Sampled(Struct, frozen=True):
    """The last minute whose measurements are in: to wake those who wait for them."""

    id: str
    minute: int


def metric_id(account: str, namespace: str, name: str, dimensions: Dimensions) -> str:
    """The same for the same metric: 60 bits, so that SQLite keeps it as one integer beside every point."""
    told = msgspec.json.encode([account, namespace, name, dimensions])
    return hashlib.sha256(told).hexdigest()[:15]


def _namespace_key(account: str, namespace: str) -> str:
    return f"{account} {namespace}"


class _Metrics(Table[Metric]):
    def schema(self) -> list[str]:
        points = (
            f"CREATE TABLE IF NOT EXISTS {self.name}_point (metric INTEGER, resolution INTEGER, at INTEGER, unit TEXT, "
            "sample_count REAL, sum REAL, minimum REAL, maximum REAL, samples BLOB, "
            "PRIMARY KEY (metric, resolution, at, unit)) WITHOUT ROWID"
        )
        return [*super().schema(), points]

    def forget(self, tx: Tx, key: str) -> None:
        tx.execute(f"DELETE FROM {self.name}_point WHERE metric = ?", (int(key, 16),))  # noqa: S608
        super().forget(tx, key)


METRICS = _Metrics(
    "cloudwatch_metric",
    Metric,
    indexes={
        "account": lambda metric: metric.account,
        "namespace": lambda metric: _namespace_key(metric.account, metric.namespace),
    },
)
SAMPLED = Table("cloudwatch_sampled", Sampled)


def in_namespace(tx: Tx, account: str, namespace: str) -> list[Metric]:
    return METRICS.where(tx, "namespace", _namespace_key(account, namespace))


def add_point(tx: Tx, metric: str, resolution_s: int, point: Point) -> None:
    """Put the samples into the bucket that begins at the point's time."""
    key = (int(metric, 16), resolution_s, _milliseconds(point.at), point.unit)
    row = tx.execute(
        f"SELECT {_COLUMNS} FROM cloudwatch_metric_point "  # noqa: S608
        "WHERE metric = ? AND resolution = ? AND at = ? AND unit = ?",
        key,
    ).fetchone()
    merged = point if row is None else _point(row).merged(point)
    tx.execute(
        "INSERT OR REPLACE INTO cloudwatch_metric_point VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *key,
            merged.sample_count,
            merged.sum,
            merged.minimum,
            merged.maximum,
            None if merged.samples is None else msgspec.msgpack.encode(merged.samples),
        ),
    )


def points(tx: Tx, metric: str, start: datetime, end: datetime, coarsest_s: int, *, finest_s: int = 1) -> list[Point]:
    """The points of these resolutions whose buckets begin in [start, end), in the order of time."""
    rows = tx.execute(
        f"SELECT {_COLUMNS} FROM cloudwatch_metric_point "  # noqa: S608
        "WHERE metric = ? AND resolution BETWEEN ? AND ? AND at >= ? AND at < ? ORDER BY at",
        (int(metric, 16), finest_s, coarsest_s, _milliseconds(start), _milliseconds(end)),
    )
    return [_point(row) for row in rows]


def last_at(tx: Tx, metric: str) -> datetime | None:
    """When the metric last had data."""
    newest = [_last_of(tx, metric, tier.resolution_s) for tier in TIERS]
    return max((at for at in newest if at is not None), default=None)


def _last_of(tx: Tx, metric: str, resolution_s: int) -> datetime | None:
    # Of one resolution it is the end of the primary key, and costs nothing.
    row = tx.execute(
        "SELECT max(at) FROM cloudwatch_metric_point WHERE metric = ? AND resolution = ?",
        (int(metric, 16), resolution_s),
    ).fetchone()
    return None if row[0] is None else _moment(row[0])


def drop(tx: Tx, metric: str, resolution_s: int, before: datetime) -> int:
    return int(
        tx.execute(
            "DELETE FROM cloudwatch_metric_point WHERE metric = ? AND resolution = ? AND at < ?",
            (int(metric, 16), resolution_s, _milliseconds(before)),
        ).rowcount
    )


def point_count(tx: Tx) -> int:
    return int(tx.execute("SELECT count(*) FROM cloudwatch_metric_point").fetchone()[0])


def drop_oldest(tx: Tx, count: int) -> None:
    """Forget so many points of all metrics, those furthest back; a few more where several are of one moment."""
    border = tx.execute(
        "SELECT at FROM cloudwatch_metric_point ORDER BY at LIMIT 1 OFFSET ?", (max(0, count - 1),)
    ).fetchone()
    if border is not None:
        tx.execute("DELETE FROM cloudwatch_metric_point WHERE at <= ?", (border[0],))


def _point(row: tuple[int, str, float, float, float, float, bytes | None]) -> Point:
    at, unit, sample_count, total, minimum, maximum, samples = row
    return Point(
        at=_moment(at),
        unit=unit,
        sample_count=sample_count,
        sum=total,
        minimum=minimum,
        maximum=maximum,
        samples=None if samples is None else _decode(samples),
    )


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
