"""Repositories and their settings."""

from msgspec.structs import replace

from aftershock.aws.call import Call, Params, Result
from aftershock.services.ecr import pushing
from aftershock.services.ecr.records import IMAGES, REPOSITORIES, Repository, repository_id, span
from aftershock.services.ecr.rules import errors, mutability, tags

from .found import named, page, registry_of, require, require_repository, view


def create_repository(call: Call, params: Params) -> Result:
    encryption = params.get("encryptionConfiguration") or {}
    if encryption.get("encryptionType", "AES256") != "AES256" or encryption.get("kmsKey"):
        shown = (
            f"{encryption.get('encryptionType')} is not supported in this region; the only supported value is AES256"
        )
        raise errors.invalid("encryptionConfiguration", shown)
    if (account := registry_of(call, params)) != call.account:
        raise errors.invalid("registryId", f"The registry with id '{account}' is another account's")
    setting = params.get("imageTagMutability") or "MUTABLE"
    repository = Repository(
        account=account,
        region=call.region,
        name=params["repositoryName"],
        created_at=call.now,
        mutability=setting,
        exclusions=mutability.exclusions(setting, params.get("imageTagMutabilityExclusionFilters")),
        scan_on_push=bool((params.get("imageScanningConfiguration") or {}).get("scanOnPush")),
        tags=tags.tagged({}, params.get("tags") or ()),
    )
    if REPOSITORIES.get(call.tx, repository.id) is not None:
        raise errors.repository_exists(repository)
    REPOSITORIES.put(call.tx, repository)
    return {"repository": view(repository)}


def describe_repositories(call: Call, params: Params) -> Result:
    account = registry_of(call, params)
    if asked := params.get("repositoryNames"):
        found = [require(call, account, name) for name in dict.fromkeys(asked)]
    elif account == call.account:
        place = repository_id(account, call.region, "")
        found = list(REPOSITORIES.between(call.tx, place, f"{place}~"))
    else:
        found = []
    shown, token = page(params, found, lambda repository: repository.id, "repositoryNames")
    return {"repositories": [view(repository) for repository in shown], "nextToken": token}


def delete_repository(call: Call, params: Params) -> Result:
    repository = require_repository(call, params)
    holds = next(IMAGES.between(call.tx, *span(repository.id)), None) is not None
    if holds and not params.get("force"):
        raise errors.not_empty(repository)
    pushing.forget_all(call.tx, repository)
    REPOSITORIES.forget(call.tx, repository.id)
    return {"repository": view(repository)}


def put_image_tag_mutability(call: Call, params: Params) -> Result:
    repository = require_repository(call, params)
    setting = params["imageTagMutability"]
    excluded = mutability.exclusions(setting, params.get("imageTagMutabilityExclusionFilters"))
    REPOSITORIES.put(call.tx, replace(repository, mutability=setting, exclusions=excluded))
    return {
        **named(repository),
        "imageTagMutability": setting,
        "imageTagMutabilityExclusionFilters": mutability.view(excluded),
    }


def put_image_scanning_configuration(call: Call, params: Params) -> Result:
    repository = require_repository(call, params)
    scan_on_push = bool(params["imageScanningConfiguration"].get("scanOnPush"))
    REPOSITORIES.put(call.tx, replace(repository, scan_on_push=scan_on_push))
    return {**named(repository), "imageScanningConfiguration": {"scanOnPush": scan_on_push}}


OPERATIONS = {
    "CreateRepository": create_repository,
    "DeleteRepository": delete_repository,
    "DescribeRepositories": describe_repositories,
    "PutImageScanningConfiguration": put_image_scanning_configuration,
    "PutImageTagMutability": put_image_tag_mutability,
}
