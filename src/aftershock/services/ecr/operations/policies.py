"""Policies of repositories: who may use them, which is recorded only, and how long images stay."""

from msgspec.structs import replace

from aftershock.aws.call import Call, Params, Result
from aftershock.services.ecr.records import REPOSITORIES, Repository
from aftershock.services.ecr.rules import errors, lifecycle, policies

from .found import named, require_repository


def set_repository_policy(call: Call, params: Params) -> Result:
    repository = require_repository(call, params)
    policies.check(params["policyText"])
    after = replace(repository, policy=params["policyText"])
    REPOSITORIES.put(call.tx, after)
    return _policy(after)


def get_repository_policy(call: Call, params: Params) -> Result:
    repository = require_repository(call, params)
    if not repository.policy:
        raise errors.no_policy(repository)
    return _policy(repository)


def delete_repository_policy(call: Call, params: Params) -> Result:
    result = get_repository_policy(call, params)
    REPOSITORIES.put(call.tx, replace(require_repository(call, params), policy=""))
    return result


def _policy(repository: Repository) -> Result:
    return {**named(repository), "policyText": repository.policy}


def put_lifecycle_policy(call: Call, params: Params) -> Result:
    repository = require_repository(call, params)
    lifecycle.read(params["lifecyclePolicyText"])
    after = replace(repository, lifecycle=params["lifecyclePolicyText"], evaluated_at=None)
    REPOSITORIES.put(call.tx, after)
    return {**named(after), "lifecyclePolicyText": after.lifecycle}


def get_lifecycle_policy(call: Call, params: Params) -> Result:
    repository = require_repository(call, params)
    if not repository.lifecycle:
        raise errors.no_lifecycle(repository)
    return {
        **named(repository),
        "lifecyclePolicyText": repository.lifecycle,
        "lastEvaluatedAt": repository.evaluated_at,
    }


def delete_lifecycle_policy(call: Call, params: Params) -> Result:
    result = get_lifecycle_policy(call, params)
    REPOSITORIES.put(call.tx, replace(require_repository(call, params), lifecycle="", evaluated_at=None))
    return result


OPERATIONS = {
    "DeleteLifecyclePolicy": delete_lifecycle_policy,
    "DeleteRepositoryPolicy": delete_repository_policy,
    "GetLifecyclePolicy": get_lifecycle_policy,
    "GetRepositoryPolicy": get_repository_policy,
    "PutLifecyclePolicy": put_lifecycle_policy,
    "SetRepositoryPolicy": set_repository_policy,
}
