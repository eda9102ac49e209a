"""boto3's clients of one region, made once each: making one takes longer than most of what it is asked."""

from dataclasses import dataclass, field
from typing import Any

from aftershock.doors.access import Access


@dataclass(slots=True)
class Clients:
    access: Access
    _made: dict[str, Any] = field(default_factory=dict)

    def __call__(self, service: str) -> Any:
        if service not in self._made:
            self._made[service] = self.access.client(service)
        return self._made[service]
