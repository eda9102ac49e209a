"""An account with a VPC of two zones and some instances, to call operations of; and rules' records made short."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aftershock.aws.call import Tx
from aftershock.aws.errors import AwsError
from aftershock.services.ec2.lookups import InstanceSeen, SubnetSeen, VpcSeen
from aftershock.services.elbv2.operations import operations
from aftershock.services.elbv2.outside import Interface, Outside
from aftershock.services.elbv2.records.load_balancer import LOAD_BALANCERS, LoadBalancer, ZonePlace
from aftershock.services.elbv2.records.tables import TABLES
from aftershock.services.elbv2.records.target_group import TARGETS, HealthCheck, Target, TargetGroup, target_key
from tests.services.modelled import Modelled

ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/11111111-2222-3333-4444-555555555555"
OTHER_CERTIFICATE = CERTIFICATE.replace("11111111", "99999999")


@dataclass(frozen=True, slots=True)
class Pem:
    pem: str


@dataclass(frozen=True, slots=True)
class Elastic:
    public_ip: str
    used: bool = False


class NoInterfaces:
    """Operations make no interfaces."""

    def __init__(self, elastic_ips: dict[str, Elastic], used_private_ips: set[str]) -> None:
        self._elastic_ips, self._used_private_ips = elastic_ips, used_private_ips

    def create(self, tx: Tx, **_: Any) -> Interface:
        raise AssertionError

    def get(self, tx: Tx, interface_id: str) -> Interface | None:
        raise AssertionError

    def set_groups(self, tx: Tx, interface_id: str, group_ids: tuple[str, ...]) -> None:
        raise AssertionError

    def delete(self, tx: Tx, interface_id: str) -> None:
        raise AssertionError

    def elastic_ip(self, tx: Tx, account: str, allocation_id: str) -> Elastic | None:
        return self._elastic_ips.get(allocation_id)

    def check_private_ip(self, tx: Tx, subnet_id: str, private_ip: str) -> None:
        if private_ip in self._used_private_ips:
            raise AwsError("InvalidIPAddress.InUse", f"Address {private_ip} is in use.")


class Surroundings:
    """What the rest of the region says; tests change it."""

    def __init__(self) -> None:
        self.subnets = {
            f"subnet-{letter}": SubnetSeen(f"subnet-{letter}", "vpc-1", zone, f"10.0.{number}.0/24", 200)
            for number, (letter, zone) in enumerate(zip("abc", ZONES, strict=True))
        }
        self.subnets["subnet-a2"] = SubnetSeen("subnet-a2", "vpc-1", ZONES[0], "10.0.9.0/24", 200)
        self.subnets["subnet-tiny"] = SubnetSeen("subnet-tiny", "vpc-1", ZONES[1], "10.0.10.0/27", 7)
        self.subnets["subnet-other"] = SubnetSeen("subnet-other", "vpc-2", ZONES[1], "10.1.0.0/24", 200)
        own = {subnet.cidr: subnet.zone for subnet in self.subnets.values() if subnet.vpc_id == "vpc-1"}
        self.vpcs = {
            "vpc-1": VpcSeen("vpc-1", ("10.0.0.0/16",), "sg-default", has_internet_gateway=True, subnets=own),
            "vpc-2": VpcSeen("vpc-2", ("10.1.0.0/16",), "sg-default-2", has_internet_gateway=False, subnets={}),
        }
        self.instances = {
            f"i-{number}": InstanceSeen(
                f"i-{number}", "vpc-1", ZONES[number % 2], f"10.0.{number % 2}.{number}", "running"
            )
            for number in range(1, 5)
        }
        self.instances["i-stopped"] = replace(self.instances["i-1"], id="i-stopped", state="stopped")
        self.instances["i-other"] = replace(self.instances["i-1"], id="i-other", vpc_id="vpc-2")
        self.groups = {"sg-default": "vpc-1", "sg-web": "vpc-1", "sg-other": "vpc-2"}
        self.elastic_ips = {f"eipalloc-{number}": Elastic(f"198.18.1.{number}") for number in range(1, 5)}
        self.elastic_ips["eipalloc-used"] = Elastic("198.18.1.9", used=True)
        self.used_private_ips = {"10.0.0.9"}
        self.certificates = {CERTIFICATE: Pem("one"), OTHER_CERTIFICATE: Pem("another")}

    def outside(self) -> Outside:
        return Outside(
            subnet=lambda tx, account, one: self.subnets.get(one),
            vpc=lambda tx, account, one: self.vpcs.get(one),
            instance=lambda tx, account, one: self.instances.get(one),
            security_group_vpc=lambda tx, account, one: self.groups.get(one),
            zones=lambda: ZONES,
            certificate=lambda tx, account, one: self.certificates.get(one),
            interfaces=NoInterfaces(self.elastic_ips, self.used_private_ips),
        )


class Balancing(Modelled):
    def __init__(self, path: Path) -> None:
        self.around = Surroundings()
        super().__init__(path, "elbv2", operations(self.around.outside()), list(TABLES))

    def balancer(self, name: str = "web", **params: Any) -> str:
        """The ARN of a new load balancer."""
        asked = {"Name": name, "Subnets": ["subnet-a", "subnet-b"], **params}
        return str(self.call("CreateLoadBalancer", **asked)["LoadBalancers"][0]["LoadBalancerArn"])

    def group(self, name: str = "web", **params: Any) -> str:
        asked = {"Name": name, "Protocol": "HTTP", "Port": 80, "VpcId": "vpc-1", **params}
        return str(self.call("CreateTargetGroup", **asked)["TargetGroups"][0]["TargetGroupArn"])

    def listener(self, balancer: str, group: str | None = None, **params: Any) -> str:
        actions = [forward(group)] if group else [fixed()]
        asked = {
            "LoadBalancerArn": balancer,
            "Protocol": "HTTP",
            "Port": 80,
            "DefaultActions": actions,
            **params,
        }
        return str(self.call("CreateListener", **asked)["Listeners"][0]["ListenerArn"])

    def rule(self, listener: str, priority: int, *actions: dict[str, Any], path: str = "/x") -> str:
        asked = {"Priority": priority, "Conditions": [of_path(path)], "Actions": list(actions) or [fixed()]}
        return str(self.call("CreateRule", ListenerArn=listener, **asked)["Rules"][0]["RuleArn"])

    def described(self, balancer: str) -> dict[str, Any]:
        found: dict[str, Any] = self.call("DescribeLoadBalancers", LoadBalancerArns=[balancer])["LoadBalancers"][0]
        return found

    def generation(self, balancer: str) -> int:
        with self.store.snapshot() as tx:
            found = LOAD_BALANCERS.get(tx, balancer)
        assert found
        return found.generation

    def target(self, group: str, target_id: str, port: int) -> Target | None:
        with self.store.snapshot() as tx:
            return TARGETS.get(tx, target_key(group, target_id, port))

    def attributes(self, kind: str, **arn: str) -> dict[str, str]:
        told = self.call(f"Describe{kind}Attributes", **arn)["Attributes"]
        return {one["Key"]: one["Value"] for one in told}


def forward(*groups: str, **config: Any) -> dict[str, Any]:
    if len(groups) == 1 and not config:
        return {"Type": "forward", "TargetGroupArn": groups[0]}
    tuples = [{"TargetGroupArn": group, "Weight": 1} for group in groups]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": tuples, **config}}


def fixed(**config: Any) -> dict[str, Any]:
    return {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404", **config}}


def redirect(**config: Any) -> dict[str, Any]:
    return {"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301", **config}}


def of_path(*values: str) -> dict[str, Any]:
    return {"Field": "path-pattern", "Values": list(values)}


# --- records -----------------------------------------------------------------------------------------------------


def a_balancer(**fields: Any) -> LoadBalancer:
    return LoadBalancer(
        **{
            "arn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/web/0123456789abcdef",
            "account": "123456789012",
            "region": "us-east-1",
            "id": "0123456789abcdef",
            "name": "web",
            "kind": "application",
            "scheme": "internet-facing",
            "vpc_id": "vpc-1",
            "zones": tuple(ZonePlace(zone=zone, subnet_id=f"subnet-{zone[-1]}") for zone in ZONES[:2]),
            "dns_name": "web-1.us-east-1.elb.amazonaws.com",
            "key": "ab" * 16,
            "created_at": NOW,
            **fields,
        }
    )


def a_group(name: str = "web", **fields: Any) -> TargetGroup:
    protocol = fields.get("protocol", "HTTP")
    http = protocol != "TCP"
    check = HealthCheck(protocol=protocol, path="/" if http else None, matcher="200" if http else None)
    return TargetGroup(
        **{
            "arn": f"arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/{name}/0123456789abcdef",
            "account": "123456789012",
            "id": "0123456789abcdef",
            "name": name,
            "target_type": "instance",
            "protocol": protocol,
            "port": 80,
            "vpc_id": "vpc-1",
            "check": check,
            "created_at": NOW,
            **fields,
        }
    )


def a_target(group: TargetGroup, target_id: str = "i-1", port: int = 80, **fields: Any) -> Target:
    return Target(group=group.arn, id=target_id, port=port, registered_at=NOW, **fields)
