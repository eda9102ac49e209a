"""Groups, and who is in them."""

import msgspec

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.ids import new_unique_id
from aftershock.services.iam.records import GROUPS, USERS, Group, User
from aftershock.services.iam.rules import errors, quotas

from . import attachments
from .kinds import GROUP, USER
from .named import listed, sort_key


def create_group(call: Call, params: Params) -> Result:
    GROUP.require_free(call, params["GroupName"])
    GROUP.require_room(call)
    group = Group(
        id=new_unique_id("AGPA"),
        account=call.account,
        name=params["GroupName"],
        path=params.get("Path", "/"),
        created_at=call.now,
    )
    GROUPS.put(call.tx, group)
    return {"Group": GROUP.base_view(group)}


def get_group(call: Call, params: Params) -> Result:
    group = GROUP.named_in(call, params)
    return {
        "Group": GROUP.base_view(group),
        **listed(params, "Users", _members(call, group), sort_key, USER.base_view),
    }


def list_groups(call: Call, params: Params) -> Result:
    return listed(params, "Groups", GROUP.below(call, params), sort_key, GROUP.base_view)


def update_group(call: Call, params: Params) -> Result:
    group = GROUP.named_in(call, params)
    name = params.get("NewGroupName", group.name)
    if name.lower() != group.name.lower():
        GROUP.require_free(call, name)
    GROUPS.put(call.tx, msgspec.structs.replace(group, name=name, path=params.get("NewPath", group.path)))
    return {}


def delete_group(call: Call, params: Params) -> Result:
    group = GROUP.named_in(call, params)
    if _members(call, group):
        raise errors.delete_conflict("Cannot delete entity, must remove users from group first.")
    attachments.require_none(group)
    GROUPS.forget(call.tx, group.id)
    return {}


def add_user_to_group(call: Call, params: Params) -> Result:
    user, group = USER.named_in(call, params), GROUP.named_in(call, params)
    if group.id not in user.groups:
        if len(user.groups) >= quotas.GROUPS_PER_USER:
            raise errors.quota("GroupsPerUser", quotas.GROUPS_PER_USER)
        USERS.put(call.tx, msgspec.structs.replace(user, groups=(*user.groups, group.id)))
    return {}


def remove_user_from_group(call: Call, params: Params) -> Result:
    """AWS does not mind if the user is not in the group."""
    user, group = USER.named_in(call, params), GROUP.named_in(call, params)
    left = tuple(one for one in user.groups if one != group.id)
    USERS.put(call.tx, msgspec.structs.replace(user, groups=left))
    return {}


def list_groups_for_user(call: Call, params: Params) -> Result:
    user = USER.named_in(call, params)
    groups = [group for group_id in user.groups if (group := GROUPS.get(call.tx, group_id))]
    return listed(params, "Groups", sorted(groups, key=sort_key), sort_key, GROUP.base_view)


def _members(call: Call, group: Group) -> list[User]:
    return sorted(USERS.where(call.tx, "group", group.id), key=sort_key)


OPERATIONS: dict[str, Operation] = {
    "CreateGroup": create_group,
    "GetGroup": get_group,
    "ListGroups": list_groups,
    "UpdateGroup": update_group,
    "DeleteGroup": delete_group,
    "AddUserToGroup": add_user_to_group,
    "RemoveUserFromGroup": remove_user_from_group,
    "ListGroupsForUser": list_groups_for_user,
}
