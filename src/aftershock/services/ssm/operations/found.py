"""A parameter as it is read: one version of it, from the account's records or from AWS's public ones."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aftershock.aws import arn
from aftershock.aws.call import Call, Params, Result, Tx
from aftershock.aws.errors import AwsError
from aftershock.services.ssm.records import PARAMETERS, VERSIONS, Parameter, Version, parameter_id, version_id
from aftershock.services.ssm.rules import errors, names
from aftershock.services.ssm.rules.names import Asked
from aftershock.services.ssm.sealing import SealBrokenError, Sealer

PUBLIC_PREFIX = "/aws/service/debian/release"
PUBLIC_NAMES = tuple(f"{PUBLIC_PREFIX}/{release}/latest/amd64" for release in ("12", "bookworm"))


@dataclass(frozen=True, slots=True)
class Sources:
    """What Parameter Store is given from outside: the id of the base AMI, if there is one yet, and its seal."""

    base_image: Callable[[Tx], str | None]
    sealer: Sealer


@dataclass(frozen=True, slots=True)
class Found:
    name: str
    arn: str
    type: str
    value: str
    number: int
    data_type: str
    modified_at: datetime | None = None
    sealed_for: str | None = None  # the context that the value is sealed for
    selector: str | None = None

    def view(self, sources: Sources, *, decrypted: bool) -> Result:
        return {
            "Name": self.name,
            "Type": self.type,
            "Value": opened(sources, self.value, self.sealed_for) if decrypted else self.value,
            "Version": self.number,
            "Selector": self.selector,
            "LastModifiedDate": self.modified_at,
            "ARN": self.arn,
            "DataType": self.data_type,
        }


def opened(sources: Sources, value: str, sealed_for: str | None) -> str:
    """
    Raises:
        AwsError: InvalidKeyId where the value cannot be opened with the region's key.
    """
    if sealed_for is None:
        return value
    try:
        return sources.sealer.open(value, sealed_for)
    except SealBrokenError as error:
        raise AwsError("InvalidKeyId", "The value cannot be decrypted with the key alias/aws/ssm.") from error


def seal_context(version: Version) -> str | None:
    return version.id if version.type == "SecureString" else None


def of_version(parameter: Parameter, version: Version, selector: str | None = None) -> Found:
    return Found(
        name=parameter.name,
        arn=parameter.arn,
        type=version.type,
        value=version.value,
        number=version.number,
        data_type=version.data_type,
        modified_at=version.modified_at,
        sealed_for=seal_context(version),
        selector=selector,
    )


def find(call: Call, sources: Sources, text: str) -> Found | None:
    """What a caller means by a name, a name with a selector, or an ARN.

    Raises:
        AwsError: ValidationException for what cannot be a name, ParameterVersionNotFound
    """
    for asked in _asked(call, text):
        if found := _find(call, sources, asked):
            return found
    return None


def _asked(call: Call, text: str) -> list[Asked]:
    """What the text may mean here; an ARN of another region or account means nothing."""
    asked, parsed = names.asked(text), arn.parse(text)
    if parsed and (parsed.region != call.region or parsed.account not in ("", call.account)):
        return []
    return asked


def _find(call: Call, sources: Sources, asked: Asked) -> Found | None:
    if asked.name in PUBLIC_NAMES:
        return _public(call, sources, asked)
    parameter = get(call, asked.name)
    if parameter is None:
        return None
    return of_version(parameter, _version(call, parameter, asked), asked.selector)


def _version(call: Call, parameter: Parameter, asked: Asked) -> Version:
    if asked.label is not None:
        for version in VERSIONS.where(call.tx, "parameter", parameter.id):
            if asked.label in version.labels:
                return version
        raise errors.version_not_found(asked.label, parameter.name)
    return require_version(call, parameter, asked.version)


def _public(call: Call, sources: Sources, asked: Asked) -> Found | None:
    image = sources.base_image(call.tx)
    if image is None:
        return None
    if asked.label is not None or asked.version not in (None, 1):
        raise errors.version_not_found(asked.label or asked.version or "", asked.name)
    return Found(
        name=asked.name,
        arn=f"arn:aws:ssm:{call.region}::parameter{asked.name}",
        type="String",
        value=image,
        number=1,
        data_type="aws:ec2:image",
        selector=asked.selector,
    )


def public_below(call: Call, sources: Sources, path: str, *, recursive: bool) -> list[Found]:
    chosen = [name for name in PUBLIC_NAMES if names.is_below(name, path, recursive=recursive)]
    return [found for name in chosen if (found := _public(call, sources, Asked(name)))]


def get(call: Call, name: str) -> Parameter | None:
    return PARAMETERS.get(call.tx, parameter_id(call.account, call.region, name))


def require(call: Call, text: str) -> Parameter:
    """A parameter of the account, by its name or ARN.

    Raises:
        AwsError: ParameterNotFound, ValidationException
    """
    for asked in _asked(call, text):
        if asked.selector is None and (parameter := get(call, asked.name)):
            return parameter
    raise errors.not_found(text)


def require_version(call: Call, parameter: Parameter, number: int | None = None) -> Version:
    """
    Raises:
        AwsError: ParameterVersionNotFound
    """
    wanted = parameter.latest if number is None else number
    if version := VERSIONS.get(call.tx, version_id(parameter.id, wanted)):
        return version
    raise errors.version_not_found(wanted, parameter.name)


def every(call: Call) -> list[Parameter]:
    """All of the account's parameters in the region, by name."""
    found = PARAMETERS.where(call.tx, "place", f"{call.account}/{call.region}")
    return sorted(found, key=lambda parameter: parameter.name)


def is_decrypted(params: Params) -> bool:
    return bool(params.get("WithDecryption"))


def metadata(version: Version) -> dict[str, Any]:
    """What the history and the description of a parameter both show."""
    return {
        "Type": version.type,
        "KeyId": version.key_id,
        "LastModifiedDate": version.modified_at,
        "LastModifiedUser": version.modified_by,
        "Description": version.description,
        "AllowedPattern": version.allowed_pattern,
        "Version": version.number,
        "Tier": version.tier,
        "Policies": [],
        "DataType": version.data_type,
    }
