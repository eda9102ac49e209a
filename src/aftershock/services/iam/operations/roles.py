"""Roles: who may become what.  Service-linked roles too, as far as they are made."""

from urllib.parse import quote

import msgspec

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.ids import new_unique_id
from aftershock.services.iam.records import INSTANCE_PROFILES, ROLES, Role
from aftershock.services.iam.rules import documents, errors, quotas

from . import attachments, identities
from .kinds import ROLE
from .named import given_tags, listed, sort_key, tag_operations, tags_view


def create_role(call: Call, params: Params) -> Result:
    ROLE.require_free(call, params["RoleName"])
    trusted_ids = _check_trust(call, params["AssumeRolePolicyDocument"])
    path = params.get("Path", "/")
    if path.startswith("/aws-service-role/"):
        raise errors.invalid_input("The path of a role cannot begin with /aws-service-role/: it is reserved for AWS.")
    ROLE.require_room(call)
    role = Role(
        id=new_unique_id("AROA"),
        account=call.account,
        name=params["RoleName"],
        path=path,
        created_at=call.now,
        tags=given_tags(params),
        trust=params["AssumeRolePolicyDocument"],
        trusted_ids=trusted_ids,
        description=params.get("Description"),
        max_session_duration_s=params.get("MaxSessionDuration", 3600),
        boundary=attachments.boundary_in(call, params),
    )
    ROLES.put(call.tx, role)
    # AWS leaves out MaxSessionDuration here where it was not asked for.
    shown = detailed_view(role)
    return {"Role": {**shown, "MaxSessionDuration": params.get("MaxSessionDuration")}}


def get_role(call: Call, params: Params) -> Result:
    return {"Role": detailed_view(ROLE.named_in(call, params))}


def list_roles(call: Call, params: Params) -> Result:
    return listed(params, "Roles", ROLE.below(call, params), sort_key, listed_view)


def update_role(call: Call, params: Params) -> Result:
    role = changeable(ROLE.named_in(call, params))
    ROLES.put(
        call.tx,
        msgspec.structs.replace(
            role,
            description=params.get("Description", role.description),
            max_session_duration_s=params.get("MaxSessionDuration", role.max_session_duration_s),
        ),
    )
    return {}


def update_role_description(call: Call, params: Params) -> Result:
    role = msgspec.structs.replace(ROLE.named_in(call, params), description=params["Description"])
    ROLES.put(call.tx, role)
    return {"Role": {**base_view(role), "Description": role.description}}


def update_assume_role_policy(call: Call, params: Params) -> Result:
    role = changeable(ROLE.named_in(call, params))
    trusted_ids = _check_trust(call, params["PolicyDocument"])
    ROLES.put(call.tx, msgspec.structs.replace(role, trust=params["PolicyDocument"], trusted_ids=trusted_ids))
    return {}


def delete_role(call: Call, params: Params) -> Result:
    role = changeable(ROLE.named_in(call, params))
    if INSTANCE_PROFILES.where(call.tx, "role", role.id):
        raise errors.delete_conflict("Cannot delete entity, must remove roles from instance profile first.")
    attachments.require_none(role)
    ROLES.forget(call.tx, role.id)
    return {}


def changeable(role: Role) -> Role:
    """
    Raises:
        AwsError: UnmodifiableEntity for a service-linked role.
    """
    if role.linked_service:
        raise errors.protected(role.name)
    return role


def _check_trust(call: Call, document: str) -> dict[str, str]:
    """The unique ids of the users and roles that the trust policy names by ARN.

    Raises:
        AwsError: MalformedPolicyDocument, LimitExceeded
    """
    principals = documents.check_trust_policy(document)
    if quotas.policy_size(document) > quotas.TRUST_POLICY_SIZE:
        raise errors.quota("ACLSizePerRole", quotas.TRUST_POLICY_SIZE)
    trusted: dict[str, str] = {}
    for kind, name in principals:
        if kind == "AWS" and identities.is_account(name):
            continue
        found = identities.resolve(call, kind, name)
        if found is None:
            spelt = kind if kind == "AWS" else kind.upper()
            raise errors.malformed(f'Invalid principal in policy: "{spelt}":"{name}"')
        if found:
            trusted[name] = found
    return trusted


def base_view(role: Role) -> Result:
    return {**ROLE.base_view(role), "AssumeRolePolicyDocument": quote(role.trust, safe="")}


def listed_view(role: Role) -> Result:
    return {
        **base_view(role),
        "Description": role.description,
        "MaxSessionDuration": role.max_session_duration_s,
    }


def detailed_view(role: Role) -> Result:
    return {
        **listed_view(role),
        "PermissionsBoundary": attachments.boundary_view(role),
        "Tags": tags_view(role.tags),
    }


OPERATIONS: dict[str, Operation] = {
    "CreateRole": create_role,
    "GetRole": get_role,
    "ListRoles": list_roles,
    "UpdateRole": update_role,
    "UpdateRoleDescription": update_role_description,
    "UpdateAssumeRolePolicy": update_assume_role_policy,
    "DeleteRole": delete_role,
    **tag_operations(ROLE),
}
