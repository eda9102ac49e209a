"""Durations as experiments give them: ISO 8601, of hours, minutes and seconds."""

import re

from .errors import invalid

# AWS: "from one minute to 12 hours".
SHORTEST_S, LONGEST_S = 60, 12 * 3600
_ISO = re.compile(r"PT(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?")


def seconds(text: str, *, parameter: str, shortest_s: int = SHORTEST_S) -> int:
    """
    Raises:
        AwsError: ValidationException, for another form or a duration out of range.
    """
    found = _ISO.fullmatch(text)
    if found is None:
        raise invalid(f'Parameter "{parameter}" has the value "{text}", which is not an ISO 8601 duration.')
    hours, minutes, rest = (int(part or 0) for part in found.groups())
    total = hours * 3600 + minutes * 60 + rest
    if not shortest_s <= total <= LONGEST_S:
        least = f"{shortest_s // 60} minute" if shortest_s >= 60 else f"{shortest_s} second"
        raise invalid(f'Parameter "{parameter}" has the value "{text}", which is not from {least} to 12 hours.')
    return total
