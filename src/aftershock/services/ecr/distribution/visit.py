"""A request to the registry, as its parts see it."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from urllib.parse import parse_qsl

from aftershock.aws.call import Call, Principal
from aftershock.aws.visit import Visit
from aftershock.services.ecr.operations import found
from aftershock.services.ecr.records import Repository

from .answers import Refused

_MOST_FIELDS = 50


@dataclass(frozen=True, slots=True)
class Guest:
    """A visit by somebody known."""

    visit: Visit
    principal: Principal

    @property
    def query(self) -> dict[str, str]:
        """
        Raises:
            Refused: it has more fields than anybody needs.
        """
        try:
            return dict(parse_qsl(self.visit.request.query, max_num_fields=_MOST_FIELDS))
        except ValueError:
            raise Refused(400, "UNSUPPORTED", "the query cannot be read") from None

    def header(self, name: str) -> str:
        return self.visit.request.headers.get(name, "")

    def transaction(self) -> AbstractContextManager[Call]:
        return self.visit.transaction(self.principal)


def repository(call: Call, name: str) -> Repository:
    """
    Raises:
        AwsError: RepositoryNotFoundException
    """
    return found.require(call, call.account, name)
