"""What the operations are told of the region."""

from collections.abc import Callable
from dataclasses import dataclass

from aftershock.aws.call import Call, Params, Result


@dataclass(frozen=True, slots=True)
class Settings:
    pace: float


Handler = Callable[[Settings, Call, Params], Result]
