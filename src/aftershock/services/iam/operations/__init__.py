"""IAM's operations, one function each."""

from aftershock.aws.call import Operation

from . import access_keys, account, attachments, groups, instance_profiles, policies, roles, users

OPERATIONS: dict[str, Operation] = {
    **users.OPERATIONS,
    **access_keys.OPERATIONS,
    **groups.OPERATIONS,
    **roles.OPERATIONS,
    **policies.OPERATIONS,
    **attachments.OPERATIONS,
    **instance_profiles.OPERATIONS,
    **account.OPERATIONS,
}
