"""AWS::ECR: repositories of container images."""

import json
from collections.abc import Mapping
from typing import Any

from aftershock.services.cloudformation.rules.schema import (
    BOOLEAN,
    JSON,
    STRING,
    TAGS,
    Kind,
    changing,
    fixed,
    many,
    members,
)

from .model import Doing, FailedError, ResourceType, Seen, found, tag_changes, unless_gone

NO_REPOSITORY = "RepositoryNotFoundException"
NO_POLICY = "RepositoryPolicyNotFoundException"
NO_LIFECYCLE = "LifecyclePolicyNotFoundException"
_FILTER = "ImageTagMutabilityExclusionFilter"
_FILTERS = many(members(f"{_FILTER}Type {_FILTER}Value", **{f"{_FILTER}Type": STRING, f"{_FILTER}Value": STRING}))
_LIFECYCLE: Kind = members(LifecyclePolicyText=STRING, RegistryId=STRING)


def _ask(doing: Doing, operation: str, name: str, **params: Any) -> Mapping[str, Any]:
    answer: Mapping[str, Any] = doing.ask("ecr", operation, repositoryName=name, **params)
    return answer


def _mutability(properties: Mapping[str, Any]) -> dict[str, Any]:
    asked: dict[str, Any] = {"imageTagMutability": properties.get("ImageTagMutability", "MUTABLE")}
    if filters := properties.get(f"{_FILTER}s"):
        asked["imageTagMutabilityExclusionFilters"] = [
            {"filterType": one[f"{_FILTER}Type"], "filter": one[f"{_FILTER}Value"]} for one in filters
        ]
    return asked


def _scanning(properties: Mapping[str, Any]) -> dict[str, Any]:
    wanted = properties.get("ImageScanningConfiguration", {})
    return {"imageScanningConfiguration": {"scanOnPush": wanted.get("ScanOnPush", False)}}


def _encryption(properties: Mapping[str, Any]) -> dict[str, Any]:
    wanted = properties.get("EncryptionConfiguration")
    if wanted is None:
        return {}
    spelt = {"EncryptionType": "encryptionType", "KmsKey": "kmsKey"}
    return {"encryptionConfiguration": {spelt[name]: value for name, value in wanted.items()}}


def _lifecycle(properties: Mapping[str, Any]) -> str:
    return str(properties.get("LifecyclePolicy", {}).get("LifecyclePolicyText", ""))


def _policy(properties: Mapping[str, Any]) -> str:
    document = properties.get("RepositoryPolicyText", "")
    return document if isinstance(document, str) else json.dumps(document)


def _settle(doing: Doing, name: str, before: Mapping[str, Any]) -> None:
    """The two policies, which are put by operations of their own."""
    if (text := _policy(doing.properties)) != _policy(before):
        if text:
            _ask(doing, "SetRepositoryPolicy", name, policyText=text)
        else:
            unless_gone(lambda: _ask(doing, "DeleteRepositoryPolicy", name), NO_POLICY)
    if (text := _lifecycle(doing.properties)) != _lifecycle(before):
        if text:
            _ask(doing, "PutLifecyclePolicy", name, lifecyclePolicyText=text)
        else:
            unless_gone(lambda: _ask(doing, "DeleteLifecyclePolicy", name), NO_LIFECYCLE)


def _create(doing: Doing) -> str:
    name = str(doing.properties.get("RepositoryName") or doing.name(256, lower=True))
    own = doing.properties
    tags = {"tags": own["Tags"]} if own.get("Tags") else {}
    _ask(doing, "CreateRepository", name, **_mutability(own), **_scanning(own), **_encryption(own), **tags)
    _settle(doing, name, {})
    return name


def _describe(doing: Doing, name: str) -> Mapping[str, Any] | None:
    answer = found(lambda: doing.ask("ecr", "DescribeRepositories", repositoryNames=[name]), NO_REPOSITORY)
    return answer["repositories"][0] if answer else None


def _read(doing: Doing, name: str) -> Seen | None:
    repository = _describe(doing, name)
    if repository is None:
        return None
    return Seen({"Arn": repository["repositoryArn"], "RepositoryUri": repository["repositoryUri"]})


def _update(doing: Doing, name: str, before: Mapping[str, Any]) -> None:
    repository = _describe(doing, name)
    if repository is None:
        raise FailedError(f"The repository {name} does not exist")
    if _mutability(doing.properties) != _mutability(before):
        _ask(doing, "PutImageTagMutability", name, **_mutability(doing.properties))
    if _scanning(doing.properties) != _scanning(before):
        _ask(doing, "PutImageScanningConfiguration", name, **_scanning(doing.properties))
    _settle(doing, name, before)
    put, gone = tag_changes(before, doing.properties)
    if gone:
        doing.ask("ecr", "UntagResource", resourceArn=repository["repositoryArn"], tagKeys=gone)
    if put:
        doing.ask("ecr", "TagResource", resourceArn=repository["repositoryArn"], tags=put)


def _delete(doing: Doing, name: str) -> None:
    force = bool(doing.properties.get("EmptyOnDelete"))
    unless_gone(lambda: _ask(doing, "DeleteRepository", name, force=force), NO_REPOSITORY)


def _wrong(properties: Mapping[str, Any]) -> str | None:
    if properties.get("LifecyclePolicy", {}).get("RegistryId"):
        return "The registry of LifecyclePolicy is the repository's own; RegistryId cannot name another"
    return None


REPOSITORY = ResourceType(
    name="AWS::ECR::Repository",
    identity="RepositoryName",
    properties={
        "EmptyOnDelete": changing(BOOLEAN),
        "EncryptionConfiguration": fixed(members("EncryptionType", EncryptionType=STRING, KmsKey=STRING)),
        "ImageScanningConfiguration": changing(members(ScanOnPush=BOOLEAN)),
        "ImageTagMutability": changing(STRING),
        f"{_FILTER}s": changing(_FILTERS),
        "LifecyclePolicy": changing(_LIFECYCLE),
        "RepositoryName": fixed(STRING),
        "RepositoryPolicyText": changing(JSON),
        "Tags": changing(TAGS),
    },
    create=_create,
    read=_read,
    update=_update,
    delete=_delete,
    attributes=("Arn", "RepositoryUri"),
    tags="list",
    check=_wrong,
)

TYPES = (REPOSITORY,)
