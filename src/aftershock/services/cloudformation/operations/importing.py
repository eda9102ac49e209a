"""What a stack takes on instead of making it: ImportExistingResources of a change set.

AWS: "Indicates if the change set auto-imports resources that already exist", which is for resources "with custom names"
and "with a DeletionPolicy attribute" that keeps them.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from aftershock.aws.call import Call
from aftershock.services.cloudformation.outside import Outside
from aftershock.services.cloudformation.records import RESOURCES, Plan, Resource, Stack
from aftershock.services.cloudformation.rules import errors
from aftershock.services.cloudformation.rules.checking import active, with_texts
from aftershock.services.cloudformation.rules.functions import Unknown, evaluate
from aftershock.services.cloudformation.rules.template import Resource as Written
from aftershock.services.cloudformation.scopes import asking, doing, dynamic, full_scope, template_of
from aftershock.services.cloudformation.types import TYPES

KEEPING = ("Retain", "RetainExceptOnCreate")


def existing(call: Call, outside: Outside, stack: Stack, plan: Plan, new: Iterable[str]) -> dict[str, str]:
    """Of these resources of the template, those that are there already under the names that it gives them.

    Returns:
        Physical ids by logical id.

    Raises:
        AwsError: ValidationError: one is there and cannot be imported
    """
    template = template_of(plan)
    ask = asking(outside.ask, call)
    scope = full_scope(stack, plan, template, {}, call=call, ask=outside.ask, marked=outside.marked)
    there, found = active(template, scope), {}
    for logical_id in new:
        written = there[logical_id]
        name = TYPES[written.type].identity
        if name is None or name not in written.properties:
            continue
        try:
            physical_id = with_texts(evaluate(written.properties[name], scope), partial(dynamic, ask))
        except Unknown:
            continue  # it is named after what is yet to be made, and so is not there
        if not isinstance(physical_id, str) or not _is_there(ask, call, stack, written, {name: physical_id}):
            continue
        _require_importable(call, written, physical_id)
        found[logical_id] = physical_id
    return found


def _is_there(ask: Any, call: Call, stack: Stack, written: Written, named: Mapping[str, str]) -> bool:
    (physical_id,) = named.values()
    provisional = Resource(
        stack_id=stack.id,
        logical_id=written.id,
        type=written.type,
        status="IMPORT_IN_PROGRESS",
        properties=dict(named),
        since=call.now,
        updated_at=call.now,
    )
    looking = doing(stack, provisional, ask=ask, heard=lambda _: {})
    return TYPES[written.type].read(looking, physical_id) is not None


def _require_importable(call: Call, written: Written, physical_id: str) -> None:
    if written.deletion_policy not in KEEPING:
        raise errors.invalid(
            f"Resource [{written.id}] cannot be imported: it needs a DeletionPolicy of Retain or RetainExceptOnCreate."
        )
    for one in RESOURCES.every(call.tx):
        if (one.type, one.physical_id) == (written.type, physical_id) and not one.status.startswith("DELETE_"):
            raise errors.invalid(f"{physical_id} already exists in stack {one.stack_id}")
