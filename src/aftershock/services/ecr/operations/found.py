"""What operations look up and answer alike."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from aftershock.aws import paging
from aftershock.aws.call import Call, Params, Result
from aftershock.services.ecr.records import REPOSITORIES, Image, Repository, repository_id
from aftershock.services.ecr.rules import errors, mutability, names

PAGE = 100  # AWS: "this operation returns up to 100 results"
T = TypeVar("T")


def registry_of(call: Call, params: Params) -> str:
    """The account whose registry is meant."""
    return str(params.get("registryId") or call.account)


def require_repository(call: Call, params: Params) -> Repository:
    """
    Raises:
        AwsError: RepositoryNotFoundException
    """
    return require(call, registry_of(call, params), params["repositoryName"])


def require(call: Call, account: str, name: str) -> Repository:
    """Another account's is not to be seen: policies give nobody anything here."""
    key = repository_id(account, call.region, name)
    repository = REPOSITORIES.get(call.tx, key) if account == call.account else None
    if repository is None:
        raise errors.repository_not_found(name, account)
    return repository


def named(repository: Repository) -> Result:
    return {"registryId": repository.account, "repositoryName": repository.name}


def view(repository: Repository) -> Result:
    return {
        **named(repository),
        "repositoryArn": repository.arn,
        "repositoryUri": f"{names.host(repository.account, repository.region)}/{repository.name}",
        "createdAt": repository.created_at,
        "imageTagMutability": repository.mutability,
        "imageTagMutabilityExclusionFilters": mutability.view(repository.exclusions),
        "imageScanningConfiguration": {"scanOnPush": repository.scan_on_push},
        "encryptionConfiguration": {"encryptionType": "AES256"},
    }


def image_id(image: Image, tag: str | None) -> dict[str, str]:
    return {"imageDigest": image.digest, **({"imageTag": tag} if tag else {})}


def page(
    params: Params, items: Sequence[T], key: Callable[[T], str], chosen: str | None = None
) -> tuple[Sequence[T], str | None]:
    """
    Args:
        chosen: the parameter that names what is asked for; with it there are no pages.
    """
    if chosen is not None and params.get(chosen):
        for name in ("nextToken", "maxResults"):
            if params.get(name) is not None:
                raise errors.invalid(name, f"{name} cannot be used with {chosen}")
        return items, None
    try:
        return paging.page(items, key=key, token=params.get("nextToken"), size=params.get("maxResults") or PAGE)
    except paging.InvalidToken:
        raise errors.invalid("nextToken", "Invalid pagination token") from None
