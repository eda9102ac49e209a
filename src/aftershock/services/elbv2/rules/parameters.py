"""Which parameters an operation honours; whatever else the service model allows is refused, never swallowed."""

from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any

from aftershock.aws.call import Call, Params, Result

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
            for path, value in _leaves("", params):
                if path in single:
                    if value != single[path]:
                        raise errors.unsupported(f"The value ({_spelt(value)}) for parameter {path}")
                elif not any(path == one or path.startswith(f"{one}.") for one in paths):
                    raise errors.unsupported(f"The parameter {path}")
            return operation(sources, call, params)

        return checked

    return decorate


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(f"{path}.{name}" if path else name, inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(path, inner)
    elif value is not None:
        yield path, value


def _spelt(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
