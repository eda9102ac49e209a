"""Operations that the region does not have and knows why: the answer says more than that they are missing."""

from collections.abc import Mapping

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.errors import AwsError

_ONE_VOLUME = "an instance has its root volume and no other"
_DEFAULT_ACL = "every VPC has its default network ACL, which allows all traffic, and there are no others"
REASONS: Mapping[str, str] = {
    "AttachVolume": _ONE_VOLUME,
    "CreateDhcpOptions": "the default set of DHCP options is the only one there is",
    "CreateNetworkAcl": _DEFAULT_ACL,
    "CreateNetworkAclEntry": _DEFAULT_ACL,
    "CreateVolume": _ONE_VOLUME,
    "DeleteNetworkAcl": _DEFAULT_ACL,
    "DeleteNetworkAclEntry": _DEFAULT_ACL,
    "DetachVolume": _ONE_VOLUME,
    "ReplaceNetworkAclAssociation": _DEFAULT_ACL,
    "ReplaceNetworkAclEntry": _DEFAULT_ACL,
}


def _refuse(name: str, reason: str) -> Operation:
    def refuse(_call: Call, _params: Params) -> Result:
        raise AwsError("UnsupportedOperation", f"{name} is not supported in this region: {reason}.")

    return refuse


OPERATIONS: dict[str, Operation] = {name: _refuse(name, reason) for name, reason in REASONS.items()}
