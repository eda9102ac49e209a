"""What the page draws: small facts, one for each thing on the map, made of what the API answered.  Pure.

A picture is a flat table, key to fact, so that what has changed is told by comparing two of them.  Facts hold only what
is drawn; what a click shows is asked for then.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from aftershock.doors.outages import ACTIONS, OVER

from .api import Answer
from .looks import Seen

Fact = dict[str, Any]
Picture = dict[str, Fact]

INTERNET = "0.0.0.0/0"
OUTAGES = {action: kind for kind, action in ACTIONS.items()}
LOAD_TAG = "aftershock:load"  # on an instance that the console has started to make requests; its value is the target


def draw(seen: Seen) -> Picture:
    """The whole picture; what was not seen yet is not in it."""
    parts = (
        _zones,
        _subnets,
        _instances,
        _balancers,
        _target_groups,
        _groups,
        _scaling,
        _names,
        _alarms,
        _experiments,
        _activities,
        _stacks,
        _traffic,
    )
    return {key: fact for part in parts for key, fact in part(seen)}


def difference(before: Picture, after: Picture) -> tuple[Picture, list[str]]:
    """What is new or another, and the keys of what is gone."""
    changed = {key: fact for key, fact in after.items() if before.get(key) != fact}
    return changed, [key for key in before if key not in after]


def tags(described: Answer) -> dict[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in described.get("Tags") or ()}


def _of(seen: Seen, name: str) -> Iterable[Answer]:
    return seen.get(name) or ()


def _zones(seen: Seen) -> Iterator[tuple[str, Fact]]:
    for one in _of(seen, "zones"):
        outage = [why for why in (_outage(experiment) for experiment in _of(seen, "experiments")) if why]
        struck = sorted(kind for kind, zone in outage if zone in (one["ZoneName"], one["ZoneId"]))
        said = " ".join(message["Message"] for message in one.get("Messages") or ())
        yield f"zone:{one['ZoneName']}", {"id": one["ZoneId"], "state": one["State"], "out": struck, "says": said}


def _outage(experiment: Answer) -> tuple[str, str] | None:
    if experiment["state"]["status"] in OVER:
        return None
    for action in experiment["actions"].values():
        if action["actionId"] in OUTAGES and action["state"]["status"] in ("running", "stopping"):
            return OUTAGES[action["actionId"]], action["parameters"]["availabilityZoneIdentifier"]
    return None


def _subnets(seen: Seen) -> Iterator[tuple[str, Fact]]:
    public = _public(seen)
    for one in _of(seen, "subnets"):
        yield (
            f"subnet:{one['SubnetId']}",
            {
                "name": tags(one).get("Name", ""),
                "vpc": one["VpcId"],
                "zone": one["AvailabilityZone"],
                "cidr": one["CidrBlock"],
                "public": public(one["VpcId"], one["SubnetId"]),
            },
        )


def _public(seen: Seen) -> Any:
    """Whether a subnet's route table leads to an internet gateway, as AWS defines a public subnet."""
    main: dict[str, bool] = {}
    own: dict[str, bool] = {}
    for table in _of(seen, "routes"):
        leads = any(
            route.get("GatewayId", "").startswith("igw-") and route.get("DestinationCidrBlock") == INTERNET
            for route in table.get("Routes", ())
        )
        for association in table.get("Associations", ()):
            if association.get("Main"):
                main[table["VpcId"]] = leads
            elif "SubnetId" in association:
                own[association["SubnetId"]] = leads
    return lambda vpc, subnet: own.get(subnet, main.get(vpc, False))


def _instances(seen: Seen) -> Iterator[tuple[str, Fact]]:
    checks = {one["InstanceId"]: one for one in _of(seen, "statuses")}
    load = seen.get("load") or {}
    scaled = {
        one["InstanceId"]: (group["AutoScalingGroupName"], one["LifecycleState"], one["HealthStatus"])
        for group in _of(seen, "scaling")
        for one in group.get("Instances") or ()
    }
    for one in _of(seen, "instances"):
        name = one["InstanceId"]
        check = checks.get(name)
        state = check["InstanceState"]["Name"] if check else one["State"]["Name"]
        if state == "terminated":
            continue
        known, group = tags(one), scaled.get(name, ("", "", ""))
        busy = load.get(name)
        yield (
            f"instance:{name}",
            {
                "name": known.get("Name", ""),
                "state": state,
                "check": _worst(check) if check and state == "running" else "",
                "type": one["InstanceType"],
                "zone": one["Placement"]["AvailabilityZone"],
                "subnet": one.get("SubnetId", ""),
                "private": one.get("PrivateIpAddress", ""),
                "public": one.get("PublicIpAddress", ""),
                "groups": sorted(group["GroupId"] for group in one.get("SecurityGroups") or ()),
                "scaling": group[0],
                "lifecycle": group[1],
                "loads": known.get(LOAD_TAG, ""),
                "cpu": round(busy) if busy is not None else None,
            },
        )


def _worst(check: Answer) -> str:
    found = {check["SystemStatus"]["Status"], check["InstanceStatus"]["Status"]}
    return next((word for word in ("impaired", "insufficient-data", "initializing") if word in found), "ok")


def _balancers(seen: Seen) -> Iterator[tuple[str, Fact]]:
    for one in _of(seen, "balancers"):
        yield (
            f"balancer:{one['LoadBalancerArn']}",
            {
                "name": one["LoadBalancerName"],
                "type": one["Type"],
                "scheme": one.get("Scheme", ""),
                "state": one["State"]["Code"],
                "dns": one.get("DNSName", ""),
                "vpc": one["VpcId"],
                "zones": sorted(zone["ZoneName"] for zone in one.get("AvailabilityZones") or ()),
                "subnets": sorted(zone["SubnetId"] for zone in one.get("AvailabilityZones") or ()),
                "groups": sorted(one.get("SecurityGroups") or ()),
            },
        )


def _target_groups(seen: Seen) -> Iterator[tuple[str, Fact]]:
    health = seen.get("health") or {}
    for one in _of(seen, "target_groups"):
        arn = one["TargetGroupArn"]
        found = {
            target["Target"]["Id"]: [target["TargetHealth"]["State"], target["TargetHealth"].get("Reason", "")]
            for target in health.get(arn) or ()
        }
        yield (
            f"targets:{arn}",
            {
                "name": one["TargetGroupName"],
                "port": one.get("Port"),
                "protocol": one.get("Protocol", ""),
                "balancers": sorted(one.get("LoadBalancerArns") or ()),
                "health": found,
            },
        )


def _groups(seen: Seen) -> Iterator[tuple[str, Fact]]:
    rules: dict[str, list[Fact]] = {}
    for one in _of(seen, "rules"):
        if not one["IsEgress"]:
            rules.setdefault(one["GroupId"], []).append(rule(one))
    for one in _of(seen, "groups"):
        yield (
            f"group:{one['GroupId']}",
            {"name": one["GroupName"], "vpc": one["VpcId"], "rules": rules.get(one["GroupId"], [])},
        )


def rule(described: Answer) -> Fact:
    """A rule of a security group, in the words of the map."""
    first, last = described.get("FromPort", -1), described.get("ToPort", -1)
    if described["IpProtocol"] == "-1":
        ports = "all"
    elif first == -1:
        ports = described["IpProtocol"]
    else:
        ports = f"{described['IpProtocol']} {first}" + (f"–{last}" if last != first else "")
    peer = (
        described.get("CidrIpv4")
        or described.get("CidrIpv6")
        or (described.get("ReferencedGroupInfo") or {}).get("GroupId", "")
    )
    return {"id": described["SecurityGroupRuleId"], "ports": ports, "from": peer}


def _scaling(seen: Seen) -> Iterator[tuple[str, Fact]]:
    for one in _of(seen, "scaling"):
        yield (
            f"scaling:{one['AutoScalingGroupName']}",
            {
                "min": one["MinSize"],
                "max": one["MaxSize"],
                "desired": one["DesiredCapacity"],
                "zones": sorted(one.get("AvailabilityZones") or ()),
                "targets": sorted(one.get("TargetGroupARNs") or ()),
                "status": one.get("Status", ""),
            },
        )


def _names(seen: Seen) -> Iterator[tuple[str, Fact]]:
    for zone in _of(seen, "names"):
        for record in zone["Records"]:
            if record["Type"] in ("NS", "SOA"):
                continue
            name = record["Name"].rstrip(".").replace("\\052", "*")
            alias = (record.get("AliasTarget") or {}).get("DNSName", "").rstrip(".")
            yield (
                f"name:{zone['Id']} {name} {record['Type']} {record.get('SetIdentifier', '')}",
                {
                    "name": name,
                    "type": record["Type"],
                    "zone": zone["Id"],
                    "ttl": record.get("TTL"),
                    "set": record.get("SetIdentifier", ""),
                    "alias": alias.removeprefix("dualstack."),
                    "values": [one["Value"] for one in record.get("ResourceRecords") or ()],
                },
            )


def _alarms(seen: Seen) -> Iterator[tuple[str, Fact]]:
    for one in _of(seen, "alarms"):
        yield (
            f"alarm:{one['AlarmName']}",
            {
                "state": one["StateValue"],
                "since": _time(one.get("StateUpdatedTimestamp")),
                "why": one.get("StateReason", ""),
            },
        )


def _experiments(seen: Seen) -> Iterator[tuple[str, Fact]]:
    for one in _of(seen, "experiments"):
        yield (
            f"experiment:{one['id']}",
            {
                "status": one["state"]["status"],
                "reason": one["state"].get("reason", ""),
                "began": _time(one.get("startTime") or one["creationTime"]),
                "ended": _time(one.get("endTime")),
                "actions": sorted(
                    (action["actionId"], (action.get("parameters") or {}).get("availabilityZoneIdentifier", ""))
                    for action in one["actions"].values()
                ),
            },
        )


def _activities(seen: Seen) -> Iterator[tuple[str, Fact]]:
    for one in _of(seen, "activities"):
        yield (
            f"activity:{one['ActivityId']}",
            {
                "at": _time(one["StartTime"]),
                "group": one["AutoScalingGroupName"],
                "says": one.get("Description", ""),
                "why": one.get("Cause", ""),
                "status": one["StatusCode"],
                "message": one.get("StatusMessage", ""),
            },
        )


def _stacks(seen: Seen) -> Iterator[tuple[str, Fact]]:
    resources: Mapping[str, Any] = seen.get("stack_resources") or {}
    for one in _of(seen, "stacks"):
        yield (
            f"stack:{one['StackId']}",
            {
                "name": one["StackName"],
                "status": one["StackStatus"],
                "why": one.get("StackStatusReason", ""),
                "says": one.get("Description", ""),
                "outputs": [[out["OutputKey"], out["OutputValue"]] for out in one.get("Outputs") or ()],
                "resources": [
                    _part(part)
                    for part in resources.get(one["StackId"], ())
                    if part["ResourceStatus"] != "DELETE_COMPLETE"  # told for a while after
                ],
            },
        )
    for one in _of(seen, "stack_events"):
        yield (
            f"event:{one['EventId']}",
            {
                "at": _time(one["Timestamp"]),
                "stack": one["StackName"],
                "thing": one["StackId"],
                "says": f"{one.get('ResourceType', '')} {one.get('LogicalResourceId', '')}".strip(),
                "status": one.get("ResourceStatus", ""),
                "message": one.get("ResourceStatusReason", ""),
            },
        )


def _part(resource: Answer) -> list[str]:
    reason = str(resource.get("ResourceStatusReason", ""))
    return [resource["LogicalResourceId"], resource["ResourceType"], resource["ResourceStatus"], reason]


def _traffic(seen: Seen) -> Iterator[tuple[str, Fact]]:
    traffic: Mapping[str, Any] = seen.get("traffic") or {}
    for arn, zones in traffic.items():
        whole = {name: [[round(at, 1), value] for at, value in points] for name, points in zones.get("", {}).items()}
        latest = {
            zone: {name: [round(points[-1][0], 1), points[-1][1]] for name, points in counted.items() if points}
            for zone, counted in zones.items()
            if zone
        }
        yield f"traffic:{arn}", {"series": whole, "zones": latest}


def _time(moment: Any) -> float | None:
    return moment.timestamp() if moment is not None else None
