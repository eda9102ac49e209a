"""DHCP option sets: the default one, with the region's resolver and domain, is the only one there is."""

from collections.abc import Mapping

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.ec2.records.kinds import DHCP_OPTIONS_SET, VPC
from aftershock.services.ec2.records.vpc import DhcpOptions
from aftershock.services.ec2.rules import tags
from aftershock.services.ec2.rules.parameters import honours

from .describing import Path, describe


@honours("DhcpOptionsId", "VpcId")
def associate_dhcp_options(call: Call, params: Params) -> Result:
    """To the set that the VPC has already, which is the only one."""
    vpc = VPC.require(call.tx, call.account, params["VpcId"])
    wanted = params["DhcpOptionsId"]
    if wanted == "default":
        raise AwsError(
            "UnsupportedOperation",
            f"A VPC without DHCP options is not supported in this region; {vpc.id} has {vpc.dhcp_options_id}.",
        )
    DHCP_OPTIONS_SET.require(call.tx, call.account, wanted)
    return {}


FILTERS: Mapping[str, Path] = {
    "dhcp-options-id": ("DhcpOptionsId",),
    "key": ("DhcpConfigurations", "Key"),
    "owner-id": ("OwnerId",),
    "value": ("DhcpConfigurations", "Values", "Value"),
}


@honours("DhcpOptionsIds", "Filters", "MaxResults", "NextToken")
def describe_dhcp_options(call: Call, params: Params) -> Result:
    return describe(
        call,
        params,
        DHCP_OPTIONS_SET,
        ids="DhcpOptionsIds",
        answer="DhcpOptions",
        filters=FILTERS,
        view=_view,
    )


def _view(options: DhcpOptions) -> Result:
    return {
        "DhcpOptionsId": options.id,
        "OwnerId": options.account,
        "DhcpConfigurations": [
            {"Key": "domain-name", "Values": [{"Value": options.domain_name}]},
            {"Key": "domain-name-servers", "Values": [{"Value": "AmazonProvidedDNS"}]},
        ],
        "Tags": tags.view(options.tags),
    }


OPERATIONS: dict[str, Operation] = {
    "AssociateDhcpOptions": associate_dhcp_options,
    "DescribeDhcpOptions": describe_dhcp_options,
}
