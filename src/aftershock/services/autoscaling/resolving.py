"""What a group's instances would be launched from just now: asked of EC2, or read from a launch configuration."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aftershock.aws.ask import Ask
from aftershock.aws.call import Call, Tx
from aftershock.aws.errors import AwsError

from .records import CONFIGURATIONS, LaunchConfiguration, Made, Override, Source, group_key
from .rules.errors import no_such_configuration, validation

DEFAULT = "$Default"


@dataclass(frozen=True, slots=True)
class Resolved:
    made: tuple[Made, ...]
    weights: tuple[int | None, ...]


def configuration_of(tx: Tx, account: str, source: Source) -> LaunchConfiguration | None:
    return CONFIGURATIONS.get(tx, group_key(account, source.configuration)) if source.configuration else None


def resolve(ask: Ask, source: Source, found: LaunchConfiguration | None, within: Call | None = None) -> Resolved:
    """`found` is the launch configuration that the source names, if it names one.

    Raises:
        AwsError: the launch configuration, the template or its version is not there, or is not enough to launch from.
    """
    if source.configuration is not None:
        if found is None:
            raise no_such_configuration(source.configuration)
        made = Made(
            configuration=found.name, instance_type=found.given["InstanceType"], image_id=found.given["ImageId"]
        )
        return Resolved((made,), (None,))
    overrides = source.overrides or (Override(),)
    resolved = [_from_template(ask, source, override, within) for override in overrides]
    return Resolved(tuple(resolved), tuple(override.weight for override in overrides))


def _from_template(ask: Ask, source: Source, override: Override, within: Call | None) -> Made:
    if override.template_id is not None:
        version = template_version(ask, {"LaunchTemplateId": override.template_id}, override.version, within)
    else:
        version = template_version(ask, {"LaunchTemplateId": source.template_id}, source.version, within)
    data = version.get("LaunchTemplateData", {})
    image_id = override.image_id or data.get("ImageId")
    if not image_id:
        raise fully_formed("The request must contain the parameter ImageId")
    return Made(
        template_id=version["LaunchTemplateId"],
        template_name=version["LaunchTemplateName"],
        version=str(version["VersionNumber"]),
        instance_type=override.instance_type or data.get("InstanceType", "m1.small"),
        image_id=image_id,
        override_image=override.image_id,
    )


def template_version(ask: Ask, named: Mapping[str, Any], version: str | None, within: Call | None) -> Mapping[str, Any]:
    """The version of the template, as EC2 describes it; what is not given is the default version.

    Raises:
        AwsError: ValidationError, in EC2's words
    """
    try:
        answer = ask(
            "ec2", "DescribeLaunchTemplateVersions", {**named, "Versions": [version or DEFAULT]}, within=within
        )
    except AwsError as error:
        raise fully_formed(error.message) from error
    if not answer["LaunchTemplateVersions"]:
        raise fully_formed(f"Could not find the specified version {version} for the launch template.")
    found: Mapping[str, Any] = answer["LaunchTemplateVersions"][0]
    return found


def fully_formed(message: str) -> AwsError:
    return validation(f"You must use a valid fully-formed launch template. {message}")
