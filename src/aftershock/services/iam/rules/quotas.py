"""How many there may be.  AWS: "IAM and AWS STS quotas", the defaults."""

USERS = 5000
GROUPS = 300
ROLES = 1000
POLICIES = 1500
INSTANCE_PROFILES = 1000
GROUPS_PER_USER = 10
ACCESS_KEYS_PER_USER = 2
ATTACHED_POLICIES = 10  # of each user, group and role
POLICY_VERSIONS = 5
TAGS = 50

# Characters of policy documents; white space is not counted.
MANAGED_POLICY_SIZE = 6144
TRUST_POLICY_SIZE = 2048
INLINE_POLICIES_SIZE = {"user": 2048, "group": 5120, "role": 10240}  # of all the inline policies of one together


def policy_size(document: str) -> int:
    return sum(not character.isspace() for character in document)
