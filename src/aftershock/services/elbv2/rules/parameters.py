"""Which parameters an operation honours; whatever else the service model allows is refused, never swallowed."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from aftershock.aws.call import Call, Params, Result
from aftershock.aws.parameters import leaves, spelt

from . import errors

Handler = Callable[[Any, Call, Params], Result]


def honours(*paths: str, only: Mapping[str, Any] | None = None) -> Callable[[Handler], Handler]:
    """Refuse every parameter of the operation but those named.

    A path is dotted and sees through lists: "DefaultActions.TargetGroupArn".  It stands for everything under it.
    `only` names parameters of which a single value is honoured, mostly the default, which clients like to send.

    The operation raises:
        AwsError: InvalidConfigurationRequest, naming the parameter.
    """
    single = dict(only or {})

    def decorate(operation: Handler) -> Handler:
        @wraps(operation)
        def checked(sources: Any, call: Call, params: Params) -> Result:
            for path, value in leaves(params):
                if path in single:
                    if value != single[path]:
                        raise errors.unsupported(f"The value ({spelt(value)}) for parameter {path}")
                elif not any(path == one or path.startswith(f"{one}.") for one in paths):
                    raise errors.unsupported(f"The parameter {path}")
            return operation(sources, call, params)

        return checked

    return decorate
