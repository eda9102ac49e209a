"""What must hold of a request for a rule to be its rule.  A condition holds if any of its values does."""

from msgspec import Struct


class Host(Struct, frozen=True, tag="host-header"):
    values: tuple[str, ...] = ()
    regex: tuple[str, ...] = ()


class Path(Struct, frozen=True, tag="path-pattern"):
    values: tuple[str, ...] = ()
    regex: tuple[str, ...] = ()


class Header(Struct, frozen=True, tag="http-header"):
    name: str
    values: tuple[str, ...] = ()
    regex: tuple[str, ...] = ()


class Method(Struct, frozen=True, tag="http-request-method"):
    values: tuple[str, ...]


class Query(Struct, frozen=True, tag="query-string"):
    pairs: tuple[tuple[str | None, str], ...]  # key, or None for any, and value


class Source(Struct, frozen=True, tag="source-ip"):
    values: tuple[str, ...]  # CIDR blocks


Condition = Host | Path | Header | Method | Query | Source
