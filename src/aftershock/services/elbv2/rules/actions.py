"""Actions, as they are asked for and answered."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aftershock.aws.errors import AwsError
from aftershock.services.elbv2.records.action import Action, Fixed, Forward, Redirect, Share

from . import errors, quotas

MAX_STICKY_S = 604800
MAX_WEIGHT = 999
CONTENT_TYPES = ("text/plain", "text/css", "text/html", "application/javascript", "application/json")
_REDIRECT_DEFAULTS = Redirect(status="")
# What can stand in the Location header that the region's balancers write; anything else is for the caller to encode.
_VISIBLE = re.compile(r"[!-~]*")
_KEYWORD = re.compile(r"#\{(protocol|host|port|path|query)\}")
_HOW = "may contain up to one of each of these placeholders"


def action_of(given: Sequence[Mapping[str, Any]], *, secure: bool, http: bool) -> Action:
    """The one action.

    Args:
        secure: the listener speaks TLS; its requests may not be redirected to HTTP.
        http: the listener understands HTTP; of others everything is forwarded to one target group.

    Raises:
        AwsError: ValidationError, InvalidLoadBalancerAction, TooManyActions, InvalidConfigurationRequest
    """
    if not given:
        raise errors.invalid("An action must be specified")
    for one in given:
        if one["Type"] not in ("forward", "redirect", "fixed-response"):
            raise errors.unsupported(f"The action type '{one['Type']}'")
    if len(given) > 1:
        raise AwsError("TooManyActions", "You've reached the limit on the number of actions per rule")
    one = given[0]
    _require_own_config(one)
    match one["Type"]:
        case "forward":
            return _forward(one, http=http)
        case _ if not http:
            raise errors.invalid_action(f"The action type '{one['Type']}' is not valid with network load balancers")
        case "redirect":
            return _redirect(one, secure=secure)
        case _:
            return _fixed(one)


def _require_own_config(given: Mapping[str, Any]) -> None:
    own = {
        "forward": {"TargetGroupArn", "ForwardConfig"},
        "redirect": {"RedirectConfig"},
        "fixed-response": {"FixedResponseConfig"},
    }[given["Type"]]
    if others := {name for name, value in given.items() if value} - own - {"Type", "Order"}:
        raise errors.invalid_action(f"{min(others)} is not valid for actions of the type '{given['Type']}'")


def _forward(given: Mapping[str, Any], *, http: bool) -> Forward:
    alone, config = given.get("TargetGroupArn"), given.get("ForwardConfig") or {}
    tuples = config.get("TargetGroups") or ()
    if not tuples and not alone:
        raise errors.invalid("A target group ARN must be specified")
    if tuples and alone and [one.get("TargetGroupArn") for one in tuples] != [alone]:
        raise errors.invalid(
            "If you specify both ForwardConfig and TargetGroupArn, you can specify only one target group using "
            "ForwardConfig and it must be the same target group specified in TargetGroupArn"
        )
    shares = tuple(_share(one) for one in tuples) or (Share(str(alone)),)
    arns = [share.group for share in shares]
    most = quotas.TARGET_GROUPS_PER_ACTION if http else 1
    if len(arns) > most:
        raise errors.invalid(f"Up to '{most}' target groups can be specified, but '{len(arns)}' were specified")
    if len(set(arns)) < len(arns):
        raise errors.invalid("A target group can be specified only once in a forward action")
    stickiness = config.get("TargetGroupStickinessConfig") or {}
    sticky, seconds = bool(stickiness.get("Enabled")), stickiness.get("DurationSeconds")
    if sticky and not http:
        raise errors.invalid_action("Target group stickiness is not supported for network load balancers")
    if (sticky or seconds is not None) and not 1 <= (seconds or 0) <= MAX_STICKY_S:
        raise errors.invalid(f"Target group stickiness duration must be between 1 and {MAX_STICKY_S} seconds")
    return Forward(shares=shares, sticky=sticky, sticky_s=seconds, order=given.get("Order"))


def _share(given: Mapping[str, Any]) -> Share:
    weight = given.get("Weight")
    if not given.get("TargetGroupArn"):
        raise errors.invalid("A target group ARN must be specified")
    if weight is not None and not 0 <= weight <= MAX_WEIGHT:
        raise errors.invalid(f"Target group weight '{weight}' must be between '0' and '{MAX_WEIGHT}' inclusive")
    return Share(given["TargetGroupArn"], 1 if weight is None else weight)


def _redirect(given: Mapping[str, Any], *, secure: bool) -> Redirect:
    config = given.get("RedirectConfig")
    if not config:
        raise errors.invalid_action("A redirect action must have a redirect configuration")
    found = Redirect(
        status=config["StatusCode"],
        protocol=config.get("Protocol") or _REDIRECT_DEFAULTS.protocol,
        host=config.get("Host") or _REDIRECT_DEFAULTS.host,
        port=config.get("Port") or _REDIRECT_DEFAULTS.port,
        path=config.get("Path") or _REDIRECT_DEFAULTS.path,
        query=_REDIRECT_DEFAULTS.query if config.get("Query") is None else config["Query"],
        order=given.get("Order"),
    )
    _require_part("Host", found.host, ("host",), f"valid host, and {_HOW}: '#{{host}}'.")
    _require_part("Port", found.port, ("port",), "a value between 1 and 65535, or '#{port}'.")
    start = f"valid path, should start with a '/', and {_HOW}: '#{{path}}', '#{{host}}', '#{{port}}'."
    _require_part("Path", found.path, ("path", "host", "port"), start)
    how = f"valid query, and {_HOW}: '#{{protocol}}', '#{{host}}', '#{{port}}', '#{{path}}', '#{{query}}'."
    _require_part("Query", found.query, ("protocol", "host", "port", "path", "query"), how)
    if not found.path.startswith("/"):
        raise errors.invalid_action(f"The Path parameter must be a {start}")
    if found.port != "#{port}" and not (found.port.isdecimal() and 1 <= int(found.port) <= 65535):
        raise errors.invalid_action("The Port parameter must be a value between 1 and 65535, or '#{port}'.")
    if secure:
        require_secure([found])
    kept = _REDIRECT_DEFAULTS
    if (found.protocol, found.host, found.port, found.path) == (kept.protocol, kept.host, kept.port, kept.path):
        raise errors.invalid_action(
            "The RedirectConfig must modify at least one of the following to avoid a redirect loop: "
            "protocol, host, port, or path."
        )
    return found


def require_secure(actions: Iterable[Action]) -> None:
    """A listener that speaks TLS may do all of this.

    Raises:
        AwsError: InvalidLoadBalancerAction
    """
    if any(isinstance(action, Redirect) and action.protocol == "HTTP" for action in actions):
        raise errors.invalid_action("The Protocol parameter cannot redirect HTTPS to HTTP.")


def _require_part(name: str, text: str, allowed: Sequence[str], must_be: str) -> None:
    words = _KEYWORD.findall(text)
    rest = _KEYWORD.sub("", text)
    if set(words) - set(allowed) or len(set(words)) < len(words) or "#{" in rest or not _VISIBLE.fullmatch(rest):
        raise errors.invalid_action(f"The {name} parameter must be a {must_be}")


def _fixed(given: Mapping[str, Any]) -> Fixed:
    config = given.get("FixedResponseConfig")
    if not config:
        raise errors.invalid_action("A fixed-response action must have a fixed response configuration")
    kind = config.get("ContentType") or None
    if kind is not None and kind not in CONTENT_TYPES:
        raise errors.invalid(f"The ContentType must be one of:'{', '.join(CONTENT_TYPES)}'")
    return Fixed(
        status=config["StatusCode"], content_type=kind, body=config.get("MessageBody"), order=given.get("Order")
    )


def view(action: Action) -> list[dict[str, Any]]:
    match action:
        case Forward(shares=shares):
            stickiness = {"Enabled": action.sticky, "DurationSeconds": action.sticky_s}
            told: dict[str, Any] = {
                "Type": "forward",
                "TargetGroupArn": shares[0].group if len(shares) == 1 else None,
                "ForwardConfig": {
                    "TargetGroups": [{"TargetGroupArn": share.group, "Weight": share.weight} for share in shares],
                    "TargetGroupStickinessConfig": stickiness,
                },
            }
        case Redirect():
            told = {
                "Type": "redirect",
                "RedirectConfig": {
                    "Protocol": action.protocol,
                    "Host": action.host,
                    "Port": action.port,
                    "Path": action.path,
                    "Query": action.query,
                    "StatusCode": action.status,
                },
            }
        case Fixed():
            told = {
                "Type": "fixed-response",
                "FixedResponseConfig": {
                    "MessageBody": action.body,
                    "StatusCode": action.status,
                    "ContentType": action.content_type,
                },
            }
    return [{**told, "Order": action.order}]
