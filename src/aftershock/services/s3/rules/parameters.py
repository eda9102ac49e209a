"""Which parameters an operation honours; whatever else the model allows is refused, never swallowed."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING

from aftershock.aws.call import Call, Params, Result

from .errors import not_implemented

if TYPE_CHECKING:
    from aftershock.services.s3.storage import Storage

# Nobody pays here, so whoever says that he would is not refused; see the README.
_EVERYWHERE = frozenset({"Bucket", "ExpectedBucketOwner", "RequestPayer"})

Served = Callable[["Storage", Call, Params], Result]


def honours(*names: str) -> Callable[[Served], Served]:
    """Refuse every parameter but those named; the bucket and its expected owner are every operation's.

    The operation raises:
        AwsError: NotImplemented, naming the parameter.
    """
    honoured = _EVERYWHERE | set(names)

    def decorate(operation: Served) -> Served:
        @wraps(operation)
        def checked(storage: "Storage", call: Call, params: Params) -> Result:
            for name, value in params.items():
                if name not in honoured and value is not None:
                    raise not_implemented(name)
            return operation(storage, call, params)

        return checked

    return decorate
