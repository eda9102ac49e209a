"""What AWS says of a request whose signature does not hold, per family of services: the one table of it.

Sources.  EC2: `AuthFailure` is 401 (markcaudill/haproxy-autoscale#20, hashicorp/terraform#17273), `RequestExpired` is
400 "Request has expired." (aws/aws-sdk-java#1443).  JSON: `InvalidSignatureException` is 400 and its wording
"Signature expired: … is now earlier than … (… - 15 min.)" (aws/aws-sdk-js#254,
upmc-enterprises/registry-creds#24).  Expired sessions: EC2's `RequestExpired` (aws/aws-sdk-ruby#143,
aws/aws-sdk-go-v2#1674), `ExpiredToken` 403 (cfn-sphere/cfn-sphere#55), `ExpiredTokenException` 400 (guregu/dynamo#68)
and, of REST services, 403 (cloudquery/cq-provider-aws#1171), S3's `ExpiredToken` 400
(ibi-group/datatools-ui#10).  S3: unsigned headers are `AccessDenied` (bradleyg/django-s3direct#249), an expired URL
is `AccessDenied` "Request has expired" (lukejacksonn/react-slack-clone#27).  The rest: "Common errors" of the IAM,
DynamoDB and Lambda API references, "Error responses" of the S3 API reference, "Troubleshoot Signature Version 4" of
the IAM user guide.
"""

from enum import Enum, auto

from aftershock.aws.errors import AwsError
from aftershock.wire.refusals import Family


class Fault(Enum):
    """What is wrong with a signature."""

    MISSING = auto()
    INCOMPLETE = auto()
    UNKNOWN_KEY = auto()
    WRONG_TOKEN = auto()
    EXPIRED_TOKEN = auto()
    MISMATCH = auto()
    EXPIRED = auto()
    URL_EXPIRED = auto()
    UNSIGNED_HEADER = auto()
    WRONG_PAYLOAD = auto()


_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
_BAD_TOKEN = "The security token included in the request is invalid."  # noqa: S105, a message
_OLD_TOKEN = "The security token included in the request is expired"  # noqa: S105, a message
_NOT_VALIDATED = "AWS was not able to validate the provided access credentials"
_NOT_SIGNED = "There were headers present in the request which were not signed"

# Where a message is empty, the finder of the fault says what it found.
_QUERY = {
    Fault.MISSING: ("MissingAuthenticationToken", 403, "Request is missing Authentication Token"),
    Fault.INCOMPLETE: ("IncompleteSignature", 400, ""),
    Fault.UNKNOWN_KEY: ("InvalidClientTokenId", 403, _BAD_TOKEN),
    Fault.WRONG_TOKEN: ("InvalidClientTokenId", 403, _BAD_TOKEN),
    Fault.EXPIRED_TOKEN: ("ExpiredToken", 403, _OLD_TOKEN),
    Fault.MISMATCH: ("SignatureDoesNotMatch", 403, _MISMATCH),
    Fault.EXPIRED: ("SignatureDoesNotMatch", 403, ""),
    Fault.URL_EXPIRED: ("SignatureDoesNotMatch", 403, ""),
    Fault.UNSIGNED_HEADER: ("SignatureDoesNotMatch", 403, ""),
    Fault.WRONG_PAYLOAD: ("SignatureDoesNotMatch", 403, _MISMATCH),
}
_JSON = {
    Fault.MISSING: ("MissingAuthenticationTokenException", 400, "Missing Authentication Token"),
    Fault.INCOMPLETE: ("IncompleteSignatureException", 400, ""),
    Fault.UNKNOWN_KEY: ("UnrecognizedClientException", 400, _BAD_TOKEN),
    Fault.WRONG_TOKEN: ("UnrecognizedClientException", 400, _BAD_TOKEN),
    Fault.EXPIRED_TOKEN: ("ExpiredTokenException", 400, _OLD_TOKEN),
    Fault.MISMATCH: ("InvalidSignatureException", 400, _MISMATCH),
    Fault.EXPIRED: ("InvalidSignatureException", 400, ""),
    Fault.URL_EXPIRED: ("InvalidSignatureException", 400, ""),
    Fault.UNSIGNED_HEADER: ("InvalidSignatureException", 400, ""),
    Fault.WRONG_PAYLOAD: ("InvalidSignatureException", 400, _MISMATCH),
}
_EC2 = dict.fromkeys(Fault, ("AuthFailure", 401, _NOT_VALIDATED)) | {
    Fault.MISSING: ("MissingAuthenticationToken", 403, "Request is missing Authentication Token"),
    Fault.INCOMPLETE: ("IncompleteSignature", 400, ""),
    Fault.EXPIRED_TOKEN: ("RequestExpired", 400, "Request has expired."),
    Fault.EXPIRED: ("RequestExpired", 400, "Request has expired."),
    Fault.URL_EXPIRED: ("RequestExpired", 400, "Request has expired."),
}
_S3 = {
    Fault.MISSING: ("AccessDenied", 403, "Access Denied"),
    Fault.INCOMPLETE: ("AuthorizationHeaderMalformed", 400, ""),
    Fault.UNKNOWN_KEY: ("InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records."),
    Fault.WRONG_TOKEN: ("InvalidToken", 400, "The provided token is malformed or otherwise invalid."),
    Fault.EXPIRED_TOKEN: ("ExpiredToken", 400, "The provided token has expired."),
    Fault.MISMATCH: (
        "SignatureDoesNotMatch",
        403,
        "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method.",
    ),
    Fault.EXPIRED: (
        "RequestTimeTooSkewed",
        403,
        "The difference between the request time and the current time is too large.",
    ),
    Fault.URL_EXPIRED: ("AccessDenied", 403, "Request has expired"),
    Fault.UNSIGNED_HEADER: ("AccessDenied", 403, _NOT_SIGNED),
    Fault.WRONG_PAYLOAD: (
        "XAmzContentSHA256Mismatch",
        400,
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
    ),
}
_REST_JSON = {fault: (code, 403, message) for fault, (code, _, message) in _JSON.items()}
_TABLE = {
    Family.EC2: _EC2,
    Family.QUERY: _QUERY,
    Family.REST_XML: _QUERY,
    Family.JSON: _JSON,
    Family.REST_JSON: _REST_JSON,
    Family.S3: _S3,
    Family.ECR: _JSON,
}


def refusal(family: Family, fault: Fault, found: str = "") -> AwsError:
    """`found` says what exactly is wrong, for the faults whose message AWS makes from the request."""
    code, status, message = _TABLE[family][fault]
    return AwsError(code, message or found, status=status, context=found)
