"""Launch templates: requests to RunInstances, kept by name and number."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from msgspec.structs import replace

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.aws.filters import Field, matching
from aftershock.services.ec2.records.compute_kinds import LAUNCH_TEMPLATE
from aftershock.services.ec2.records.launch_template import (
    LAUNCH_TEMPLATE_VERSIONS,
    LAUNCH_TEMPLATES,
    LaunchTemplate,
    LaunchTemplateVersion,
)
from aftershock.services.ec2.rules import launch, tags
from aftershock.services.ec2.rules.parameters import honours, refuse_others
from aftershock.services.ec2.rules.times import wire_time

from .describing import paged
from .idempotency import made_before, remember
from .images import resolved
from .outside import Outside

NAME = re.compile(r"[a-zA-Z0-9().\-/_]{3,128}")
DEFAULT, LATEST = "$Default", "$Latest"
# What a template may say is what a launch may say, but for what belongs to the one call.
HONOURED = launch.HONOURED - {"ClientToken", "LaunchTemplate", "MaxCount", "MinCount", "SubnetId", "PrivateIpAddress"}


def create_launch_template(outside: Outside, call: Call, params: Params) -> Result:
    if made := made_before(call, "CreateLaunchTemplate", params):
        return {"LaunchTemplate": _view(LAUNCH_TEMPLATE.require(call.tx, call.account, made))}
    name = params["LaunchTemplateName"]
    if not NAME.fullmatch(name):
        raise AwsError(
            "InvalidLaunchTemplateName.MalformedException",
            "A launch template name must be between 3 and 128 characters, and may contain letters, numbers, and the "
            "following characters: - ( ) . / _",
        )
    if _named(call, name):
        raise AwsError("InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use.")
    template = LaunchTemplate(
        id=call.new_id("lt"),
        account=call.account,
        region=call.region,
        tags=tags.specified(params.get("TagSpecifications"), "launch-template", by=call.principal)["launch-template"],
        name=name,
        created_at=call.now,
        created_by=call.principal.arn,
    )
    LAUNCH_TEMPLATES.put(call.tx, template)
    description = params.get("VersionDescription")
    _put_version(outside, call, template, 1, data=params["LaunchTemplateData"], description=description)
    remember(call, "CreateLaunchTemplate", params, template.id)
    return {"LaunchTemplate": _view(template)}


def _put_version(
    outside: Outside,
    call: Call,
    template: LaunchTemplate,
    number: int,
    *,
    data: Mapping[str, Any],
    description: str | None,
) -> LaunchTemplateVersion:
    refuse_others(data, HONOURED, launch.ONLY)
    resolved(outside, call, data.get("ImageId") or "")  # the parameter has to be there already
    tags.specified(data.get("TagSpecifications"), *launch.TAGGABLE, *launch.TAGGABLE_IN_VAIN)
    launch.user_data(
        data.get("UserData"),
        code="InvalidUserData.Malformed",
        message="Invalid BASE64 encoding of user data.",
    )
    version = LaunchTemplateVersion(
        template_id=template.id,
        number=number,
        description=description,
        created_at=call.now,
        created_by=call.principal.arn,
        data=dict(data),
    )
    LAUNCH_TEMPLATE_VERSIONS.put(call.tx, version)
    return version


def create_launch_template_version(outside: Outside, call: Call, params: Params) -> Result:
    template = _require(call, params)
    if made := made_before(call, "CreateLaunchTemplateVersion", params):
        version = _require_version(call, template, made)
        return {"LaunchTemplateVersion": _shown(outside, call, params, template, version)}
    # AWS: "If you specify a source version, its parameters are kept unless you give others".
    source = _require_version(call, template, params["SourceVersion"]).data if params.get("SourceVersion") else {}
    number = template.latest_version + 1
    data = {**source, **params["LaunchTemplateData"]}
    version = _put_version(outside, call, template, number, data=data, description=params.get("VersionDescription"))
    template = replace(template, latest_version=number)
    LAUNCH_TEMPLATES.put(call.tx, template)
    remember(call, "CreateLaunchTemplateVersion", params, str(number))
    return {"LaunchTemplateVersion": _shown(outside, call, params, template, version)}


def _named(call: Call, name: str) -> LaunchTemplate | None:
    return next(iter(LAUNCH_TEMPLATES.where(call.tx, "name", f"{call.account} {name}")), None)


def _require(call: Call, params: Mapping[str, Any]) -> LaunchTemplate:
    template_id, name = params.get("LaunchTemplateId"), params.get("LaunchTemplateName")
    if template_id and name:
        raise AwsError(
            "InvalidParameterCombination",
            "The parameter launchTemplateName cannot be used with the parameter launchTemplateId",
        )
    if template_id:
        return LAUNCH_TEMPLATE.require(call.tx, call.account, template_id)
    if not name:
        raise AwsError(
            "MissingParameter",
            "Either 'launchTemplateId' or 'launchTemplateName' must be provided.",
        )
    if template := _named(call, name):
        return template
    raise AwsError(
        "InvalidLaunchTemplateName.NotFoundException",
        f"The specified launch template, with template name {name}, does not exist.",
    )


def _number(template: LaunchTemplate, version: str) -> int | None:
    if version == DEFAULT:
        return template.default_version
    if version == LATEST:
        return template.latest_version
    return int(version) if version.isascii() and version.isdigit() else None


def _version(call: Call, template: LaunchTemplate, version: str) -> LaunchTemplateVersion | None:
    number = _number(template, version)
    return None if number is None else LAUNCH_TEMPLATE_VERSIONS.get(call.tx, f"{template.id} {number:09}")


def _require_version(call: Call, template: LaunchTemplate, version: str) -> LaunchTemplateVersion:
    if found := _version(call, template, version):
        return found
    raise AwsError(
        "InvalidLaunchTemplateId.VersionNotFound",
        f"Could not find the specified version {version} for the launch template with ID {template.id}.",
    )


def data_of(call: Call, specification: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """What the template that a launch names adds to it; AWS: its default version, unless a version is given."""
    if not specification:
        return None
    template = _require(call, specification)
    return _require_version(call, template, specification.get("Version") or DEFAULT).data


@honours("LaunchTemplateIds", "LaunchTemplateNames", "Filters", "NextToken", "MaxResults", "IncludeManagedResources")
def describe_launch_templates(call: Call, params: Params) -> Result:
    found = LAUNCH_TEMPLATE.every(call.tx, call.account)
    for member, key, code in (
        ("LaunchTemplateIds", "id", "InvalidLaunchTemplateId.NotFound"),
        ("LaunchTemplateNames", "name", "InvalidLaunchTemplateName.NotFoundException"),
    ):
        if wanted := set(params.get(member) or ()):
            found = [template for template in found if getattr(template, key) in wanted]
            if len(found) < len(wanted):
                raise AwsError(code, "At least one of the launch templates specified in the request does not exist.")
    fields: Mapping[str, Field[LaunchTemplate]] = {
        "create-time": lambda one: wire_time(one.created_at),
        "launch-template-name": lambda one: one.name,
    }
    found = matching(found, params.get("Filters"), fields=fields, tags=lambda one: one.tags)
    return paged(params, found, key=lambda one: one.id, ids="LaunchTemplateIds", answer="LaunchTemplates", view=_view)


def describe_launch_template_versions(outside: Outside, call: Call, params: Params) -> Result:
    versions = params.get("Versions") or ()
    if params.get("LaunchTemplateId") or params.get("LaunchTemplateName"):
        template = _require(call, params)
        templates = {template.id: template}
        found = _versions(call, template, versions, params.get("MinVersion"), params.get("MaxVersion"))
    elif versions and set(versions) <= {DEFAULT, LATEST}:
        # AWS: without a template, the default or latest versions of all of them.
        templates = {template.id: template for template in LAUNCH_TEMPLATE.every(call.tx, call.account)}
        found = [one for template in templates.values() for one in _versions(call, template, versions, None, None)]
    else:
        _require(call, params)
        raise AssertionError("unreachable: a template is named")
    fields: Mapping[str, Field[LaunchTemplateVersion]] = {
        "create-time": lambda one: wire_time(one.created_at),
        "ebs-optimized": lambda one: one.data.get("EbsOptimized"),
        "iam-instance-profile": lambda one: (one.data.get("IamInstanceProfile") or {}).values(),
        "image-id": lambda one: one.data.get("ImageId"),
        "instance-type": lambda one: one.data.get("InstanceType"),
        "is-default-version": lambda one: one.number == templates[one.template_id].default_version,
        "kernel-id": lambda one: None,
        "ram-disk-id": lambda one: None,
    }
    return paged(
        params,
        matching(found, params.get("Filters"), fields=fields),
        # AWS shows the newest version first.
        key=lambda one: f"{one.template_id} {10**9 - one.number:010}",
        ids="Versions",
        answer="LaunchTemplateVersions",
        view=lambda one: _shown(outside, call, params, templates[one.template_id], one),
    )


def _versions(
    call: Call, template: LaunchTemplate, wanted: Sequence[str], low: str | None, high: str | None
) -> Iterable[LaunchTemplateVersion]:
    if wanted:
        found = {one.id: one for version in wanted for one in [_require_version(call, template, version)]}
        return list(found.values())
    first, last = _bound(template, low, 1), _bound(template, high, template.latest_version)
    every = LAUNCH_TEMPLATE_VERSIONS.where(call.tx, "template", template.id)
    return [one for one in every if first <= one.number <= last]


def _bound(template: LaunchTemplate, version: str | None, otherwise: int) -> int:
    if version is None:
        return otherwise
    number = _number(template, version)
    if number is None:
        raise AwsError("InvalidParameterValue", f"The specified launch template version {version} is not valid.")
    return number


@honours("LaunchTemplateId", "LaunchTemplateName", "DefaultVersion", "ClientToken")
def modify_launch_template(call: Call, params: Params) -> Result:
    template = _require(call, params)
    if version := params.get("DefaultVersion"):
        template = replace(template, default_version=_require_version(call, template, version).number)
        LAUNCH_TEMPLATES.put(call.tx, template)
    return {"LaunchTemplate": _view(template)}


@honours("LaunchTemplateId", "LaunchTemplateName")
def delete_launch_template(call: Call, params: Params) -> Result:
    template = _require(call, params)
    for version in LAUNCH_TEMPLATE_VERSIONS.where(call.tx, "template", template.id):
        LAUNCH_TEMPLATE_VERSIONS.forget(call.tx, version.id)
    LAUNCH_TEMPLATES.forget(call.tx, template.id)
    return {"LaunchTemplate": _view(template)}


@honours("LaunchTemplateId", "LaunchTemplateName", "Versions")
def delete_launch_template_versions(call: Call, params: Params) -> Result:
    """Each version on its own: what cannot be deleted is told, and the others are deleted."""
    template = _require(call, params)
    deleted: list[Result] = []
    kept: list[Result] = []
    for version in params["Versions"]:
        shown: Result = {"LaunchTemplateId": template.id, "LaunchTemplateName": template.name}
        number = _number(template, version)
        found = _version(call, template, version)
        if found is None:
            error = ("launchTemplateVersionDoesNotExist", f"The specified version {version} does not exist.")
        elif found.number == template.default_version:
            error = ("unexpectedError", f"The default version {found.number} of a launch template cannot be deleted.")
        else:
            LAUNCH_TEMPLATE_VERSIONS.forget(call.tx, found.id)
            deleted.append({**shown, "VersionNumber": found.number})
            continue
        kept.append({**shown, "VersionNumber": number, "ResponseError": {"Code": error[0], "Message": error[1]}})
    return {
        "SuccessfullyDeletedLaunchTemplateVersions": deleted,
        "UnsuccessfullyDeletedLaunchTemplateVersions": kept,
    }


def _view(template: LaunchTemplate) -> Result:
    shown: Result = {
        "LaunchTemplateId": template.id,
        "LaunchTemplateName": template.name,
        "CreateTime": template.created_at,
        "CreatedBy": template.created_by,
        "DefaultVersionNumber": template.default_version,
        "LatestVersionNumber": template.latest_version,
    }
    if template.tags:
        shown["Tags"] = tags.view(template.tags)
    return shown


def _shown(
    outside: Outside, call: Call, params: Params, template: LaunchTemplate, version: LaunchTemplateVersion
) -> Result:
    """With `ResolveAlias`, the image id is the one that a parameter of Systems Manager holds now."""
    shown = _version_view(template, version)
    if params.get("ResolveAlias") and (image_id := version.data.get("ImageId")):
        shown["LaunchTemplateData"] = {**version.data, "ImageId": resolved(outside, call, image_id)}
    return shown


def _version_view(template: LaunchTemplate, version: LaunchTemplateVersion) -> Result:
    return {
        "LaunchTemplateId": template.id,
        "LaunchTemplateName": template.name,
        "VersionNumber": version.number,
        "VersionDescription": version.description,
        "CreateTime": version.created_at,
        "CreatedBy": version.created_by,
        "DefaultVersion": version.number == template.default_version,
        "LaunchTemplateData": version.data,
    }


def operations(outside: Outside) -> dict[str, Operation]:
    """Those that look at the parameters which templates name."""
    for_create = honours(
        "LaunchTemplateName", "VersionDescription", "LaunchTemplateData", "TagSpecifications", "ClientToken"
    )
    for_version = honours(
        "LaunchTemplateId",
        "LaunchTemplateName",
        "SourceVersion",
        "VersionDescription",
        "LaunchTemplateData",
        "ClientToken",
        "ResolveAlias",
    )
    for_describe = honours(
        "LaunchTemplateId",
        "LaunchTemplateName",
        "Versions",
        "MinVersion",
        "MaxVersion",
        "NextToken",
        "MaxResults",
        "Filters",
        "IncludeManagedResources",
        "ResolveAlias",
    )
    return {
        "CreateLaunchTemplate": for_create(partial(create_launch_template, outside)),
        "CreateLaunchTemplateVersion": for_version(partial(create_launch_template_version, outside)),
        "DescribeLaunchTemplateVersions": for_describe(partial(describe_launch_template_versions, outside)),
    }


OPERATIONS: dict[str, Operation] = {
    "DeleteLaunchTemplate": delete_launch_template,
    "DeleteLaunchTemplateVersions": delete_launch_template_versions,
    "DescribeLaunchTemplates": describe_launch_templates,
    "ModifyLaunchTemplate": modify_launch_template,
}
