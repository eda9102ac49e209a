"""The account: its alias, and how much there is in it."""

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.services.iam.records import ACCESS_KEYS, ACCOUNT_ALIASES, POLICIES, AccountAlias, owner_key
from aftershock.services.iam.rules import errors, quotas

from .kinds import GROUP, INSTANCE_PROFILE, POLICY, ROLE, USER
from .named import listed


def create_account_alias(call: Call, params: Params) -> Result:
    """AWS: "You can have only one"; a new one replaces the old one."""
    ACCOUNT_ALIASES.put(call.tx, AccountAlias(id=call.account, alias=params["AccountAlias"]))
    return {}


def delete_account_alias(call: Call, params: Params) -> Result:
    alias = ACCOUNT_ALIASES.get(call.tx, call.account)
    if alias is None or alias.alias != params["AccountAlias"]:
        raise errors.no_such_alias(params["AccountAlias"])
    ACCOUNT_ALIASES.forget(call.tx, call.account)
    return {}


def list_account_aliases(call: Call, params: Params) -> Result:
    alias = ACCOUNT_ALIASES.get(call.tx, call.account)
    return listed(params, "AccountAliases", [alias.alias] if alias else [], lambda one: one, lambda one: one)


def get_account_summary(call: Call, params: Params) -> Result:
    policies = POLICIES.where(call.tx, "account", call.account)
    counted = {
        name: len(kind_keys)
        for name, kind_keys in (
            ("Users", USER.table.keys(call.tx)),
            ("Groups", GROUP.table.keys(call.tx)),
            ("Roles", ROLE.table.keys(call.tx)),
            ("InstanceProfiles", INSTANCE_PROFILE.table.keys(call.tx)),
            ("Policies", POLICY.table.keys(call.tx)),
        )
    }
    return {
        "SummaryMap": {
            **counted,
            "PolicyVersionsInUse": sum(len(policy.versions) for policy in policies),
            "AccountAccessKeysPresent": int(bool(ACCESS_KEYS.where(call.tx, "owner", owner_key(call.account, None)))),
            # What cannot be made here, there is none of.
            "AccountMFAEnabled": 0,
            "AccountPasswordPresent": 0,
            "AccountSigningCertificatesPresent": 0,
            "MFADevices": 0,
            "MFADevicesInUse": 0,
            "Providers": 0,
            "ServerCertificates": 0,
            "UsersQuota": quotas.USERS,
            "GroupsQuota": quotas.GROUPS,
            "RolesQuota": quotas.ROLES,
            "InstanceProfilesQuota": quotas.INSTANCE_PROFILES,
            "PoliciesQuota": quotas.POLICIES,
            "GroupsPerUserQuota": quotas.GROUPS_PER_USER,
            "AccessKeysPerUserQuota": quotas.ACCESS_KEYS_PER_USER,
            "AttachedPoliciesPerUserQuota": quotas.ATTACHED_POLICIES,
            "AttachedPoliciesPerGroupQuota": quotas.ATTACHED_POLICIES,
            "AttachedPoliciesPerRoleQuota": quotas.ATTACHED_POLICIES,
            "VersionsPerPolicyQuota": quotas.POLICY_VERSIONS,
            "PolicySizeQuota": quotas.MANAGED_POLICY_SIZE,
            "AssumeRolePolicySizeQuota": quotas.TRUST_POLICY_SIZE,
            "UserPolicySizeQuota": quotas.INLINE_POLICIES_SIZE["user"],
            "GroupPolicySizeQuota": quotas.INLINE_POLICIES_SIZE["group"],
            "RolePolicySizeQuota": quotas.INLINE_POLICIES_SIZE["role"],
        }
    }


OPERATIONS: dict[str, Operation] = {
    "CreateAccountAlias": create_account_alias,
    "DeleteAccountAlias": delete_account_alias,
    "ListAccountAliases": list_account_aliases,
    "GetAccountSummary": get_account_summary,
}
