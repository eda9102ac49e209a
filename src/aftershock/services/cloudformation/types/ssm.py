"""AWS::SSM: parameters."""

from collections.abc import Mapping
from typing import Any

from aftershock.services.cloudformation.rules.schema import STRING, changing, fixed, mapping

from .model import Doing, FailedError, ResourceType, Seen, found, unless_gone


def _put(doing: Doing, name: str, *, overwrite: bool) -> None:
    asked = doing.given("Type", "Value", "Description", "AllowedPattern", "DataType", "Tier")
    if not overwrite and doing.properties.get("Tags"):
        asked["Tags"] = [{"Key": key, "Value": value} for key, value in doing.properties["Tags"].items()]
    doing.ask("ssm", "PutParameter", Name=name, Overwrite=overwrite, **asked)


def _create(doing: Doing) -> str:
    name = str(doing.properties.get("Name") or f"CFN-{doing.name(128)}")
    _put(doing, name, overwrite=False)
    return name


def _read(doing: Doing, name: str) -> Seen | None:
    answer = found(lambda: doing.ask("ssm", "GetParameter", Name=name), "ParameterNotFound")
    if answer is None:
        return None
    parameter = answer["Parameter"]
    return Seen({"Arn": parameter["ARN"], "Name": name, "Type": parameter["Type"], "Value": parameter["Value"]})


def _update(doing: Doing, name: str, before: Mapping[str, Any]) -> None:
    if _read(doing, name) is None:  # what writes a parameter would make it anew
        raise FailedError(f"Resource of type 'AWS::SSM::Parameter' with identifier '{name}' was not found.")
    compared = ("Type", "Value", "Description", "AllowedPattern", "DataType", "Tier")
    if any(before.get(one) != doing.properties.get(one) for one in compared):
        _put(doing, name, overwrite=True)
    was, now = before.get("Tags", {}), doing.properties.get("Tags", {})
    resource = {"ResourceType": "Parameter", "ResourceId": name}
    if gone := sorted(was.keys() - now.keys()):
        doing.ask("ssm", "RemoveTagsFromResource", **resource, TagKeys=gone)
    if put := [{"Key": key, "Value": now[key]} for key in now if was.get(key) != now[key]]:
        doing.ask("ssm", "AddTagsToResource", **resource, Tags=put)


def _delete(doing: Doing, name: str) -> None:
    unless_gone(lambda: doing.ask("ssm", "DeleteParameter", Name=name), "ParameterNotFound")


def _type(properties: Mapping[str, Any]) -> str | None:
    # AWS: "Parameters of type SecureString are not supported by CloudFormation."
    if properties["Type"] not in ("String", "StringList"):
        return f"Value of property Type must be String or StringList; {properties['Type']} is not supported"
    return None


PARAMETER = ResourceType(
    name="AWS::SSM::Parameter",
    identity="Name",
    properties={
        "AllowedPattern": changing(STRING),
        "DataType": changing(STRING),
        "Description": changing(STRING),
        "Name": fixed(STRING),
        "Tags": changing(mapping()),
        "Tier": changing(STRING),
        "Type": changing(STRING, required=True),
        "Value": changing(STRING, required=True),
    },
    create=_create,
    read=_read,
    update=_update,
    delete=_delete,
    attributes=("Arn", "Name", "Type", "Value"),
    tags="map",
    check=_type,
)

TYPES = (PARAMETER,)
