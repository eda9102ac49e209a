"""Policies of users, groups and roles: inline ones, attached ones, and the permissions boundary.

All are stored and shown; none is enforced (see README.md).
"""

from typing import TypeVar, cast
from urllib.parse import quote

import msgspec

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.services.iam.records import Identity, Policy, Role, arn
from aftershock.services.iam.rules import documents, errors, quotas

from . import managed
from .kinds import GROUP, ROLE, USER
from .named import Kind, listed

D = TypeVar("D", bound=Identity)

_PLURALS = {"User": "Users", "Group": "Groups", "Role": "Roles"}


def require_none(identity: Identity) -> None:
    """
    Raises:
        AwsError: DeleteConflict, while there are policies.
    """
    if identity.attached:
        raise errors.delete_conflict("Cannot delete entity, must detach all policies first.")
    if identity.inline:
        raise errors.delete_conflict("Cannot delete entity, must delete policies first.")


def boundary_in(call: Call, params: Params) -> str | None:
    """
    Raises:
        AwsError: NoSuchEntity, InvalidInput
    """
    wanted = params.get("PermissionsBoundary")
    return None if wanted is None else arn("policy", managed.require_attachable(call, wanted))


def boundary_view(identity: Identity) -> Result | None:
    if identity.boundary is None:
        return None
    return {"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": identity.boundary}


def policy_view(policy: Policy) -> Result:
    return {"PolicyName": policy.name, "PolicyArn": arn("policy", policy)}


def _inline_operations(kind: Kind[D]) -> dict[str, Operation]:
    noun, title = kind.noun, kind.title

    def put(call: Call, params: Params) -> Result:
        identity = _changeable(kind.named_in(call, params))
        documents.check_identity_policy(params["PolicyDocument"], managed=False)
        inline = {**identity.inline, params["PolicyName"]: params["PolicyDocument"]}
        limit = quotas.INLINE_POLICIES_SIZE[title]
        if sum(map(quotas.policy_size, inline.values())) > limit:
            raise errors.limit_exceeded(f"Maximum policy size of {limit} bytes exceeded for {title} {identity.name}")
        kind.table.put(call.tx, msgspec.structs.replace(identity, inline=inline))
        return {}

    def get(call: Call, params: Params) -> Result:
        identity, name = kind.named_in(call, params), params["PolicyName"]
        if name not in identity.inline:
            raise errors.no_such_inline_policy(title, name)
        document = quote(identity.inline[name], safe="")
        return {kind.parameter: identity.name, "PolicyName": name, "PolicyDocument": document}

    def list_names(call: Call, params: Params) -> Result:
        names = sorted(kind.named_in(call, params).inline)
        return listed(params, "PolicyNames", names, lambda name: name, lambda name: name)

    def delete(call: Call, params: Params) -> Result:
        identity, name = _changeable(kind.named_in(call, params)), params["PolicyName"]
        if name not in identity.inline:
            raise errors.no_such_inline_policy(title, name)
        inline = {other: document for other, document in identity.inline.items() if other != name}
        kind.table.put(call.tx, msgspec.structs.replace(identity, inline=inline))
        return {}

    return {
        f"Put{noun}Policy": put,
        f"Get{noun}Policy": get,
        f"List{noun}Policies": list_names,
        f"Delete{noun}Policy": delete,
    }


def _managed_operations(kind: Kind[D]) -> dict[str, Operation]:
    noun = kind.noun

    def attach(call: Call, params: Params) -> Result:
        identity = _changeable(kind.named_in(call, params))
        policy_arn = arn("policy", managed.require_attachable(call, params["PolicyArn"]))
        if policy_arn in identity.attached:
            return {}
        if len(identity.attached) >= quotas.ATTACHED_POLICIES:
            raise errors.quota(f"PoliciesPer{noun}", quotas.ATTACHED_POLICIES)
        kind.table.put(call.tx, msgspec.structs.replace(identity, attached=(*identity.attached, policy_arn)))
        return {}

    def detach(call: Call, params: Params) -> Result:
        identity, policy_arn = _changeable(kind.named_in(call, params)), params["PolicyArn"]
        managed.require_arn(policy_arn)
        if policy_arn not in identity.attached:
            raise errors.no_such_policy(policy_arn)
        left = tuple(one for one in identity.attached if one != policy_arn)
        kind.table.put(call.tx, msgspec.structs.replace(identity, attached=left))
        return {}

    def list_attached(call: Call, params: Params) -> Result:
        identity, prefix = kind.named_in(call, params), params.get("PathPrefix", "/")
        found = [policy for one in identity.attached if (policy := managed.get(call, one))]
        chosen = sorted((policy for policy in found if policy.path.startswith(prefix)), key=_by_name)
        return listed(params, "AttachedPolicies", chosen, _by_name, policy_view)

    return {
        f"Attach{noun}Policy": attach,
        f"Detach{noun}Policy": detach,
        f"ListAttached{noun}Policies": list_attached,
    }


def _boundary_operations(kind: Kind[D]) -> dict[str, Operation]:
    def put(call: Call, params: Params) -> Result:
        identity = _changeable(kind.named_in(call, params))
        kind.table.put(call.tx, msgspec.structs.replace(identity, boundary=boundary_in(call, params)))
        return {}

    def delete(call: Call, params: Params) -> Result:
        identity = _changeable(kind.named_in(call, params))
        if identity.boundary is None:
            raise errors.no_boundary(kind.title, identity.name)
        kind.table.put(call.tx, msgspec.structs.replace(identity, boundary=None))
        return {}

    return {f"Put{kind.noun}PermissionsBoundary": put, f"Delete{kind.noun}PermissionsBoundary": delete}


def list_entities_for_policy(call: Call, params: Params) -> Result:
    """Groups, users and roles that have the policy, in this order over the pages."""
    policy_arn = arn("policy", managed.require(call, params["PolicyArn"]))
    wanted = params.get("EntityFilter")
    if wanted in ("LocalManagedPolicy", "AWSManagedPolicy"):
        raise errors.invalid_input(f"The entity filter {wanted} is not valid for this operation.")
    prefix = params.get("PathPrefix", "/")
    as_boundary = params.get("PolicyUsageFilter") == "PermissionsBoundary"
    found = [
        (kind.noun, identity)
        for kind in _KINDS
        if wanted in (None, kind.noun)
        for identity in holders(call, kind, policy_arn, as_boundary=as_boundary)
        if identity.path.startswith(prefix)
    ]
    found.sort(key=_entity_key)
    page = listed(params, "page", found, _entity_key, lambda one: one)
    chosen = cast(list[tuple[str, Identity]], page.pop("page"))
    for kind in _KINDS:
        page[f"Policy{_PLURALS[kind.noun]}"] = [
            {kind.parameter: identity.name, f"{kind.noun}Id": identity.id}
            for noun, identity in chosen
            if noun == kind.noun
        ]
    return page


def holders(call: Call, kind: Kind[D], policy_arn: str, *, as_boundary: bool = False) -> list[D]:
    return kind.table.where(call.tx, "boundary" if as_boundary else "policy", policy_arn)


def count_holders(call: Call, policy_arn: str, *, as_boundary: bool = False) -> int:
    return sum(len(holders(call, kind, policy_arn, as_boundary=as_boundary)) for kind in _KINDS)


def _by_name(policy: Policy) -> str:
    return f"{policy.name.lower()}/{policy.id}"


def _entity_key(entity: tuple[str, Identity]) -> str:
    noun, identity = entity
    return f"{noun}/{identity.name.lower()}/{identity.id}"


def _changeable(identity: D) -> D:
    if isinstance(identity, Role) and identity.linked_service:
        raise errors.protected(identity.name)
    return identity


OPERATIONS: dict[str, Operation] = {
    **_inline_operations(USER),
    **_inline_operations(GROUP),
    **_inline_operations(ROLE),
    **_managed_operations(USER),
    **_managed_operations(GROUP),
    **_managed_operations(ROLE),
    **_boundary_operations(USER),
    **_boundary_operations(ROLE),
    "ListEntitiesForPolicy": list_entities_for_policy,
}
_KINDS: tuple[Kind[Identity], ...] = cast(tuple[Kind[Identity], ...], (GROUP, ROLE, USER))
