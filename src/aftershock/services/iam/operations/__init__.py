"""IAM's operations, one function each."""

from aftershock.aws.call import Operation

from . import access_keys, account, attachments, groups, instance_profiles, linked_roles, policies, roles, users

OPERATIONS: dict[str, Operation] = {
    **users.OPERATIONS,
    **access_keys.OPERATIONS,
    **groups.OPERATIONS,
    **roles.OPERATIONS,
    **linked_roles.OPERATIONS,
    **policies.OPERATIONS,
    **attachments.OPERATIONS,
    **instance_profiles.OPERATIONS,
    **account.OPERATIONS,
}


def operations(uses: linked_roles.Uses) -> dict[str, Operation]:
    """All of them, given who uses a service-linked role."""
    return {**OPERATIONS, **linked_roles.operations(uses)}
