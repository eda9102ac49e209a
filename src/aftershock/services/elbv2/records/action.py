"""What a listener or a rule does with a request.  There is one action each: what may come before it is refused."""

from msgspec import Struct


class Share(Struct, frozen=True):
    group: str  # the target group's ARN
    weight: int = 1


class Forward(Struct, frozen=True, kw_only=True, tag="forward"):
    shares: tuple[Share, ...]
    sticky: bool = False  # between the target groups
    sticky_s: int | None = None  # as it was given, also where `sticky` is False
    order: int | None = None  # as it was given


class Redirect(Struct, frozen=True, kw_only=True, tag="redirect"):
    status: str  # "HTTP_301", "HTTP_302"
    protocol: str = "#{protocol}"
    host: str = "#{host}"
    port: str = "#{port}"
    path: str = "/#{path}"
    query: str = "#{query}"
    order: int | None = None


class Fixed(Struct, frozen=True, kw_only=True, tag="fixed-response"):
    status: str
    content_type: str | None = None
    body: str | None = None
    order: int | None = None


Action = Forward | Redirect | Fixed


def groups_of(action: Action) -> tuple[str, ...]:
    """The ARNs of the target groups that it forwards to."""
    return tuple(share.group for share in action.shares) if isinstance(action, Forward) else ()
