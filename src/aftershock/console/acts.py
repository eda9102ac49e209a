"""What one can do to the region by a click, planned from what was seen.  Pure."""

import base64
import json
import re
import shlex
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aftershock.doors.outages import ACTIONS, LONGEST, OVER, ROLE, TAG, TRUST

from . import picture
from .api import Answer
from .commands import Told
from .looks import Seen
from .plans import Impossible, Plan, Step

IMAGE = "resolve:ssm:/aws/service/debian/release/12/latest/amd64"
LOAD_TYPE = "t2.micro"
MOST_PER_S, MOST_MINUTES = 500, 60
NAMED = 4  # so many things are named in a sentence, and the rest counted

Args = Mapping[str, Any]
Act = Callable[[Args, Seen], Plan]


def plan(act: str, args: Args, seen: Seen) -> Plan:
    """What this act would do now.

    Raises:
        Impossible
    """
    planned = ACTS.get(act)
    if planned is None:
        raise Impossible(f"there is no act {act[:40]!r}")
    return planned(args, seen)


def _fail_zone(args: Args, seen: Seen) -> Plan:
    zone, kind = _zone(args, seen), _one_of(args, "kind", ACTIONS)
    if kind in _picture(seen)[f"zone:{zone}"]["out"]:
        raise Impossible(f"{zone} is out already")
    there = [one for one in _instances(seen) if one["Placement"]["AvailabilityZone"] == zone]
    running = [one for one in there if one["State"]["Name"] == "running"]
    role = f"arn:aws:iam::{_account(seen)}:role/{ROLE}"
    action = {"actionId": ACTIONS[kind], "parameters": {"availabilityZoneIdentifier": zone, "duration": LONGEST}}
    template = {
        "clientToken": str(uuid.uuid4()),
        "description": f"console: {kind} of {zone}",
        "actions": {kind: action},
        "stopConditions": [{"source": "none"}],
        "roleArn": role,
        "tags": {TAG: zone},
    }
    effect = (
        f"{zone} loses its power: {_named(running, 'nothing runs there')} die at once, without a word to anybody, "
        "and nothing starts there"
        if kind == "power"
        else f"{zone} is cut off: what is in it ({_named(running, 'no instance')}) goes on, "
        "and nothing passes in or out"
    )
    nodes = [one["LoadBalancerName"] for one in seen.get("balancers") or () if zone in _zones_of(one)]
    if nodes:
        effect += f". Also hit there: {_listed(nodes, 'load balancer')}"
    return Plan(
        f"{effect}. It lasts until you heal the zone.",
        (
            Step(
                "iam",
                "CreateRole",
                {"RoleName": ROLE, "AssumeRolePolicyDocument": json.dumps(TRUST)},
                done_if="EntityAlreadyExists",
            ),
            Step("fis", "CreateExperimentTemplate", template, "TEMPLATE", "experimentTemplate.id"),
            Step(
                "fis",
                "StartExperiment",
                {
                    "clientToken": str(uuid.uuid4()),
                    "experimentTemplateId": Told("TEMPLATE"),
                    "tags": {TAG: zone},
                },
            ),
        ),
        {"act": "heal-zone", "args": {"zone": zone}},
    )


def _heal_zone(args: Args, seen: Seen) -> Plan:
    zone = _zone(args, seen)
    ids = {zone, *(one["ZoneId"] for one in seen.get("zones") or () if one["ZoneName"] == zone)}
    shaking = [one for one in seen.get("experiments") or () if _shakes(one, ids)]
    if not shaking:
        raise Impossible(f"{zone} is not out by any experiment")
    steps = []
    for one in shaking:
        steps.append(Step("fis", "StopExperiment", {"id": one["id"]}))
        if TAG in (one.get("tags") or {}):
            template = {"id": one["experimentTemplateId"]}
            steps.append(Step("fis", "DeleteExperimentTemplate", template, done_if="ResourceNotFoundException"))
    struck = {kind for one in shaking for kind in _kinds(one, ids)}
    effects = [effect for kind, effect in HEALS.items() if kind in struck]
    stop = f"{_listed([one['id'] for one in shaking], 'experiment')} stop{'s' if len(shaking) == 1 else ''}"
    return Plan(f"{stop}: in {zone} {', and '.join(effects)}.", tuple(steps))


HEALS = {
    "power": "there is power again, and the instances start again from their own disks",
    "network": "the network is whole again, and what is there is reached as before",
}


def _shakes(experiment: Answer, zones: Iterable[str]) -> bool:
    return experiment["state"]["status"] not in OVER and bool(_kinds(experiment, zones))


def _kinds(experiment: Answer, zones: Iterable[str]) -> set[str]:
    """What it does to these zones."""
    return {
        picture.OUTAGES[action["actionId"]]
        for action in experiment["actions"].values()
        if action["actionId"] in picture.OUTAGES and action["parameters"]["availabilityZoneIdentifier"] in zones
    }


def _stop_instance(args: Args, seen: Seen) -> Plan:
    one = _instance(args, seen, ("running", "pending"))
    name = one["InstanceId"]
    says = f"{_called(one)} is told to shut down, as by its power button; it keeps its disk and its private address"
    if one.get("PublicIpAddress"):
        says += f"; {one['PublicIpAddress']} is given back unless it is an Elastic IP"
    return Plan(
        f"{says}.{_refill(one, seen)}",
        (Step("ec2", "StopInstances", {"InstanceIds": [name]}),),
        {"act": "start-instance", "args": {"instance": name}},
    )


def _start_instance(args: Args, seen: Seen) -> Plan:
    one = _instance(args, seen, ("stopped",))
    return Plan(
        f"{_called(one)} boots from its own disk.",
        (Step("ec2", "StartInstances", {"InstanceIds": [one["InstanceId"]]}),),
    )


def _reboot_instance(args: Args, seen: Seen) -> Plan:
    one = _instance(args, seen, ("running",))
    return Plan(
        f"{_called(one)} restarts, and keeps its disk and addresses.",
        (Step("ec2", "RebootInstances", {"InstanceIds": [one["InstanceId"]]}),),
    )


def _kill_instance(args: Args, seen: Seen) -> Plan:
    one = _instance(args, seen, ("pending", "running", "stopping", "stopped"))
    says = f"{_called(one)} is terminated, and its root disk goes with it. This cannot be taken back."
    return Plan(
        f"{says}{_refill(one, seen)}", (Step("ec2", "TerminateInstances", {"InstanceIds": [one["InstanceId"]]}),)
    )


def _refill(one: Answer, seen: Seen) -> str:
    for group in seen.get("scaling") or ():
        if any(member["InstanceId"] == one["InstanceId"] for member in group.get("Instances") or ()):
            name, wanted = group["AutoScalingGroupName"], group["DesiredCapacity"]
            return f" Its Auto Scaling group {name} wants {wanted}, and will replace it."
    return ""


def _cut_path(args: Args, seen: Seen) -> Plan:
    rule = next((one for one in seen.get("rules") or () if one["SecurityGroupRuleId"] == args.get("rule")), None)
    if rule is None or rule["IsEgress"]:
        raise Impossible("there is no such rule any more")
    group = rule["GroupId"]
    members = [
        one for one in _instances(seen) if any(held["GroupId"] == group for held in one.get("SecurityGroups") or ())
    ]
    fronts = [one["LoadBalancerName"] for one in seen.get("balancers") or () if group in one.get("SecurityGroups", ())]
    whom = [_named(members, "")] * bool(members) + [_listed(fronts, "load balancer")] * bool(fronts)
    fact = picture.rule(rule)
    effect = f"new packets on that path to {' and '.join(whom)} are dropped in silence" if whom else "nothing is in it"
    return Plan(
        f"{group} no longer lets in {fact['ports']} from {fact['from']}: {effect}.",
        (Step("ec2", "RevokeSecurityGroupIngress", {"GroupId": group, "SecurityGroupRuleIds": [args["rule"]]}),),
        {"act": "mend-path", "args": {"group": group, "permission": permission(rule)}},
    )


def permission(rule: Answer) -> Answer:
    """A rule as AuthorizeSecurityGroupIngress takes it."""
    found: Answer = {"IpProtocol": rule["IpProtocol"]}
    if rule["IpProtocol"] != "-1":
        found |= {"FromPort": rule["FromPort"], "ToPort": rule["ToPort"]}
    described = {"Description": rule["Description"]} if rule.get("Description") else {}
    if rule.get("ReferencedGroupInfo"):
        found["UserIdGroupPairs"] = [{"GroupId": rule["ReferencedGroupInfo"]["GroupId"], **described}]
    elif rule.get("CidrIpv6"):
        found["Ipv6Ranges"] = [{"CidrIpv6": rule["CidrIpv6"], **described}]
    else:
        found["IpRanges"] = [{"CidrIp": rule["CidrIpv4"], **described}]
    return found


def _mend_path(args: Args, seen: Seen) -> Plan:
    group, allowed = str(args.get("group")), args.get("permission")
    if not any(one["GroupId"] == group for one in seen.get("groups") or ()) or not isinstance(allowed, dict):
        raise Impossible(f"there is no security group {group[:40]}")
    asked = {"GroupId": group, "IpPermissions": [allowed]}
    return Plan(f"{group} lets in again what was cut.", (Step("ec2", "AuthorizeSecurityGroupIngress", asked),))


# It becomes part of a script: no character in it means anything there.
TARGET = re.compile(r"http://(?P<host>[a-z0-9.-]+)(:[0-9]{1,5})?/[A-Za-z0-9_./~%-]*")
LOAD = """#!/bin/sh
# Asks for {url}, {rate} times a second, for {minutes} minutes; then this machine ends itself,
# and so it does when its power fails meanwhile and comes back.
echo $(($(date +%s) + {seconds})) >/root/load.end
cat >/root/load.py <<'END'
import http.client, threading, time, urllib.parse
url, rate, end = urllib.parse.urlsplit({url!r}), {rate}, float(open("/root/load.end").read())
threads = max(4, min(64, rate // 4))
def ask(number):
    due = time.time() + number / rate
    while due < end:
        time.sleep(max(0.0, due - time.time()))
        due = max(due + threads / rate, time.time() - 1)
        try:
            connection = http.client.HTTPConnection(url.hostname, url.port or 80, timeout=5)
            connection.request("GET", url.path or "/", headers={{"Connection": "close"}})
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
workers = [threading.Thread(target=ask, args=(number,)) for number in range(threads)]
[worker.start() for worker in workers]
[worker.join() for worker in workers]
END
cat >/etc/systemd/system/load.service <<'END'
[Service]
ExecStart=/bin/sh -c 'python3 /root/load.py; systemctl poweroff'
[Install]
WantedBy=multi-user.target
END
systemctl enable --now load
"""


def _start_load(args: Args, seen: Seen) -> Plan:
    url = str(args.get("url", ""))
    target = TARGET.fullmatch(url)
    known = {str(one.get("DNSName")) for one in seen.get("balancers") or ()} | _record_names(seen) | _addresses(seen)
    if target is None or target["host"] not in known:
        raise Impossible("a load is sent to a load balancer, a name or a public address of this region only")
    rate, minutes = _number(args, "rate", MOST_PER_S), _number(args, "minutes", MOST_MINUTES)
    subnet = _public_subnet(seen)
    script = LOAD.format(url=url, rate=rate, minutes=minutes, seconds=minutes * 60)
    tag = [{"Key": "Name", "Value": f"load {rate}/s"}, {"Key": picture.LOAD_TAG, "Value": url}]
    asked = {
        "ClientToken": str(uuid.uuid4()),  # so that a call that is repeated launches one machine
        "ImageId": IMAGE,
        "InstanceType": LOAD_TYPE,
        "MinCount": 1,
        "MaxCount": 1,
        "SubnetId": subnet,
        "InstanceInitiatedShutdownBehavior": "terminate",
        "UserData": base64.b64encode(script.encode()).decode(),
        "TagSpecifications": [{"ResourceType": "instance", "Tags": tag}],
    }
    return Plan(
        f"A {LOAD_TYPE} is launched that asks for {shlex.quote(url)} {rate} times a second for {minutes} minutes, "
        "and then terminates itself. It is billed like any other.",
        (Step("ec2", "RunInstances", asked),),
    )


def _resize(args: Args, seen: Seen) -> Plan:
    name = str(args.get("group"))
    found = next((one for one in seen.get("scaling") or () if one["AutoScalingGroupName"] == name), None)
    if found is None:
        raise Impossible(f"there is no Auto Scaling group {name[:80]}")
    wanted = args.get("desired")
    least, most = found["MinSize"], found["MaxSize"]
    if not isinstance(wanted, int) or not least <= wanted <= most:
        raise Impossible(f"{name} may have {least} to {most} instances")
    asked = {"AutoScalingGroupName": name, "DesiredCapacity": wanted}
    change = wanted - len(found.get("Instances") or ())
    effect = f"launches {change}" if change > 0 else f"terminates {-change}" if change < 0 else "launches none"
    return Plan(
        f"{name} wants {wanted} instances instead of {found['DesiredCapacity']}: it {effect}.",
        (Step("autoscaling", "SetDesiredCapacity", asked),),
        {"act": "resize", "args": {"group": name, "desired": found["DesiredCapacity"]}},
    )


def _delete_stack(args: Args, seen: Seen) -> Plan:
    name = args.get("stack")
    found = next((one for one in seen.get("stacks") or () if name in (one["StackName"], one["StackId"])), None)
    if found is None:
        raise Impossible("there is no such stack")
    there = [
        f"{one['LogicalResourceId']} ({one['ResourceType']})"
        for one in (seen.get("stack_resources") or {}).get(found["StackId"], ())
        if one["ResourceStatus"] != "DELETE_COMPLETE"
    ]
    return Plan(
        f"The stack {found['StackName']} and its {len(there)} resources are deleted, in the order in which they depend "
        "on one another; what its template retains stays.",
        (Step("cloudformation", "DeleteStack", {"StackName": found["StackName"]}),),
        details=tuple(there),
    )


ACTS: Mapping[str, Act] = {
    "fail-zone": _fail_zone,
    "heal-zone": _heal_zone,
    "stop-instance": _stop_instance,
    "start-instance": _start_instance,
    "reboot-instance": _reboot_instance,
    "kill-instance": _kill_instance,
    "cut-path": _cut_path,
    "mend-path": _mend_path,
    "start-load": _start_load,
    "resize": _resize,
    "delete-stack": _delete_stack,
}


def _picture(seen: Seen) -> picture.Picture:
    return picture.draw(seen)


def _instances(seen: Seen) -> list[Answer]:
    return [one for one in seen.get("instances") or () if one["State"]["Name"] != "terminated"]


def _instance(args: Args, seen: Seen, states: tuple[str, ...]) -> Answer:
    one = next((one for one in _instances(seen) if one["InstanceId"] == args.get("instance")), None)
    if one is None:
        raise Impossible("there is no such instance any more")
    if one["State"]["Name"] not in states:
        raise Impossible(f"{one['InstanceId']} is {one['State']['Name']}")
    return one


def _zone(args: Args, seen: Seen) -> str:
    known = [str(one["ZoneName"]) for one in seen.get("zones") or ()]
    if args.get("zone") not in known:
        raise Impossible(f"the region has the zones {', '.join(known)}")
    return str(args["zone"])


def _one_of(args: Args, name: str, known: Mapping[str, str]) -> str:
    if str(args.get(name)) not in known:
        raise Impossible(f"{name} is one of {', '.join(known)}")
    return str(args[name])


def _number(args: Args, name: str, most: int) -> int:
    value = args.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise Impossible(f"{name} is a whole number from 1 to {most}")
    return value


def _account(seen: Seen) -> str:
    owners = [
        str(one["OwnerId"]) for one in (*(seen.get("vpcs") or ()), *(seen.get("groups") or ())) if "OwnerId" in one
    ]
    if not owners:
        raise Impossible("the account is not known yet")
    return owners[0]


def _zones_of(balancer: Answer) -> list[str]:
    return [zone["ZoneName"] for zone in balancer.get("AvailabilityZones") or ()]


def _record_names(seen: Seen) -> set[str]:
    return {str(record["Name"]).rstrip(".") for zone in seen.get("names") or () for record in zone["Records"]}


def _addresses(seen: Seen) -> set[str]:
    return {str(one["PublicIpAddress"]) for one in _instances(seen) if one.get("PublicIpAddress")}


def _public_subnet(seen: Seen) -> str:
    """One in a zone that is well: where the load comes from, too, may be shaken."""
    drawn = _picture(seen)
    well = {key.partition(":")[2] for key, zone in drawn.items() if key.startswith("zone:") and not zone["out"]}
    giving = {one["SubnetId"] for one in seen.get("subnets") or () if one.get("MapPublicIpOnLaunch")}
    for key, fact in drawn.items():
        name = key.partition(":")[2]
        if key.startswith("subnet:") and fact["public"] and fact["zone"] in well and name in giving:
            return name
    raise Impossible("there is no public subnet, in a zone that is well, to launch the load's machine in")


def _called(one: Answer) -> str:
    name = picture.tags(one).get("Name")
    return f"{name} ({one['InstanceId']})" if name else str(one["InstanceId"])


def _named(instances: list[Answer], nothing: str) -> str:
    return _listed([_called(one) for one in instances], "instance") if instances else nothing


def _listed(names: list[str], word: str) -> str:
    shown = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
    return f"{len(names)} {word}{'s' if len(names) != 1 else ''} ({shown})"
