"""What the gateway itself refuses, whichever door a request came by."""

from botocore.model import OperationModel

from aftershock.aws.errors import AwsError


def not_here(operation: OperationModel, protocol: str) -> AwsError:
    message = (
        f"{operation.name} is an operation of AWS that this region does not have yet; "
        "its documentation lists the ones that it has (docs/coverage.md)."
    )
    if protocol == "ec2":
        return AwsError("UnsupportedOperation", message)
    return AwsError("NotImplemented", message, status=501)
