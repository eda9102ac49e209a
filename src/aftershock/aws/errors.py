"""The errors a caller of the region can be answered with.

An operation raises an `AwsError`; the gateway alone turns it into an HTTP response, taking the status from
the error's shape in the service model.  Everything else that escapes an operation is a bug and is answered
with `InternalFailure`.
"""

from collections.abc import Mapping


class AwsError(Exception):
    """The request was understood and is refused.

    `code` is the name AWS gives the error; `message` is what the caller reads, and says which of their
    values was wrong.  What only an operator should see goes into `context`, which is logged and not sent.
    `status` is the HTTP status where the service model has no shape for the code (EC2 models none at all).
    `details` are what S3's errors name beside the message, `headers` what they send along.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int = 400,
        context: str = "",
        details: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.context = context
        self.details = dict(details or {})
        self.headers = dict(headers or {})

    def __repr__(self) -> str:
        return f"AwsError({self.code!r}, {self.message!r})"
