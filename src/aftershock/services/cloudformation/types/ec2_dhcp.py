"""AWS::EC2, DHCP option sets, and which VPC has which."""

from aftershock.services.cloudformation.rules.schema import STRING, STRINGS, TAGS, changing, fixed

from .ec2_network import retag, tagged
from .model import Doing, ResourceType, Seen, found, unless_gone

NOT_THERE = "InvalidDhcpOptionID.NotFound"
_NAMES = {"DomainName": "domain-name", "DomainNameServers": "domain-name-servers"}


def _create(doing: Doing) -> str:
    given = [(key, doing.properties[name]) for name, key in _NAMES.items() if name in doing.properties]
    asked = [{"Key": key, "Values": value if isinstance(value, list) else [value]} for key, value in given]
    answer = doing.ask("ec2", "CreateDhcpOptions", DhcpConfigurations=asked, **tagged(doing, "dhcp-options"))
    return str(answer["DhcpOptions"]["DhcpOptionsId"])


def _read(doing: Doing, options_id: str) -> Seen | None:
    answer = found(lambda: doing.ask("ec2", "DescribeDhcpOptions", DhcpOptionsIds=[options_id]), NOT_THERE)
    return Seen({"DhcpOptionsId": options_id}) if answer else None


def _delete(doing: Doing, options_id: str) -> None:
    unless_gone(lambda: doing.ask("ec2", "DeleteDhcpOptions", DhcpOptionsId=options_id), NOT_THERE)


DHCP_OPTIONS = ResourceType(
    name="AWS::EC2::DHCPOptions",
    properties={"DomainName": fixed(STRING), "DomainNameServers": fixed(STRINGS), "Tags": changing(TAGS)},
    create=_create,
    read=_read,
    update=retag,
    delete=_delete,
    attributes=("DhcpOptionsId",),
    tags="list",
)


def _create_association(doing: Doing) -> str:
    asked = doing.given("DhcpOptionsId", "VpcId")
    doing.ask("ec2", "AssociateDhcpOptions", **asked)
    return f"{asked['DhcpOptionsId']}|{asked['VpcId']}"


def _read_association(doing: Doing, physical_id: str) -> Seen | None:
    options_id, _, vpc_id = physical_id.partition("|")
    answer = found(lambda: doing.ask("ec2", "DescribeVpcs", VpcIds=[vpc_id]), "InvalidVpcID.NotFound")
    return Seen({}) if answer and answer["Vpcs"][0]["DhcpOptionsId"] == options_id else None


def _delete_association(doing: Doing, physical_id: str) -> None:
    """The VPC is left without a set, unless it has another one by now, as after a replacement."""
    if _read_association(doing, physical_id):
        vpc_id = physical_id.partition("|")[2]
        doing.ask("ec2", "AssociateDhcpOptions", DhcpOptionsId="default", VpcId=vpc_id)


VPC_ASSOCIATION = ResourceType(
    name="AWS::EC2::VPCDHCPOptionsAssociation",
    properties={"DhcpOptionsId": fixed(STRING, required=True), "VpcId": fixed(STRING, required=True)},
    create=_create_association,
    read=_read_association,
    delete=_delete_association,
)

TYPES = (DHCP_OPTIONS, VPC_ASSOCIATION)
