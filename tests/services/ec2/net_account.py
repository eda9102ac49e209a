"""An account with EC2's network side: its default VPC, and the few steps that many tests begin with."""

from pathlib import Path
from typing import Any

from aftershock.aws.call import Tx
from aftershock.services.ec2 import bootstrap
from aftershock.services.ec2.operations import network, refused, wiring
from aftershock.services.ec2.records.network_interface import NETWORK_INTERFACES, NetworkInterface
from aftershock.services.ec2.records.subnet import SUBNETS
from aftershock.services.ec2.records.tables import TABLES
from tests.services.modelled import Modelled


class NetworkAccount(Modelled):
    def __init__(self, path: Path) -> None:
        super().__init__(path, "ec2", network.OPERATIONS | refused.OPERATIONS, list(TABLES))
        with self.store.transaction() as tx:
            self.default_vpc = bootstrap.default_vpc(self.context(tx))

    def vpc(self, cidr: str = "10.0.0.0/16") -> str:
        return str(self.call("CreateVpc", CidrBlock=cidr)["Vpc"]["VpcId"])

    def subnet(self, vpc_id: str, cidr: str = "10.0.1.0/24", **params: Any) -> str:
        return str(self.call("CreateSubnet", VpcId=vpc_id, CidrBlock=cidr, **params)["Subnet"]["SubnetId"])

    def default_subnet(self) -> str:
        subnets = self.call("DescribeSubnets", Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
        return str(subnets[0]["SubnetId"])

    def group(self, name: str = "web", vpc_id: str | None = None) -> str:
        vpc = {"VpcId": vpc_id} if vpc_id else {}
        return str(self.call("CreateSecurityGroup", GroupName=name, Description="made by a test", **vpc)["GroupId"])

    def eni(self, subnet_id: str | None = None, **params: Any) -> str:
        made = self.call("CreateNetworkInterface", SubnetId=subnet_id or self.default_subnet(), **params)
        return str(made["NetworkInterface"]["NetworkInterfaceId"])

    def instance_eni(self, instance_id: str = "i-0123456789abcdef0", **params: Any) -> NetworkInterface:
        """The primary interface of an instance that was just launched."""
        with self.store.transaction() as tx:
            call = self.context(tx)
            subnet = SUBNETS.get(tx, self.default_subnet_in(tx))
            assert subnet is not None
            made = wiring.create(call, subnet=subnet, group_ids=(), instance_id=instance_id, **params)
            return wiring.plug(call, made)

    def default_subnet_in(self, tx: Tx) -> str:
        return next(subnet.id for subnet in SUBNETS.every(tx) if subnet.default_for_az)

    def record(self, eni_id: str) -> NetworkInterface:
        with self.store.snapshot() as tx:
            return self.record_in(tx, eni_id)

    def record_in(self, tx: Tx, eni_id: str) -> NetworkInterface:
        found = NETWORK_INTERFACES.get(tx, eni_id)
        assert found is not None
        return found
