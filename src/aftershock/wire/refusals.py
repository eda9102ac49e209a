"""What AWS says of a request that cannot be read or breaks its model, in each family's own words.

Sources, beside AWS's API references:
EC2's `UnknownParameter`: aws/aws-cli#21; its unknown instance types: getmoto/moto#1695,
scylladb/scylla-cluster-tests#12419. `MalformedInput` of query services: boto/boto#37, bhushankummar/amazon-mws#75.
Constraint wording: tenesys/awsconsole#2, boto/boto3#2601 (map keys),
ministryofjustice/cloud-platform-infrastructure#4097 (a sensitive value is not shown).
Route 53's `InvalidInput`: hashicorp/terraform-provider-aws#37817. `SerializationException`: brendanhay/amazonka#43,
aws-amplify/amplify-js#13265. S3's `MalformedXML`: aws/aws-sdk-ruby#1577. ECR's `InvalidParameterException`:
boto/boto3#3191, aws/aws-dotnet-deploy#549.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from botocore.model import ServiceModel

from aftershock.aws.errors import AwsError
from aftershock.wire.message import HttpRequest
from aftershock.wire.scalars import Malformed, Unrecognized

_SHOWN_PROBLEMS = 20
_SHOWN_VALUES = 12
_OF_SET = "Member must satisfy enum value set: "


class Family(Enum):
    """Services that refuse alike."""

    EC2 = "ec2"
    QUERY = "query"
    JSON = "json"
    REST_JSON = "rest-json"
    REST_XML = "rest-xml"
    S3 = "s3"
    ECR = "ecr"


def family_of(service: ServiceModel | None, protocol: str) -> Family:
    match protocol:
        case "rest-xml" if service is not None and service.service_name in ("s3", "s3control"):
            return Family.S3
        case "json" if service is not None and service.service_name == "ecr":
            return Family.ECR
        case "smithy-rpc-v2-cbor":
            return Family.JSON
        case "ec2" | "query" | "json" | "rest-json" | "rest-xml":
            return Family(protocol)
    return Family.QUERY


@dataclass(frozen=True, slots=True)
class Problem:
    """One member that breaks its model.  `value` is None where nothing, or nothing to be shown, was sent."""

    path: tuple[str, ...]
    constraint: str
    value: str | None = None
    missing: bool = False

    def under(self, step: str) -> "Problem":
        return Problem((step, *self.path), self.constraint, self.value, self.missing)


_INVALID = {
    Family.QUERY: "ValidationError",
    Family.JSON: "ValidationException",
    Family.REST_JSON: "ValidationException",
    Family.REST_XML: "InvalidInput",
    Family.S3: "InvalidArgument",
    Family.ECR: "InvalidParameterException",
}
_MALFORMED = {
    Family.QUERY: "MalformedInput",
    Family.JSON: "SerializationException",
    Family.REST_JSON: "SerializationException",
    Family.REST_XML: "MalformedInput",
    Family.S3: "MalformedXML",
    Family.ECR: "SerializationException",
}


def invalid(family: Family, problems: Sequence[Problem]) -> AwsError:
    if family is Family.EC2:
        return _invalid_for_ec2(problems[0])
    if family is Family.ECR:
        return _invalid_for_ecr(problems[0])
    texts = "; ".join(_constraint_text(problem) for problem in problems[:_SHOWN_PROBLEMS])
    count = "1 validation error" if len(problems) == 1 else f"{len(problems)} validation errors"
    return AwsError(_INVALID[family], f"{count} detected: {texts}")


def _constraint_text(problem: Problem) -> str:
    shown = " null" if problem.missing else "" if problem.value is None else f" '{problem.value}'"
    return f"Value{shown} at '{'.'.join(problem.path)}' failed to satisfy constraint: {problem.constraint}"


def _invalid_for_ec2(problem: Problem) -> AwsError:
    path = ".".join(problem.path)
    if problem.missing:
        return AwsError("MissingParameter", f"The request must contain the parameter {path}")
    if problem.constraint.startswith(_OF_SET):
        return _unknown_for_ec2(problem, path)
    return AwsError(
        "InvalidParameterValue", f"Value ({problem.value or ''}) for parameter {path} is invalid. {problem.constraint}."
    )


def _unknown_for_ec2(problem: Problem, path: str) -> AwsError:
    """A value that is none of a set's.  Some sets have a thousand values, which nobody wants to be told."""
    value = problem.value or ""
    if problem.path[-1] == "InstanceType":
        return AwsError("InvalidParameterValue", f"Invalid value '{value}' for InstanceType.")
    if problem.path[-2:-1] == ("InstanceType",):  # one of a list of them
        text = f"The following supplied instance types do not exist: [{value}]"
        return AwsError("InvalidInstanceType", text)
    allowed = problem.constraint.removeprefix(_OF_SET).strip("[]")
    told = f" Expecting one of {allowed}." if allowed.count(",") < _SHOWN_VALUES else ""
    return AwsError("InvalidParameterValue", f"Value ({value}) for parameter {path} is invalid.{told}")


def _invalid_for_ecr(problem: Problem) -> AwsError:
    constraint = problem.constraint.removeprefix("Member ")
    if pattern := constraint.partition("regular expression pattern: ")[2]:
        constraint = f"must satisfy regular expression '{pattern}'"
    message = f"Invalid parameter at '{'.'.join(problem.path)}' failed to satisfy constraint: '{constraint}'"
    return AwsError(_INVALID[Family.ECR], message)


def malformed(family: Family, error: Malformed) -> AwsError:
    path = ".".join(error.path)
    if family is not Family.EC2:
        where = f" at '{path}'" if path else ""
        return AwsError(_MALFORMED[family], f"{error.problem}{where}")
    if not path and not isinstance(error, Unrecognized):
        return AwsError("MalformedQueryString", error.problem)  # not one of the parameters, but the body as a whole
    if isinstance(error, Unrecognized) or error.value is None:
        return AwsError("UnknownParameter", f"The parameter {path or error.problem} is not recognized")
    return AwsError(
        "InvalidParameterValue", f"Value ({error.value}) for parameter {path} is invalid. Expected {error.expected}."
    )


def unknown_action(family: Family, action: str, version: str) -> AwsError:
    if family is Family.EC2:
        return AwsError("InvalidAction", f"The action {action} is not valid for this web service.")
    return AwsError("InvalidAction", f"Could not find operation {action} for version {version}")


def no_action() -> AwsError:
    return AwsError("MissingAction", "The request must contain the parameter Action")


def unknown_operation() -> AwsError:
    return AwsError("UnknownOperationException", "")


def no_resource(request: HttpRequest) -> AwsError:
    text = f"No operation of this service has {request.method[:10]} {request.path[:200]}"
    return AwsError("UnknownOperationException", text, status=404)
