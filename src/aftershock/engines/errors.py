"""What an engine says when the software under it did not do as asked."""


class EngineError(Exception):
    """Real software failed or did not answer in time; the message ends with its own last words.

    `retryable` says whether asking again may help.  A controller makes it a reason; it never reaches a caller.
    """

    def __init__(self, message: str, *, retryable: bool = True) -> None:
        super().__init__(message)
        self.retryable = retryable
