"""How long which points are kept, and at which resolution.

AWS: "Data points with a period of less than 60 seconds are available for 3 hours", 60 seconds for 15 days, 300 seconds
for 63 days, 3600 seconds for 455 days; what has grown too old for one is aggregated to the next.
"""

from collections.abc import Mapping
from dataclasses import dataclass

HOUR_S, DAY_S = 3600, 86400


@dataclass(frozen=True, slots=True)
class Tier:
    resolution_s: int
    kept_s: int  # nominal
    next_s: int | None  # the resolution they go on with


TIERS = (
    Tier(1, 3 * HOUR_S, 60),
    Tier(60, 15 * DAY_S, 300),
    Tier(300, 63 * DAY_S, HOUR_S),
    Tier(HOUR_S, 455 * DAY_S, None),
)
KEPT_S: Mapping[int, int] = {tier.resolution_s: tier.kept_s for tier in TIERS}

# AWS: ListMetrics leaves out "metrics if those metrics haven't reported data in the past two weeks".
LISTED_S = 14 * DAY_S
RECENT_S = 3 * HOUR_S

# Ours: what a region's disk has to hold.  The points take some 100 bytes each, percentiles aside.
MAX_METRICS = 10_000
MAX_POINTS = 4_000_000
