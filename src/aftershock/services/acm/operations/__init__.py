"""Certificate Manager's operations, one function each."""

from functools import partial

from aftershock.aws.call import Operation
from aftershock.services.acm.outside import Outside

from . import certificates, listings, requests, tags
from .found import Sources


def operations(outside: Outside) -> dict[str, Operation]:
    sources = Sources(outside)
    known = {**certificates.OPERATIONS, **requests.OPERATIONS, **listings.OPERATIONS, **tags.OPERATIONS}
    return {name: partial(operation, sources) for name, operation in known.items()}
