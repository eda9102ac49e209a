"""Which resources an experiment's targets are, asked of the services that have them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from aftershock.aws.arn import Arn
from aftershock.aws.ask import Ask
from aftershock.aws.call import Call, Params
from aftershock.aws.errors import AwsError
from aftershock.services.fis.records import Experiment, Target
from aftershock.services.fis.rules import zones
from aftershock.services.fis.rules.actions import INSTANCE, ROLE, SUBNET
from aftershock.services.fis.rules.targets import passes, selected

from .effects import TERMINATED

Found = tuple[str, Mapping[str, Any]]  # an ARN, and the resource as its service describes it


def resolve(ask: Ask, call: Call, experiment: Experiment) -> dict[str, tuple[str, ...]]:
    """The ARNs of every target.

    Raises:
        AwsError: a service refused; or, unless such targets are to be skipped, one has no resources.
    """
    resolved = {}
    for name, target in experiment.plan.targets.items():
        found = [arn for arn, resource in _FINDERS[target.type](ask, call, target) if passes(resource, target.filters)]
        resolved[name] = selected(found, target.selection, seed=f"{experiment.id} {name}")
        if not resolved[name] and experiment.plan.empty_targets == "fail":
            raise AwsError("ResolveTargetFailure", f"Target resolution returned empty set for target {name}.")
    return resolved


def _instances(ask: Ask, call: Call, target: Target) -> Iterator[Found]:
    """Terminated ones are shown for a while, and are no targets any more."""
    for group in _pages(ask, call, "DescribeInstances", "Reservations", _asked(target, "instance-id")):
        for one in group["Instances"]:
            if one["State"]["Name"] not in TERMINATED:
                yield _arn(call, "instance", one["InstanceId"]), one


def _subnets(ask: Ask, call: Call, target: Target) -> Iterator[Found]:
    asked = _asked(target, "subnet-id")
    if identifier := target.parameters.get("availabilityZoneIdentifier"):
        known = ask("ec2", "DescribeAvailabilityZones", {}, within=call)["AvailabilityZones"]
        asked["Filters"].append({"Name": "availability-zone", "Values": [zones.named(identifier, known)]})
    if vpc := target.parameters.get("vpc"):
        asked["Filters"].append({"Name": "vpc-id", "Values": [vpc.rpartition("/")[2]]})
    for one in _pages(ask, call, "DescribeSubnets", "Subnets", asked):
        yield _arn(call, "subnet", one["SubnetId"]), one


def _roles(ask: Ask, call: Call, target: Target) -> Iterator[Found]:
    for arn in target.arns:
        yield arn, ask("iam", "GetRole", {"RoleName": arn.rpartition("/")[2]}, within=call)["Role"]


def _asked(target: Target, id_filter: str) -> dict[str, Any]:
    filters = [{"Name": f"tag:{key}", "Values": [_literally(value)]} for key, value in target.tags.items()]
    if target.arns:
        filters.append({"Name": id_filter, "Values": [arn.rpartition("/")[2] for arn in target.arns]})
    return {"Filters": filters}


def _literally(value: str) -> str:
    """EC2's filters know wildcards, and the tags of targets do not."""
    return "".join(f"\\{one}" if one in "*?\\" else one for one in value)


def _pages(ask: Ask, call: Call, operation: str, answer: str, asked: Params) -> Iterator[Mapping[str, Any]]:
    token: str | None = None
    while True:
        page = ask("ec2", operation, {**asked, **({"NextToken": token} if token else {})}, within=call)
        yield from page[answer]
        token = page.get("NextToken")
        if not token:
            return


def _arn(call: Call, kind: str, name: str) -> str:
    return str(Arn("ec2", call.region, call.account, f"{kind}/{name}"))


_FINDERS: Mapping[str, Callable[[Ask, Call, Target], Iterator[Found]]] = {
    INSTANCE: _instances,
    SUBNET: _subnets,
    ROLE: _roles,
}
