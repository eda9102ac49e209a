"""Stacks as callers name them, and what a caller's template and parameters come to."""

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from aftershock.aws.call import Call, Params
from aftershock.aws.errors import AwsError
from aftershock.aws.paging import InvalidToken, page
from aftershock.services.cloudformation.outside import Outside
from aftershock.services.cloudformation.records import STACKS, Plan, Stack, stack_named
from aftershock.services.cloudformation.rules import (
    assertions,
    checking,
    errors,
    outputs,
    parameters,
    stack_policies,
    watching,
)
from aftershock.services.cloudformation.rules.errors import TemplateError
from aftershock.services.cloudformation.rules.functions import Unknown, condition, evaluate
from aftershock.services.cloudformation.rules.loading import MAX_BODY_BYTES, MAX_OBJECT_BYTES
from aftershock.services.cloudformation.rules.template import Template, read
from aftershock.services.cloudformation.scopes import asking, dynamic, exists, full_scope, plain_scope, resolved
from aftershock.services.cloudformation.types import TYPES

NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]*")
MAX_NAME = 128
MAX_TAGS = 50  # AWS: "A maximum number of 50 tags can be specified"
PAGE = 100


def refuse(params: Params, *names: str) -> None:
    """
    Raises:
        AwsError: one of these parameters was given
    """
    for name in names:
        if params.get(name) not in (None, [], {}, False, ""):
            raise errors.not_supported(name)


def require_standard(params: Params) -> None:
    """`STANDARD` is what a deployment is; what `EXPRESS` calls complete need not serve yet.

    Raises:
        AwsError: another mode was asked for
    """
    wanted = params.get("DeploymentConfig") or {}
    if wanted.get("Mode", "STANDARD") != "STANDARD":
        raise errors.not_supported("DeploymentConfig.Mode EXPRESS")
    if wanted.get("DisableRollback"):
        raise errors.not_supported("DeploymentConfig.DisableRollback")


def require(call: Call, name: str) -> Stack:
    """The stack of this name, or of this id even if it is deleted.

    Raises:
        AwsError: ValidationError
    """
    found = STACKS.get(call.tx, name) if name.startswith("arn:") else stack_named(call.tx, call.account, name)
    if found is None or found.account != call.account:
        raise errors.no_stack(name)
    return found


def require_alive(call: Call, name: str) -> Stack:
    """The stack of this name or id, if it is not deleted.

    Raises:
        AwsError: ValidationError
    """
    found = STACKS.get(call.tx, name) if name.startswith("arn:") else stack_named(call.tx, call.account, name)
    if found is None or found.account != call.account or not found.exists:
        raise errors.no_stack_named(name)
    return found


def new_stack_id(call: Call, name: str) -> str:
    return f"arn:aws:cloudformation:{call.region}:{call.account}:stack/{name}/{uuid.uuid4()}"


def check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise errors.invalid(
            f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: Member must "
            f"satisfy regular expression pattern: {NAME.pattern}"
        )
    if len(name) > MAX_NAME:
        raise errors.invalid(
            f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: Member must "
            f"have length less than or equal to {MAX_NAME}"
        )


def text_of(call: Call, outside: Outside, params: Params, previous: str | None = None) -> str:
    """The template that the parameters give: itself, where it lies, or the one there is.

    Raises:
        AwsError: ValidationError
    """
    body, url = params.get("TemplateBody"), params.get("TemplateURL")
    again = bool(params.get("UsePreviousTemplate"))
    if (body is not None) + (url is not None) + again != 1:
        raise errors.invalid(
            "Either Template URL or Template Body must be specified."
            if body is None and url is None
            else "Only one of TemplateBody, TemplateURL and UsePreviousTemplate may be specified."
        )
    if again:
        if previous is None:
            raise errors.invalid("Cannot use the previous template of a stack that has none.")
        return previous
    if url is not None:
        return fetched(call, outside, url, MAX_OBJECT_BYTES, "Template")
    assert body is not None
    if len(body.encode()) > MAX_BODY_BYTES:
        raise errors.invalid(
            f"1 validation error detected: Value '{body[:64]}...' at 'templateBody' failed to satisfy constraint: "
            f"Member must have length less than or equal to {MAX_BODY_BYTES}"
        )
    return str(body)


def fetched(call: Call, outside: Outside, url: str, most: int, what: str) -> str:
    found = outside.fetch(call, url)
    if len(found) > most:
        raise errors.invalid(f"{what} may not exceed {most} bytes in size.")
    try:
        return found.decode()
    except UnicodeDecodeError:
        raise errors.invalid(f"{what} format error: it is not UTF-8 text.") from None


def read_template(text: str, values: Mapping[str, Any] | None = None, *, checked: bool = True) -> Template:
    """`checked`: its types, properties and attributes, too.

    Raises:
        AwsError: ValidationError, with what is wrong with it
    """
    try:
        template = read(text, values)
        parameters.declared(template.parameters)
        if checked:
            checking.check(template, TYPES)
    except TemplateError as error:
        raise errors.invalid(str(error)) from None
    return template


def plan_of(call: Call, outside: Outside, params: Params, stack: Stack, previous: Plan | None) -> Plan:
    """What the caller asks a stack to become, checked as far as can be before anything is made.

    `stack` lends its name and id only.

    Raises:
        AwsError: ValidationError, InsufficientCapabilitiesException
    """
    text = text_of(call, outside, params, previous.template if previous else None)
    try:
        first = read_template(text, checked=False)
        declared = parameters.declared(first.parameters)
        texts = parameters.given(declared, params.get("Parameters"), previous.parameters if previous else None)
        ask = asking(outside.ask, call)
        values = {
            name: parameters.value(one, resolved(ask, one, texts[name]) if one.from_ssm else texts[name])
            for name, one in declared.items()
        }
        parameters.absent(declared, values, lambda kind, value: exists(ask, kind, value))
        plan = Plan(
            template=text,
            parameters=texts,
            values=values,
            hidden=tuple(name for name, one in declared.items() if one.hidden),
            tags=tags_of(params, previous),
            capabilities=tuple(params.get("Capabilities") or ()),
            role_arn=params.get("RoleARN") or (previous.role_arn if previous else None),
            watch=watching.given(params.get("RollbackConfiguration"), previous.watch if previous else None),
        )
        template = read_template(text, values)
        _check(call, outside, stack, plan, template)
    except TemplateError as error:
        raise errors.invalid(str(error)) from None
    return plan


def _check(call: Call, outside: Outside, stack: Stack, plan: Plan, template: Template) -> None:
    scope = plain_scope(stack, plan, template, asking(outside.ask, call))
    for name in template.conditions:
        condition(name, scope)
    assertions.check(template.rules, scope)
    there = checking.active(template, scope)
    checking.check(template, TYPES, there)
    if not there:
        raise TemplateError("At least one condition must hold: the template has no resources.")
    lacking = checking.lacking(checking.required_capabilities(there, TYPES), list(plan.capabilities))
    if template.extended and "CAPABILITY_AUTO_EXPAND" not in plan.capabilities:
        lacking.append("CAPABILITY_AUTO_EXPAND")
    if lacking:
        raise errors.lacks_capabilities(lacking)
    full = full_scope(stack, plan, template, {}, call=call, ask=outside.ask)
    for one in there.values():
        for name, value in one.properties.items():
            try:
                checking.with_texts(evaluate(value, full), partial(dynamic, asking(outside.ask, call)))
            except Unknown:
                continue  # it hangs on a resource
            except TemplateError as error:
                where = template.place("Resources", one.id)
                raise TemplateError(f"{error} (resource {where}, property {name})") from None
    outputs.check(template.outputs, full_scope(stack, plan, template, {}, call=call, ask=outside.ask, block="Outputs"))


def tags_of(params: Params, previous: Plan | None) -> dict[str, str]:
    """AWS: with no tags given an update keeps those there are; an empty list removes them."""
    given = params.get("Tags")
    if given is None:
        return dict(previous.tags) if previous else {}
    made: dict[str, str] = {}
    for tag in given:
        if tag["Key"] in made:
            raise errors.invalid(f"Duplicate tag key '{tag['Key']}' specified.")
        if tag["Key"].lower().startswith("aws:"):
            raise errors.invalid(f"Tag key '{tag['Key']}' is reserved: keys that begin with aws: are AWS's own.")
        made[tag["Key"]] = tag["Value"]
    if len(made) > MAX_TAGS:
        raise errors.invalid(f"Number of tags exceeded. A maximum of {MAX_TAGS} tags is allowed.")
    return made


def policy_of(call: Call, outside: Outside, params: Params, body: str, url: str) -> str | None:
    """A stack policy, given or fetched.

    Raises:
        AwsError: ValidationError
    """
    text = params.get(body)
    if params.get(url):
        if text is not None:
            raise errors.invalid(f"You cannot specify both {body} and {url}.")
        text = fetched(call, outside, params[url], 16384, "Stack policy")
    if text is None:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise errors.invalid("Error validating stack policy: Invalid stack policy") from None
    if not stack_policies.valid(found):
        raise errors.invalid("Error validating stack policy: Invalid stack policy")
    return str(text)


def paged(items: Sequence[Any], params: Params, *, size: int = PAGE, key: Any) -> tuple[Sequence[Any], str | None]:
    try:
        return page(items, key=key, token=params.get("NextToken"), size=size)
    except InvalidToken:
        raise AwsError("ValidationError", "Invalid NextToken") from None
