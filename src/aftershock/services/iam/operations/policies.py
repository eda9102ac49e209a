"""Managed policies and their versions."""

from urllib.parse import quote

import msgspec

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.ids import new_unique_id
from aftershock.services.iam.records import POLICIES, Policy, PolicyVersion, arn
from aftershock.services.iam.rules import documents, errors, quotas, tags

from . import attachments, managed
from .kinds import POLICY
from .named import given_tags, listed, sort_key, tag_operations, tags_view


def create_policy(call: Call, params: Params) -> Result:
    POLICY.require_free(call, params["PolicyName"])
    _check_document(params["PolicyDocument"])
    POLICY.require_room(call)
    policy = Policy(
        id=new_unique_id("ANPA"),
        account=call.account,
        name=params["PolicyName"],
        path=params.get("Path", "/"),
        created_at=call.now,
        tags=given_tags(params),
        description=params.get("Description"),
        versions=(PolicyVersion(1, params["PolicyDocument"], call.now),),
        default=1,
        last=1,
        updated_at=call.now,
    )
    POLICIES.put(call.tx, policy)
    return {"Policy": {**view(call, policy), "Tags": tags_view(policy.tags)}}


def get_policy(call: Call, params: Params) -> Result:
    policy = managed.require(call, params["PolicyArn"])
    return {
        "Policy": {**view(call, policy), "Description": policy.description, "Tags": tags.view(policy.tags)},
    }


def list_policies(call: Call, params: Params) -> Result:
    scope, prefix = params.get("Scope", "All"), params.get("PathPrefix", "/")
    as_boundary = params.get("PolicyUsageFilter") == "PermissionsBoundary"
    found = [] if scope == "Local" else list(managed.of_aws().values())
    if scope != "AWS":
        found += POLICIES.where(call.tx, "account", call.account)
    chosen = sorted((policy for policy in found if policy.path.startswith(prefix)), key=sort_key)
    if params.get("OnlyAttached") or as_boundary:
        chosen = [one for one in chosen if attachments.count_holders(call, arn("policy", one), as_boundary=as_boundary)]
    return listed(params, "Policies", chosen, sort_key, lambda policy: view(call, policy))


def delete_policy(call: Call, params: Params) -> Result:
    policy = managed.require_own(call, params["PolicyArn"])
    policy_arn = arn("policy", policy)
    if attachments.count_holders(call, policy_arn) or attachments.count_holders(call, policy_arn, as_boundary=True):
        raise errors.delete_conflict("Cannot delete a policy attached to entities.")
    if len(policy.versions) > 1:
        raise errors.delete_conflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "
            "The default version is deleted with the policy."
        )
    POLICIES.forget(call.tx, policy.id)
    return {}


def create_policy_version(call: Call, params: Params) -> Result:
    policy = managed.require_own(call, params["PolicyArn"])
    _check_document(params["PolicyDocument"])
    if len(policy.versions) >= quotas.POLICY_VERSIONS:
        raise errors.limit_exceeded(
            f"A managed policy can have up to {quotas.POLICY_VERSIONS} versions. "
            "Before you create a new version, you must delete an existing version."
        )
    version = PolicyVersion(policy.last + 1, params["PolicyDocument"], call.now)
    policy = msgspec.structs.replace(
        policy,
        versions=(*policy.versions, version),
        last=version.number,
        default=version.number if params.get("SetAsDefault") else policy.default,
        updated_at=call.now,
    )
    POLICIES.put(call.tx, policy)
    return {"PolicyVersion": version_view(policy, version)}


def get_policy_version(call: Call, params: Params) -> Result:
    policy, version = _version(call, params)
    document = quote(version.document, safe="")
    return {"PolicyVersion": {**version_view(policy, version), "Document": document}}


def list_policy_versions(call: Call, params: Params) -> Result:
    """The newest first, as AWS does."""
    policy = managed.require(call, params["PolicyArn"])
    return listed(params, "Versions", policy.versions[::-1], _newest_first, lambda one: version_view(policy, one))


def set_default_policy_version(call: Call, params: Params) -> Result:
    policy, version = _version(call, params)
    managed.require_own(call, params["PolicyArn"])
    POLICIES.put(call.tx, msgspec.structs.replace(policy, default=version.number, updated_at=call.now))
    return {}


def delete_policy_version(call: Call, params: Params) -> Result:
    policy, version = _version(call, params)
    managed.require_own(call, params["PolicyArn"])
    if version.number == policy.default:
        raise errors.delete_conflict("Cannot delete the default version of a policy.")
    left = tuple(one for one in policy.versions if one != version)
    POLICIES.put(call.tx, msgspec.structs.replace(policy, versions=left, updated_at=call.now))
    return {}


def _check_document(document: str) -> None:
    documents.check_identity_policy(document, managed=True)
    if quotas.policy_size(document) > quotas.MANAGED_POLICY_SIZE:
        raise errors.quota("PolicySize", quotas.MANAGED_POLICY_SIZE)


def _version(call: Call, params: Params) -> tuple[Policy, PolicyVersion]:
    policy_arn, wanted = params["PolicyArn"], params["VersionId"]
    managed.require_arn(policy_arn)
    policy = managed.get(call, policy_arn)
    for version in policy.versions if policy else ():
        if policy and f"v{version.number}" == wanted:
            return policy, version
    raise errors.no_such_version(policy_arn, wanted)


def _newest_first(version: PolicyVersion) -> str:
    return f"{1_000_000_000 - version.number:010}"


def view(call: Call, policy: Policy) -> Result:
    policy_arn = arn("policy", policy)
    return {
        **POLICY.base_view(policy),
        "DefaultVersionId": f"v{policy.default}",
        "AttachmentCount": attachments.count_holders(call, policy_arn),
        "PermissionsBoundaryUsageCount": attachments.count_holders(call, policy_arn, as_boundary=True),
        "IsAttachable": True,
        "UpdateDate": policy.updated_at,
    }


def version_view(policy: Policy, version: PolicyVersion) -> Result:
    return {
        "VersionId": f"v{version.number}",
        "IsDefaultVersion": version.number == policy.default,
        "CreateDate": version.created_at,
    }


OPERATIONS: dict[str, Operation] = {
    "CreatePolicy": create_policy,
    "GetPolicy": get_policy,
    "ListPolicies": list_policies,
    "DeletePolicy": delete_policy,
    "CreatePolicyVersion": create_policy_version,
    "GetPolicyVersion": get_policy_version,
    "ListPolicyVersions": list_policy_versions,
    "SetDefaultPolicyVersion": set_default_policy_version,
    "DeletePolicyVersion": delete_policy_version,
    **tag_operations(POLICY, lambda call, params: managed.require_own(call, params["PolicyArn"])),
}
