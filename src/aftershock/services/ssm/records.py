"""Parameter Store: what is stored."""

from datetime import datetime

from msgspec import Struct

from aftershock.store import Table


class Parameter(Struct, frozen=True, kw_only=True):
    account: str
    region: str
    name: str
    latest: int  # the number of its newest version
    tags: dict[str, str] = {}

    @property
    def id(self) -> str:
        return parameter_id(self.account, self.region, self.name)

    @property
    def arn(self) -> str:
        return f"arn:aws:ssm:{self.region}:{self.account}:parameter/{self.name.removeprefix('/')}"


class Version(Struct, frozen=True, kw_only=True):
    parameter_id: str
    number: int
    type: str
    value: str  # of a SecureString: sealed, see sealing.py
    description: str | None = None
    allowed_pattern: str | None = None
    key_id: str | None = None
    tier: str
    data_type: str
    modified_at: datetime
    modified_by: str  # the ARN of whoever put it
    labels: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return version_id(self.parameter_id, self.number)


def parameter_id(account: str, region: str, name: str) -> str:
    return f"{account}/{region}/{name}"


def version_id(parameter_id: str, number: int) -> str:
    return f"{parameter_id}:{number:09}"  # so that keys sort as numbers do


PARAMETERS = Table(
    "ssm_parameter", Parameter, indexes={"place": lambda parameter: f"{parameter.account}/{parameter.region}"}
)
VERSIONS = Table("ssm_parameter_version", Version, indexes={"parameter": lambda version: version.parameter_id})

TABLES = (PARAMETERS, VERSIONS)
