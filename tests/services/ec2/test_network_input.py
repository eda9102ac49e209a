"""Whatever the model allows as input is answered or refused: no operation falls over it."""

import inspect
import random
from collections.abc import Sequence
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ListShape, ServiceModel, Shape, StructureShape

from aftershock.aws.errors import AwsError
from aftershock.services.ec2.operations import network
from aftershock.services.ec2.records.route_table import ROUTE_TABLES
from aftershock.services.ec2.records.security_group import SECURITY_GROUPS
from tests.services.ec2.net_account import NetworkAccount

MODEL = ServiceModel(Loader().load_service_model("ec2", "service-2"), "ec2")
OPERATIONS = network.OPERATIONS
CALLS = 300
TEXTS = (
    "",
    " ",
    "x",
    "é\u2028\U0001f600",
    "sg-",
    "-1",
    "tcp",
    "icmp",
    "10.0.0.0/16",
    "10.0.0.0/24",
    "10.0.0.0/-1",
    "10.0.0.0/33",
    "::/0",
    "::ffff:0:0/96",
    "fe80::1%eth0/64",
    "0.0.0.0/0",
    "172.31.0.9",
    "us-east-1a",
    "use1-az1",
    "default",
    "vpc",
    "a" * 300,
    "\x00",
    "*?[\\",
    "tag:Name",
    "vpc-id",
    "MQ==",
)
FITTING = {  # what a member of that name, or a list of it, often is
    "AllocationId": "eipalloc-",
    "AssociationId": "rtbassoc-",
    "GatewayId": "igw-",
    "GroupId": "sg-",
    "Group": "sg-",
    "SecurityGroupId": "sg-",
    "InstanceId": "i-",
    "InternetGatewayId": "igw-",
    "KeyPairId": "key-",
    "NetworkInterfaceId": "eni-",
    "ReferencedGroupId": "sg-",
    "RouteTableId": "rtb-",
    "SecurityGroupRuleId": "sgr-",
    "SubnetId": "subnet-",
    "VpcId": "vpc-",
    "CidrBlock": ("10.0.0.0/16", "172.31.48.0/20", "172.31.0.0/28"),
    "CidrIp": ("0.0.0.0/0", "10.0.0.1/8"),
    "CidrIpv4": ("0.0.0.0/0", "10.0.0.1/8"),
    "CidrIpv6": ("::/0",),
    "DestinationCidrBlock": ("0.0.0.0/0", "10.0.0.1/8"),
    "IpProtocol": ("tcp", "17", "icmp", "-1", "50"),
    "KeyName": ("mine", "yours"),
}
RARE = {"PrefixListIds", "VpcPeeringConnectionId", "PeeringStatus", "UserId", "Ipv6Addresses", "PrivateIpAddresses"}
NUMBERS = (-(2**31), -2, -1, 0, 1, 5, 8, 22, 255, 256, 1000, 65535, 65536, 2**31 - 1)


class Inputs:
    """Inputs of the model's shapes, half of whose texts are ids of what there is."""

    def __init__(self, seed: str, account: NetworkAccount) -> None:
        self._random = random.Random(seed)
        with account.store.snapshot() as tx:
            keys = [key for table in account.store.tables.values() for key in table.keys(tx)]
            keys += [rule.id for group in SECURITY_GROUPS.every(tx) for rule in group.rules]
            keys += [one.id for table in ROUTE_TABLES.every(tx) for one in table.associations]
        keys.append("i-0123456789abcdef0")
        self._ids = sorted(keys) + [f"{key.rpartition('-')[0]}-0123456789abcdef0" for key in sorted(keys)]

    def of(self, shape: Shape | None, depth: int = 0, name: str = "") -> Any:
        match shape:
            case StructureShape():
                chance = 0.5 if depth else 0.6
                return {
                    inner: self.of(member, depth + 1, inner)
                    for inner, member in shape.members.items()
                    if inner in shape.required_members or self._is_there(inner, chance / (1 + depth / 2))
                }
            case ListShape():
                many = self._random.choice((0, 1, 1, 2))
                return [self.of(shape.member, depth + 1, name.removesuffix("s")) for _ in range(many)]
        assert shape is not None
        if enum := shape.metadata.get("enum"):
            return self._random.choice(enum)
        match shape.type_name:
            case "string":
                return self._random.choice(self._texts(name))
            case "integer" | "long":
                low, high = shape.metadata.get("min", NUMBERS[0]), shape.metadata.get("max", NUMBERS[-1])
                return min(max(self._random.choice(NUMBERS), low), high)
            case "boolean":
                return self._random.random() < 0.5
            case "blob":
                return self._random.choice(TEXTS).encode()
        raise AssertionError(shape.type_name)

    def _is_there(self, name: str, chance: float) -> bool:
        return name != "DryRun" and self._random.random() < (chance / 5 if name in RARE else chance)

    def _texts(self, name: str) -> Sequence[str]:
        fitting = FITTING.get(name)
        if fitting is None or self._random.random() < 0.15:
            return self._ids if self._random.random() < 0.5 else TEXTS
        return [one for one in self._ids if one.startswith(fitting)] if isinstance(fitting, str) else fitting


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_any_input_is_answered_or_refused(account: NetworkAccount, name: str) -> None:
    account.call("AllocateAddress")
    account.call("CreateKeyPair", KeyName="mine", KeyType="ed25519")
    account.eni()
    account.instance_eni()
    inputs = Inputs(name, account)
    shape = MODEL.operation_model(name).input_shape
    for number in range(CALLS):
        params = inputs.of(shape)
        if number % 10:  # mostly what gets past the first refusal
            params = {key: value for key, value in params.items() if key in _honoured(name)}
        if name == "CreateKeyPair":
            params["KeyType"] = "ed25519"  # which is made at once
        try:
            account.call(name, **params)
        except AwsError as refused:
            assert refused.code
            assert refused.message


def _honoured(name: str) -> set[str]:
    shape = MODEL.operation_model(name).input_shape
    said = inspect.getclosurevars(OPERATIONS[name]).nonlocals
    tops = {path.partition(".")[0] for path in said.get("honoured", ())}
    return tops | set(shape.required_members if shape else ())
