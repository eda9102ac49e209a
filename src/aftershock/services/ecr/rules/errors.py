"""ECR's refusals.

Texts: the service model's own descriptions; getmoto/moto, moto/ecr/exceptions.py and moto/ecr/models.py;
moby/buildkit#3776 and osscontainertools/kaniko#204 for immutable tags.
"""

from typing import Protocol

from aftershock.aws.errors import AwsError


class Named(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def account(self) -> str: ...


def _in(name: str, account: str) -> str:
    return f"the repository with name '{name}' in the registry with id '{account}'"


def invalid(name: str, constraint: str) -> AwsError:
    message = f"Invalid parameter at '{name}' failed to satisfy constraint: '{constraint}'"
    return AwsError("InvalidParameterException", message)


def repository_not_found(name: str, account: str) -> AwsError:
    message = f"The repository with name '{name}' does not exist in the registry with id '{account}'"
    return AwsError("RepositoryNotFoundException", message)


def repository_exists(repository: Named) -> AwsError:
    message = f"The repository with name '{repository.name}' already exists in the registry with id "
    return AwsError("RepositoryAlreadyExistsException", f"{message}'{repository.account}'")


def not_empty(repository: Named) -> AwsError:
    message = f"The repository with name '{repository.name}' in registry with id '{repository.account}' cannot be "
    return AwsError("RepositoryNotEmptyException", message + "deleted because it still contains images")


def no_policy(repository: Named) -> AwsError:
    message = f"Repository policy does not exist for {_in(repository.name, repository.account)}"
    return AwsError("RepositoryPolicyNotFoundException", message)


def no_lifecycle(repository: Named) -> AwsError:
    message = f"Lifecycle policy does not exist for {_in(repository.name, repository.account)}"
    return AwsError("LifecyclePolicyNotFoundException", message)


def image_not_found(repository: Named, digest: str | None, tag: str | None) -> AwsError:
    shown = f"{{imageDigest:'{digest or 'null'}', imageTag:'{tag or 'null'}'}}"
    message = f"The image with imageId {shown} does not exist within {_in(repository.name, repository.account)}"
    return AwsError("ImageNotFoundException", message)


def image_exists(repository: Named, digest: str, tag: str | None) -> AwsError:
    tagged = f" and tag '{tag}'" if tag else ""
    message = f"Image with digest '{digest}'{tagged} already exists in {_in(repository.name, repository.account)}"
    return AwsError("ImageAlreadyExistsException", message)


def tag_is_immutable(repository: Named, tag: str) -> AwsError:
    message = f"The image tag '{tag}' already exists in the '{repository.name}' repository and cannot be overwritten "
    return AwsError("ImageTagAlreadyExistsException", message + "because the tag is immutable.")


def digest_differs(stated: str, calculated: str) -> AwsError:
    message = f"The specified image digest '{stated}' does not match the digest '{calculated}' that was calculated"
    return AwsError("ImageDigestDoesNotMatchException", message)


def layers_not_found(repository: Named, digests: list[str]) -> AwsError:
    shown = ", ".join(f"'{digest}'" for digest in digests[:10])
    message = f"The layers with digests {shown} do not exist in {_in(repository.name, repository.account)}"
    return AwsError("LayersNotFoundException", message)


def references_not_found(repository: Named, digests: list[str]) -> AwsError:
    shown = ", ".join(f"'{digest}'" for digest in digests[:10])
    message = f"Images with digests {shown} required for pushing image into {_in(repository.name, repository.account)} "
    return AwsError("ReferencedImagesNotFoundException", message + "were not found")


def upload_not_found(repository: Named, upload_id: str) -> AwsError:
    message = f"The upload with id '{upload_id}' does not exist in {_in(repository.name, repository.account)}"
    return AwsError("UploadNotFoundException", message)


def wrong_part(first: int, received: int) -> AwsError:
    message = f"The layer part begins with byte {first}, but {received} bytes were received before it"
    return AwsError("InvalidLayerPartException", message)


def layer_exists(repository: Named, digest: str) -> AwsError:
    message = f"Layer with digest '{digest}' already exists in {_in(repository.name, repository.account)}"
    return AwsError("LayerAlreadyExistsException", message)


def wrong_layer(stated: str, calculated: str) -> AwsError:
    message = f"The digest '{calculated}' calculated of the layer does not match the digest '{stated}' specified"
    return AwsError("InvalidLayerException", message)


def limit(what: str, most: int) -> AwsError:
    return AwsError("LimitExceededException", f"The limit of {most} {what} has been reached")
