"""The signatures of the chunks of an upload, each of which signs the one before it.

AWS: "Signature calculations for the authorization header: transferring a payload in multiple chunks".
"""

import hashlib
import hmac

from aftershock.wire.refusals import Family
from aftershock.wire.signature_refusals import Fault, refusal

_CHUNK, _TRAILER = "AWS4-HMAC-SHA256-PAYLOAD", "AWS4-HMAC-SHA256-TRAILER"
_NOTHING = hashlib.sha256().hexdigest()


class ChunkSigner:
    """Starts from the signature of the headers, the seed."""

    def __init__(self, key: bytes, moment: str, scope: str, seed: str) -> None:
        self._key, self._moment, self._scope, self._previous = key, moment, scope, seed

    def check_chunk(self, sha256: str, given: str) -> None:
        """Raises AwsError if the chunk's data, by its hash, is not what was signed."""
        self._check(given, _CHUNK, _NOTHING, sha256)

    def check_trailers(self, lines: bytes, given: str) -> None:
        """Raises AwsError if the trailers are not those that were signed."""
        self._check(given, _TRAILER, hashlib.sha256(lines).hexdigest())

    def _check(self, given: str, algorithm: str, *hashes: str) -> None:
        to_sign = "\n".join([algorithm, self._moment, self._scope, self._previous, *hashes])
        wanted = hmac.digest(self._key, to_sign.encode(errors="replace"), "sha256").hex()
        if not hmac.compare_digest(wanted.encode(), given.encode(errors="replace")):
            raise refusal(Family.S3, Fault.MISMATCH)
        self._previous = wanted
