"""How SecureString values are kept: sealed with AES-GCM, under a key that lies beside the database and not in it."""

import base64
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12  # NIST SP 800-38D §5.2.1.1: 96 bits


class SealBrokenError(Exception):
    """A stored value was sealed under another key, or was changed."""


class Sealer:
    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    @classmethod
    def at(cls, path: Path) -> "Sealer":
        """The sealer with the key in this file, which is made, readable by its owner only, if it is not there."""
        try:
            return cls(path.read_bytes())
        except FileNotFoundError:
            pass
        # Linked into place whole: a reader never sees half a key, and of two writers one wins.
        fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(AESGCM.generate_key(KEY_BYTES * 8))
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(fresh)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
        return cls(path.read_bytes())

    def seal(self, text: str, context: str) -> str:
        """The text, sealed for this context only: it cannot be opened as another parameter's value."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return base64.b64encode(nonce + self._aead.encrypt(nonce, text.encode(), context.encode())).decode()

    def open(self, sealed: str, context: str) -> str:
        """
        Raises:
            SealBrokenError
        """
        blob = base64.b64decode(sealed)
        try:
            return self._aead.decrypt(blob[:NONCE_BYTES], blob[NONCE_BYTES:], context.encode()).decode()
        except InvalidTag:
            raise SealBrokenError(f"the value of {context} cannot be opened with this region's key") from None
