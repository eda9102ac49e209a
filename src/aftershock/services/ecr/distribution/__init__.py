"""The registry's own protocol, that container clients speak: OCI distribution specification 1.1."""

from .registry import Registry

__all__ = ["Registry"]
