"""Service-linked roles: made for a service, and deleted when it has nothing left under them."""

import uuid
from collections.abc import Callable, Sequence
from functools import partial

from aftershock.aws.call import Call, Operation, Params, Result, Tx
from aftershock.aws.ids import new_unique_id
from aftershock.services.iam.records import ROLE_DELETIONS, ROLES, Role, RoleDeletion, arn
from aftershock.services.iam.rules import errors, service_linked

from .kinds import ROLE
from .roles import base_view

Uses = Callable[[Tx, str], Sequence[str]]
"""The ARNs of what the services of the region have under the service-linked role of this ARN."""


def create_service_linked_role(call: Call, params: Params) -> Result:
    service = params["AWSServiceName"]
    linked = service_linked.require(service)
    name = linked.role_name(params.get("CustomSuffix"))
    if ROLE.find(call, name):
        raise errors.invalid_input(
            f"Service role name {name} has been taken in this account, please try a different suffix."
        )
    role = Role(
        id=new_unique_id("AROA"),
        account=call.account,
        name=name,
        path=f"/aws-service-role/{service}/",
        created_at=call.now,
        trust=linked.trust(),
        description=params.get("Description"),
        attached=(linked.policy_arn,),
        linked_service=service,
    )
    ROLES.put(call.tx, role)
    return {"Role": {**base_view(role), "Description": role.description}}


def delete_service_linked_role(uses: Uses, call: Call, params: Params) -> Result:
    """It is decided at once whether the role can go; AWS takes its time, and tells it in the same way."""
    role = ROLE.named_in(call, params)
    if not role.linked_service:
        raise errors.invalid_input(f"The role {role.name} is not a service-linked role.")
    used = tuple(uses(call.tx, arn("role", role)))
    task = RoleDeletion(
        id=f"task/aws-service-role/{role.linked_service}/{role.name}/{uuid.uuid4()}",
        account=call.account,
        reason=f"The service {role.linked_service} uses the role {role.name}." if used else None,
        used=used,
        region=call.region,
    )
    ROLE_DELETIONS.put(call.tx, task)
    if not used:
        ROLES.forget(call.tx, role.id)
    return {"DeletionTaskId": task.id}


def get_service_linked_role_deletion_status(call: Call, params: Params) -> Result:
    task = ROLE_DELETIONS.get(call.tx, params["DeletionTaskId"])
    if task is None or task.account != call.account:
        raise errors.no_such_deletion(params["DeletionTaskId"])
    if task.reason is None:
        return {"Status": "SUCCEEDED"}
    used = [{"Region": task.region, "Resources": [*task.used]}]
    return {"Status": "FAILED", "Reason": {"Reason": task.reason, "RoleUsageList": used}}


OPERATIONS: dict[str, Operation] = {
    "CreateServiceLinkedRole": create_service_linked_role,
    "GetServiceLinkedRoleDeletionStatus": get_service_linked_role_deletion_status,
}


def operations(uses: Uses) -> dict[str, Operation]:
    return {"DeleteServiceLinkedRole": partial(delete_service_linked_role, uses)}
