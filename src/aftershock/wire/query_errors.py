"""The codes SQS had in the query protocol, which it still says in `x-amzn-query-error` and by which clients know it.

They are Smithy's trait `aws.protocols#awsQueryError`, which botocore's model of SQS has lost, and the statuses with it.
Source: aws/aws-sdk-js-v3, clients/client-sqs/src/schemas/schemas_0.ts, 3829ad4495a9683f74f2fcaed7dd590af2e244bb.
"""

from botocore.model import StructureShape

_PREFIX = "AWS.SimpleQueueService."
_PREFIXED = (
    *("BatchEntryIdsNotDistinct", "BatchRequestTooLong", "EmptyBatchRequest", "InvalidBatchEntryId"),
    *("MessageNotInflight", "PurgeQueueInProgress", "QueueDeletedRecently", "TooManyEntriesInBatchRequest"),
    "UnsupportedOperation",
)
_CODES = {name: f"{_PREFIX}{name}" for name in _PREFIXED} | {
    "QueueDoesNotExist": f"{_PREFIX}NonExistentQueue",
    "QueueNameExists": "QueueAlreadyExists",
    "KmsAccessDenied": "KMS.AccessDeniedException",
    "KmsDisabled": "KMS.DisabledException",
    "KmsInvalidKeyUsage": "KMS.InvalidKeyUsageException",
    "KmsInvalidState": "KMS.InvalidStateException",
    "KmsNotFound": "KMS.NotFoundException",
    "KmsOptInRequired": "KMS.OptInRequired",
    "KmsThrottled": "KMS.ThrottlingException",
}
_STATUSES = {
    **dict.fromkeys(
        ("OverLimit", "PurgeQueueInProgress", "KmsOptInRequired", "InvalidSecurity", "RequestThrottled"), 403
    ),
    **dict.fromkeys(("InvalidAddress", "ReceiptHandleIsInvalid", "ResourceNotFoundException"), 404),
}


def code_of(service: str, shape: StructureShape) -> str:
    """The wire code of an error: the one its model states, or the one that SQS's should."""
    code = str(shape.error_code)
    return _CODES.get(shape.name, code) if service == "sqs" else code


def status_of(service: str, shape: StructureShape) -> int | None:
    stated = shape.metadata.get("error", {}).get("httpStatusCode")
    if stated is None and service == "sqs":
        return _STATUSES.get(shape.name, 400)
    return None if stated is None else int(stated)
