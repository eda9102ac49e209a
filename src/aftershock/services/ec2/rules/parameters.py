"""Which parameters an operation honours; whatever else the service model allows is refused, never swallowed."""

from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.aws.parameters import leaves, spelt


def honours(*paths: str, only: Mapping[str, Any] | None = None) -> Callable[[Operation], Operation]:
    """Refuse every parameter of the operation but those named.

    A path is dotted and sees through lists: "IpPermissions.IpRanges.CidrIp".  It stands for everything under it.
    `only` names parameters of which a single value is honoured, mostly the default, which clients like to send.

    The operation raises:
        AwsError: UnsupportedOperation, naming the parameter.
    """
    honoured = frozenset(paths) | {"DryRun"}
    single = dict(only or {})

    def decorate(operation: Operation) -> Operation:
        @wraps(operation)
        def checked(call: Call, params: Params) -> Result:
            refuse_others(params, honoured, single)
            return operation(call, params)

        return checked

    return decorate


def refuse_others(params: Params, honoured: frozenset[str], single: Mapping[str, Any]) -> None:
    for path, value in leaves(params):
        if any(prefix in honoured for prefix in _prefixes(path)):
            continue
        if path not in single:
            raise AwsError("UnsupportedOperation", f"The parameter {path} is not supported in this region.")
        if value != single[path]:
            raise AwsError(
                "UnsupportedOperation",
                f"The value ({spelt(value)}) for parameter {path} is not supported in this region. "
                f"The only supported value is ({spelt(single[path])}).",
            )


def _prefixes(path: str) -> Iterator[str]:
    parts = path.split(".")
    return (".".join(parts[:length]) for length in range(1, len(parts) + 1))
