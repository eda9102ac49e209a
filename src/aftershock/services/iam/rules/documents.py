"""Policy documents: whether they are well formed, in the order in which IAM complains.

Sources of the texts: answers recorded from AWS in the public tests of localstack/localstack and getmoto/moto (IAM),
hashicorp/terraform-provider-aws#10419 (a principal), terraform-aws-modules/terraform-aws-iam#47 and #603 (no
principals, no resources), aws-actions/configure-aws-credentials#332 (an unknown principal), garnaat/kappa#111 (colons).
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from . import errors

Statement = dict[str, Any]

VERSIONS = ("2008-10-17", "2012-10-17")
_TOP = {"Version", "Id", "Statement"}
_ELEMENTS = {
    "Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition", "Principal", "NotPrincipal",
}  # fmt: skip
_OPERATORS = {
    "StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike",
    "StringNotLike", "NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals",
    "NumericGreaterThan", "NumericGreaterThanEquals", "DateEquals", "DateNotEquals", "DateLessThan",
    "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals", "Bool", "BinaryEquals", "IpAddress",
    "NotIpAddress", "ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike", "Null",
}  # fmt: skip
_TRUST_ACTIONS = re.compile(r"(?i)sts:(AssumeRole\w*|TagSession|SetSourceIdentity|SetContext)")
_SYNTAX = "Syntax errors in policy."
PARTITIONS = ("aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "*")


def check_identity_policy(document: str, *, managed: bool) -> None:
    """Refuse what cannot be the policy of a user, group or role.

    Raises:
        AwsError: MalformedPolicyDocument
    """
    parsed = _parse(document, broken=_SYNTAX)
    statements = _statements(parsed)
    for statement in statements:
        if "Principal" in statement or "NotPrincipal" in statement:
            raise errors.malformed("Policy document should not specify a principal.")
        _check_syntax(statement)
    if managed and parsed.get("Version") != "2012-10-17":
        raise errors.malformed("Policy document must be version 2012-10-17 or greater.")
    _check_sids(statements)
    for statement in statements:
        if not _texts(statement, "Action", "NotAction"):
            raise errors.malformed("Policy statement must contain actions.")
    for statement in statements:
        if not _texts(statement, "Resource", "NotResource"):
            raise errors.malformed("Policy statement must contain resources.")
    for statement in statements:
        for resource in _texts(statement, "Resource", "NotResource"):
            _check_resource(resource)
        _check_actions(statement)


def check_trust_policy(document: str) -> list[tuple[str, str]]:
    """Refuse what cannot say who may assume a role; return the principals it names, as ("AWS", "arn:…").

    Whether those exist is not known here.

    Raises:
        AwsError: MalformedPolicyDocument
    """
    statements = _statements(_parse(document, broken="This policy contains invalid Json"))
    principals: list[tuple[str, str]] = []
    for statement in statements:
        for element in ("Resource", "NotResource"):
            if element in statement:
                raise errors.malformed(f"Has prohibited field {element}")
        for element in ("Effect", "Action", "Principal"):
            if element not in statement and f"Not{element}" not in statement:
                raise errors.malformed(f"Missing required field {element}")
        _check_syntax(statement)
        _check_actions(statement)
        if not all(_TRUST_ACTIONS.fullmatch(action) for action in _texts(statement, "Action", "NotAction")):
            raise errors.malformed("AssumeRole policy may only specify STS AssumeRole actions.")
        named = list(named_principals(statement))
        if not named:
            raise errors.malformed(
                "Invalid principal in policy: com.amazon.balsa.error.InvalidPolicyException: "
                "The passed in policy has a statement with no principals!"
            )
        principals += named
    _check_sids(statements)
    return principals


def statements_of(document: str) -> list[Statement]:
    """The statements of a document that was checked when it was stored."""
    return _statements(json.loads(document))


def named_principals(statement: Statement) -> Iterator[tuple[str, str]]:
    """The principals of a statement as (kind, name); `"Principal": "*"` is ("AWS", "*")."""
    principal = statement.get("Principal", statement.get("NotPrincipal"))
    if principal == "*":
        yield "AWS", "*"
    elif isinstance(principal, dict):
        for kind, names in principal.items():
            for name in as_list(names):
                yield kind, name


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _parse(document: str, *, broken: str) -> dict[str, Any]:
    try:
        parsed = json.loads(document, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError):
        raise errors.malformed(broken) from None
    if not isinstance(parsed, dict) or parsed.keys() - _TOP or parsed.get("Version", VERSIONS[0]) not in VERSIONS:
        raise errors.malformed(_SYNTAX)
    if not isinstance(parsed.get("Id", ""), str):
        raise errors.malformed(_SYNTAX)
    return parsed


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a member is there twice")
    return dict(pairs)


def _statements(parsed: dict[str, Any]) -> list[Statement]:
    statements = as_list(parsed.get("Statement"))
    if not statements or not all(isinstance(one, dict) and not one.keys() - _ELEMENTS for one in statements):
        raise errors.malformed(_SYNTAX)
    return statements


def _check_syntax(statement: Statement) -> None:
    effect = statement.get("Effect")
    both = any(name in statement and f"Not{name}" in statement for name in ("Action", "Resource", "Principal"))
    lists = all(
        _is_text_or_texts(statement[name])
        for name in ("Action", "NotAction", "Resource", "NotResource")
        if name in statement
    )
    if both or not lists or not isinstance(effect, str) or effect.lower() not in ("allow", "deny"):
        raise errors.malformed(_SYNTAX)
    if not isinstance(statement.get("Sid", ""), str) or not _is_condition(statement.get("Condition", {})):
        raise errors.malformed(_SYNTAX)
    if not _is_principal(statement.get("Principal", "*")) or not _is_principal(statement.get("NotPrincipal", "*")):
        raise errors.malformed(_SYNTAX)
    if effect not in ("Allow", "Deny"):
        raise errors.malformed("The policy failed legacy parsing")


def _is_text_or_texts(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value))


def _is_principal(value: Any) -> bool:
    if value == "*":
        return True
    kinds = ("AWS", "Service", "Federated", "CanonicalUser")
    return isinstance(value, dict) and all(kind in kinds and _is_text_or_texts(names) for kind, names in value.items())


def _is_condition(condition: Any) -> bool:
    return isinstance(condition, dict) and all(
        _is_operator(operator) and isinstance(tests, dict) and all(_is_condition_value(v) for v in tests.values())
        for operator, tests in condition.items()
    )


def _is_operator(operator: str) -> bool:
    bare = operator.removeprefix("ForAnyValue:").removeprefix("ForAllValues:").removesuffix("IfExists")
    return bare in _OPERATORS


def _is_condition_value(value: Any) -> bool:
    return all(isinstance(one, str | bool | int | float) for one in as_list(value))


def _check_sids(statements: list[Statement]) -> None:
    sids = [statement["Sid"] for statement in statements if statement.get("Sid")]
    if len(set(sids)) != len(sids):
        raise errors.malformed("Statement IDs (SID) in a single policy must be unique.")
    if not all(re.fullmatch("[0-9A-Za-z]*", sid) for sid in sids):
        raise errors.malformed(
            "Statement IDs (SID) must be alpha-numeric. "
            "Check that your input satisfies the regular expression [0-9A-Za-z]*"
        )


def _texts(statement: Statement, *elements: str) -> list[str]:
    return [text for name in elements if name in statement for text in as_list(statement[name])]


def _check_actions(statement: Statement) -> None:
    for action in _texts(statement, "Action", "NotAction"):
        vendor, colon, rest = action.partition(":")
        if action == "*":
            continue
        if not colon:
            raise errors.malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
        if ":" in rest:
            raise errors.malformed("Actions/Condition can contain only one colon.")
        if re.search(r"[^a-zA-Z0-9\-.]", vendor):
            raise errors.malformed(f"Vendor {vendor} is not valid")


def _check_resource(resource: str) -> None:
    if resource == "*":
        return
    parts = resource.split(":", 5)
    if len(parts) == 1:
        raise errors.malformed(f'Resource {resource} must be in ARN format or "*".')
    if parts[1] not in PARTITIONS:
        vendor, region, account, rest = (parts[2:] + ["*"] * 4)[:4]
        raise errors.malformed(
            f'Partition "{parts[1]}" is not valid for resource '
            f'"arn:{parts[1]}:{vendor or "*"}:{region}:{account}:{rest}".'
        )
    if len(parts) == 2:
        raise errors.malformed("Resource vendor must be fully qualified and cannot contain regexes.")
    if parts[0] != "arn" or len(parts) < 6:
        raise errors.malformed("The policy failed legacy parsing")
    if parts[2] == "iam" and parts[3]:
        raise errors.malformed(f"IAM resource {resource} cannot contain region information.")
    if parts[2] == "s3" and parts[3] and not parts[5].startswith(("accesspoint", "storage-lens", "job")):
        raise errors.malformed(f"Resource {resource} can not contain region information.")
