"""AWS's identifiers: how they look, and how new ones are made."""

import secrets
import string

HEX_DIGITS = 17  # of EC2's long ids, which begin with a zero
IAM_ALPHABET = string.ascii_uppercase + "234567"


def new_id(kind: str) -> str:
    """A new EC2-style id: `new_id("i")` is like "i-0a1b2c3d4e5f60718"."""
    return f"{kind}-0{secrets.token_hex(HEX_DIGITS // 2)}"


def new_unique_id(prefix: str) -> str:
    """A new unique id of IAM, as AWS's AIDACKCEVSQ6C2EXAMPLE: the prefix and 17 more characters."""
    return prefix + "".join(secrets.choice(IAM_ALPHABET) for _ in range(17))


def new_access_key_id(prefix: str) -> str:
    """A new id of an access key, as AWS's AKIAIOSFODNN7EXAMPLE: the prefix and 16 more characters."""
    return prefix + "".join(secrets.choice(IAM_ALPHABET) for _ in range(16))


def new_secret(length: int = 40) -> str:
    alphabet = string.ascii_letters + string.digits + "+/"
    return "".join(secrets.choice(alphabet) for _ in range(length))
