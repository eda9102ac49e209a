"""What holds for the account as a whole."""

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.ec2.records.vpc import default_vpc
from aftershock.services.ec2.rules.parameters import honours

from .addresses import MAX_ADDRESSES
from .wiring import MAX_GROUPS

MAX_INSTANCES = 20  # what AWS still answers here; instances are really limited by the machine's capacity


@honours("AttributeNames")
def describe_account_attributes(call: Call, params: Params) -> Result:
    vpc = default_vpc(call.tx, call.account)
    attributes = {
        "supported-platforms": ["VPC"],
        "default-vpc": [vpc.id if vpc else "none"],
        "max-instances": [str(MAX_INSTANCES)],
        "vpc-max-security-groups-per-interface": [str(MAX_GROUPS)],
        "max-elastic-ips": [str(MAX_ADDRESSES)],
        "vpc-max-elastic-ips": [str(MAX_ADDRESSES)],
    }
    names = params.get("AttributeNames") or list(attributes)
    for name in names:
        if name not in attributes:
            raise AwsError("InvalidParameterValue", f"Value ({name}) for parameter attributeName is invalid.")
    return {
        "AccountAttributes": [
            {"AttributeName": name, "AttributeValues": [{"AttributeValue": value} for value in attributes[name]]}
            for name in names
        ]
    }


OPERATIONS: dict[str, Operation] = {"DescribeAccountAttributes": describe_account_attributes}
