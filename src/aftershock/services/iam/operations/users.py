"""Users, and the aliases of the account."""

import msgspec

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.ids import new_unique_id
from aftershock.services.iam import records
from aftershock.services.iam.records import ACCESS_KEYS, SESSION_CREDENTIALS, USERS, User
from aftershock.services.iam.rules import errors

from . import attachments
from .kinds import USER
from .named import given_tags, listed, sort_key, tag_operations, tags_view


def create_user(call: Call, params: Params) -> Result:
    USER.require_free(call, params["UserName"])
    USER.require_room(call)
    user = User(
        id=new_unique_id("AIDA"),
        account=call.account,
        name=params["UserName"],
        path=params.get("Path", "/"),
        created_at=call.now,
        tags=given_tags(params),
        boundary=attachments.boundary_in(call, params),
    )
    USERS.put(call.tx, user)
    return {"User": detailed_view(user)}


def get_user(call: Call, params: Params) -> Result:
    if "UserName" in params:
        return {"User": detailed_view(USER.named_in(call, params))}
    user = calling_user(call)
    return {"User": detailed_view(user) if user else _root_view(call)}


def calling_user(call: Call) -> User | None:
    """The user whose key signed the request; None for the account's root.

    Raises:
        AwsError: ValidationError where a role's session signed it.
    """
    if user := USERS.get(call.tx, call.principal.user_id):
        return user
    if is_root(call):
        return None
    raise errors.validation("Must specify userName when calling with non-User credentials")


def is_root(call: Call) -> bool:
    return call.principal.arn == f"arn:aws:iam::{call.account}:root"


def _root_view(call: Call) -> Result:
    """AWS shows the root with its account as its id, and has no name for it."""
    keys = ACCESS_KEYS.where(call.tx, "owner", records.owner_key(call.account, None))
    oldest = min((key.created_at for key in keys), default=None)
    return {"UserId": call.account, "Arn": call.principal.arn, "CreateDate": oldest}


def list_users(call: Call, params: Params) -> Result:
    return listed(params, "Users", USER.below(call, params), sort_key, USER.base_view)


def update_user(call: Call, params: Params) -> Result:
    user = USER.named_in(call, params)
    name = params.get("NewUserName", user.name)
    if name.lower() != user.name.lower():
        USER.require_free(call, name)
    USERS.put(call.tx, msgspec.structs.replace(user, name=name, path=params.get("NewPath", user.path)))
    return {}


def delete_user(call: Call, params: Params) -> Result:
    user = USER.named_in(call, params)
    if user.groups:
        raise errors.delete_conflict("Cannot delete entity, must remove users from group first.")
    attachments.require_none(user)
    if ACCESS_KEYS.where(call.tx, "owner", records.owner_key(call.account, user.id)):
        raise errors.delete_conflict("Cannot delete entity, must delete access keys first.")
    for session in SESSION_CREDENTIALS.where(call.tx, "principal", user.id):
        SESSION_CREDENTIALS.forget(call.tx, session.id)
    USERS.forget(call.tx, user.id)
    return {}


def detailed_view(user: User) -> Result:
    return {
        **USER.base_view(user),
        "PermissionsBoundary": attachments.boundary_view(user),
        "Tags": tags_view(user.tags),
    }


OPERATIONS: dict[str, Operation] = {
    "CreateUser": create_user,
    "GetUser": get_user,
    "ListUsers": list_users,
    "UpdateUser": update_user,
    "DeleteUser": delete_user,
    **tag_operations(USER),
}
