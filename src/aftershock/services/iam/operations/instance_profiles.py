"""Instance profiles: how an instance comes by a role."""

import msgspec

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.ids import new_unique_id
from aftershock.services.iam.records import INSTANCE_PROFILES, ROLES, InstanceProfile
from aftershock.services.iam.rules import errors, tags

from . import roles
from .kinds import INSTANCE_PROFILE, ROLE
from .named import given_tags, listed, sort_key, tag_operations, tags_view


def create_instance_profile(call: Call, params: Params) -> Result:
    INSTANCE_PROFILE.require_free(call, params["InstanceProfileName"])
    INSTANCE_PROFILE.require_room(call)
    profile = InstanceProfile(
        id=new_unique_id("AIPA"),
        account=call.account,
        name=params["InstanceProfileName"],
        path=params.get("Path", "/"),
        created_at=call.now,
        tags=given_tags(params),
    )
    INSTANCE_PROFILES.put(call.tx, profile)
    return {"InstanceProfile": {**view(call, profile), "Tags": tags_view(profile.tags)}}


def get_instance_profile(call: Call, params: Params) -> Result:
    profile = INSTANCE_PROFILE.named_in(call, params)
    return {"InstanceProfile": {**view(call, profile), "Tags": tags.view(profile.tags)}}


def list_instance_profiles(call: Call, params: Params) -> Result:
    return _listed(call, params, INSTANCE_PROFILE.below(call, params))


def list_instance_profiles_for_role(call: Call, params: Params) -> Result:
    role = ROLE.named_in(call, params)
    return _listed(call, params, sorted(INSTANCE_PROFILES.where(call.tx, "role", role.id), key=sort_key))


def delete_instance_profile(call: Call, params: Params) -> Result:
    profile = INSTANCE_PROFILE.named_in(call, params)
    if profile.role_id:
        raise errors.delete_conflict("Cannot delete entity, must remove roles from instance profile first.")
    INSTANCE_PROFILES.forget(call.tx, profile.id)
    return {}


def add_role_to_instance_profile(call: Call, params: Params) -> Result:
    profile, role = INSTANCE_PROFILE.named_in(call, params), roles.changeable(ROLE.named_in(call, params))
    if profile.role_id:
        raise errors.quota("InstanceSessionsPerInstanceProfile", 1)
    INSTANCE_PROFILES.put(call.tx, msgspec.structs.replace(profile, role_id=role.id))
    return {}


def remove_role_from_instance_profile(call: Call, params: Params) -> Result:
    profile, role = INSTANCE_PROFILE.named_in(call, params), ROLE.named_in(call, params)
    if profile.role_id != role.id:
        raise errors.no_such_role_in_profile(role.name, profile.name)
    INSTANCE_PROFILES.put(call.tx, msgspec.structs.replace(profile, role_id=None))
    return {}


def _listed(call: Call, params: Params, profiles: list[InstanceProfile]) -> Result:
    return listed(params, "InstanceProfiles", profiles, sort_key, lambda profile: view(call, profile))


def view(call: Call, profile: InstanceProfile) -> Result:
    role = ROLES.get(call.tx, profile.role_id) if profile.role_id else None
    return {**INSTANCE_PROFILE.base_view(profile), "Roles": [roles.base_view(role)] if role else []}


OPERATIONS: dict[str, Operation] = {
    "CreateInstanceProfile": create_instance_profile,
    "GetInstanceProfile": get_instance_profile,
    "ListInstanceProfiles": list_instance_profiles,
    "ListInstanceProfilesForRole": list_instance_profiles_for_role,
    "DeleteInstanceProfile": delete_instance_profile,
    "AddRoleToInstanceProfile": add_role_to_instance_profile,
    "RemoveRoleFromInstanceProfile": remove_role_from_instance_profile,
    **tag_operations(INSTANCE_PROFILE),
}
