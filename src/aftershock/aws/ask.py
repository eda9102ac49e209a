"""How one of the region's services uses another: by its public operations, as a user does."""

from typing import Protocol

from .call import Call, Params, Result


class Ask(Protocol):
    def __call__(self, service: str, operation: str, params: Params, *, within: Call | None = None) -> Result:
        """Run an operation, its parameters checked as if they had come over the wire.

        With `within` it is part of that call: the caller's principal asks, in the caller's transaction, and what an
        error takes back is all of it.  Without, the service itself asks, in a transaction of its own, which is
        committed on return.

        The result is as botocore's model has it, without members that are None.

        Raises:
            AwsError: the operation refused, in its own service's words; or the region does not have it.
        """
        ...
