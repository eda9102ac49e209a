"""Tags of repositories."""

from msgspec.structs import replace

from aftershock.aws import arn
from aftershock.aws.call import Call, Params, Result
from aftershock.services.ecr.records import REPOSITORIES, Repository
from aftershock.services.ecr.rules import errors, tags

from .found import require

_KIND = "repository/"


def _require(call: Call, text: str) -> Repository:
    """
    Raises:
        AwsError: InvalidParameterException, RepositoryNotFoundException
    """
    parsed = arn.parse(text)
    if parsed is None or parsed.service != "ecr" or not parsed.resource.startswith(_KIND):
        raise errors.invalid("resourceArn", "Invalid ARN")
    name = parsed.resource.removeprefix(_KIND)
    if parsed.region != call.region:
        raise errors.repository_not_found(name, parsed.account)
    return require(call, parsed.account, name)


def tag_resource(call: Call, params: Params) -> Result:
    repository = _require(call, params["resourceArn"])
    REPOSITORIES.put(call.tx, replace(repository, tags=tags.tagged(repository.tags, params["tags"])))
    return {}


def untag_resource(call: Call, params: Params) -> Result:
    repository = _require(call, params["resourceArn"])
    left = {key: value for key, value in repository.tags.items() if key not in params["tagKeys"]}
    REPOSITORIES.put(call.tx, replace(repository, tags=left))
    return {}


def list_tags_for_resource(call: Call, params: Params) -> Result:
    return {"tags": tags.view(_require(call, params["resourceArn"]).tags)}


OPERATIONS = {
    "ListTagsForResource": list_tags_for_resource,
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
}
