"""S3's refusals.  Texts: "Error responses" of the S3 API reference, and what S3 answers."""

from aftershock.aws.errors import AwsError


def refuse(code: str, message: str, status: int = 400, **details: object) -> AwsError:
    shown = {name: str(value) for name, value in details.items() if value is not None}
    return AwsError(code, message, status=status, details=shown)


def no_such_bucket(name: str) -> AwsError:
    return refuse("NoSuchBucket", "The specified bucket does not exist", 404, BucketName=name)


def no_such_key(key: str) -> AwsError:
    return refuse("NoSuchKey", "The specified key does not exist.", 404, Key=key)


def no_such_version(key: str, version_id: str) -> AwsError:
    return refuse("NoSuchVersion", "The specified version does not exist.", 404, Key=key, VersionId=version_id)


def no_such_upload(upload_id: str) -> AwsError:
    return refuse(
        "NoSuchUpload",
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "
        "completed.",
        404,
        UploadId=upload_id,
    )


def access_denied() -> AwsError:
    return refuse("AccessDenied", "Access Denied", 403)


def invalid_argument(message: str, name: str, value: object) -> AwsError:
    return refuse("InvalidArgument", message, ArgumentName=name, ArgumentValue=value)


def invalid_request(message: str) -> AwsError:
    return refuse("InvalidRequest", message)


def not_implemented(name: str) -> AwsError:
    return refuse(
        "NotImplemented",
        f"A header or query you provided requested a function that is not implemented: {name}.",
        501,
        Header=name,
    )


def malformed_xml() -> AwsError:
    return refuse(
        "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema"
    )


def precondition_failed(condition: str) -> AwsError:
    message = "At least one of the pre-conditions you specified did not hold"
    return refuse("PreconditionFailed", message, 412, Condition=condition)


def bad_digest(what: str) -> AwsError:
    return refuse("BadDigest", f"The {what} you specified did not match the calculated checksum.")


def too_large(proposed: int, most: int) -> AwsError:
    return refuse(
        "EntityTooLarge",
        "Your proposed upload exceeds the maximum allowed size",
        ProposedSize=proposed,
        MaxSizeAllowed=most,
    )
