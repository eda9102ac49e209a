"""DHCP option sets: each says what is true of every VPC here, the region's resolver and its domain."""

from collections.abc import Mapping

from msgspec.structs import replace

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.ec2.records.kinds import DHCP_OPTIONS_SET, VPC
from aftershock.services.ec2.records.vpc import DHCP_OPTIONS, VPCS, DhcpOptions
from aftershock.services.ec2.rules import tags
from aftershock.services.ec2.rules.names import internal_domain
from aftershock.services.ec2.rules.parameters import honours

from .describing import Path, describe

NONE = "default"  # AWS: "The ID of the DHCP options set, or default to associate no DHCP options with the VPC"
RESOLVER = "AmazonProvidedDNS"


@honours("DhcpConfigurations", "TagSpecifications")
def create_dhcp_options(call: Call, params: Params) -> Result:
    """What it says has to be so: there is one resolver, and one domain that machines look names up in.

    Raises:
        AwsError: UnsupportedOperation, naming the option.
    """
    true = {"domain-name": [internal_domain(call.region)], "domain-name-servers": [RESOLVER]}
    asked = {one.get("Key", ""): one.get("Values") or [] for one in params["DhcpConfigurations"]}
    for key in asked:
        if key not in true:
            raise AwsError("UnsupportedOperation", f"The DHCP option {key} is not supported in this region.")
    for key, values in true.items():
        if asked.get(key) != values:
            raise AwsError(
                "UnsupportedOperation",
                f"The value ({', '.join(asked.get(key, []))}) for the DHCP option {key} is not supported in this "
                f"region. The only supported value is ({values[0]}).",
            )
    options = DhcpOptions(
        id=call.new_id("dopt"),
        account=call.account,
        region=call.region,
        tags=tags.specified(params.get("TagSpecifications"), "dhcp-options", by=call.principal)["dhcp-options"],
        domain_name=internal_domain(call.region),
        made=True,
    )
    DHCP_OPTIONS.put(call.tx, options)
    return {"DhcpOptions": _view(options)}


@honours("DhcpOptionsId")
def delete_dhcp_options(call: Call, params: Params) -> Result:
    options = DHCP_OPTIONS_SET.require(call.tx, call.account, params["DhcpOptionsId"])
    if any(vpc.dhcp_options_id == options.id for vpc in VPC.every(call.tx, call.account)):
        raise AwsError("DependencyViolation", f"The dhcpOptions '{options.id}' has dependencies and cannot be deleted.")
    DHCP_OPTIONS.forget(call.tx, options.id)
    return {}


@honours("DhcpOptionsId", "VpcId")
def associate_dhcp_options(call: Call, params: Params) -> Result:
    """Changes nothing but what the VPC is said to have, since all sets say the same."""
    vpc = VPC.require(call.tx, call.account, params["VpcId"])
    wanted = params["DhcpOptionsId"]
    if wanted != NONE:
        DHCP_OPTIONS_SET.require(call.tx, call.account, wanted)
    VPCS.put(call.tx, replace(vpc, dhcp_options_id=wanted))
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
            {"Key": "domain-name-servers", "Values": [{"Value": RESOLVER}]},
        ],
        "Tags": tags.view(options.tags),
    }


OPERATIONS: dict[str, Operation] = {
    "AssociateDhcpOptions": associate_dhcp_options,
    "CreateDhcpOptions": create_dhcp_options,
    "DeleteDhcpOptions": delete_dhcp_options,
    "DescribeDhcpOptions": describe_dhcp_options,
}
