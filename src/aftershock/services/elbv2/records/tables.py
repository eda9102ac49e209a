"""Every table that Elastic Load Balancing keeps."""

from typing import Any

from aftershock.store import Table

from .listener import LISTENERS, RULES
from .load_balancer import LOAD_BALANCERS, NODES
from .target_group import TARGET_GROUPS, TARGETS

TABLES: tuple[Table[Any], ...] = (LOAD_BALANCERS, NODES, LISTENERS, RULES, TARGET_GROUPS, TARGETS)
