"""The kinds of named resources there are."""

from aftershock.services.iam.records import (
    GROUPS,
    INSTANCE_PROFILES,
    POLICIES,
    ROLES,
    USERS,
    Group,
    InstanceProfile,
    Policy,
    Role,
    User,
)
from aftershock.services.iam.rules import quotas

from .named import Kind

USER: Kind[User] = Kind("user", "User", "UserName", "user", USERS, ("UsersPerAccount", quotas.USERS))
GROUP: Kind[Group] = Kind("group", "Group", "GroupName", "group", GROUPS, ("GroupsPerAccount", quotas.GROUPS))
ROLE: Kind[Role] = Kind("role", "Role", "RoleName", "role", ROLES, ("RolesPerAccount", quotas.ROLES))
POLICY: Kind[Policy] = Kind(
    "policy", "Policy", "PolicyName", "policy", POLICIES, ("PoliciesPerAccount", quotas.POLICIES)
)
INSTANCE_PROFILE: Kind[InstanceProfile] = Kind(
    "Instance Profile",
    "InstanceProfile",
    "InstanceProfileName",
    "instance-profile",
    INSTANCE_PROFILES,
    ("InstanceProfilesPerAccount", quotas.INSTANCE_PROFILES),
)
