"""Managed policies by their ARNs: the account's own, and the commonly used ones of AWS."""

import base64
import hashlib
import json
from datetime import datetime
from functools import cache
from importlib.resources import files

from aftershock.aws.arn import parse
from aftershock.aws.call import Call
from aftershock.services.iam.records import POLICIES, Policy, PolicyVersion, arn
from aftershock.services.iam.rules import errors

AWS_ACCOUNT = "aws"


@cache
def of_aws() -> dict[str, Policy]:
    """AWS's managed policies that this region knows, by ARN.

    Each has its default version only, with AWS's own document, as IAM's API gave it to the authors of moto
    (getmoto/moto 5.2.5, moto/iam/aws_managed_policies.py).
    """
    text = (files("aftershock.services.iam") / "files" / "managed-policies.json").read_text()
    policies = [_of_aws(entry) for entry in json.loads(text)]
    return {arn("policy", policy): policy for policy in policies}


def _of_aws(entry: dict[str, str]) -> Policy:
    # AWS's own ids of these are not public knowledge; ours at least never change.
    name_hash = base64.b32encode(hashlib.sha256(entry["name"].encode()).digest()).decode()
    number, updated_at = int(entry["version"].removeprefix("v")), datetime.fromisoformat(entry["updated"])
    return Policy(
        id=f"ANPA{name_hash[:17]}",
        account=AWS_ACCOUNT,
        name=entry["name"],
        path=entry["path"],
        created_at=datetime.fromisoformat(entry["created"]),
        versions=(PolicyVersion(number, json.dumps(entry["document"]), updated_at),),
        default=number,
        last=number,
        updated_at=updated_at,
    )


def get(call: Call, policy_arn: str) -> Policy | None:
    if policy := of_aws().get(policy_arn):
        return policy
    found = POLICIES.where(call.tx, "arn", policy_arn)
    return found[0] if found else None


def require_arn(text: str) -> None:
    """
    Raises:
        AwsError: InvalidInput
    """
    parsed = parse(text)
    if parsed is None or parsed.service != "iam" or not parsed.resource.startswith("policy/"):
        raise errors.invalid_arn(text)


def require(call: Call, policy_arn: str) -> Policy:
    """
    Raises:
        AwsError: InvalidInput, NoSuchEntity
    """
    require_arn(policy_arn)
    if policy := get(call, policy_arn):
        return policy
    raise errors.no_such_policy(policy_arn)


def require_own(call: Call, policy_arn: str) -> Policy:
    """A policy that the account may change.

    Raises:
        AwsError: InvalidInput, NoSuchEntity, AccessDenied
    """
    policy = require(call, policy_arn)
    if policy.account == AWS_ACCOUNT:
        raise errors.access_denied(f"{policy_arn} is a policy of AWS: it can be attached, and not changed.")
    return policy


def require_attachable(call: Call, policy_arn: str) -> Policy:
    """
    Raises:
        AwsError: InvalidInput, NoSuchEntity, PolicyNotAttachable
    """
    require_arn(policy_arn)
    policy = get(call, policy_arn)
    if policy is None:
        raise errors.not_attachable(policy_arn)
    if policy.path.startswith("/aws-service-role/"):
        raise errors.service_role_policy()
    return policy
