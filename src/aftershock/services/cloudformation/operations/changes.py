"""What an update would do: each resource's part, before any of it is done."""

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aftershock.aws.call import Call
from aftershock.services.cloudformation.outside import Outside
from aftershock.services.cloudformation.records import Plan, Resource, Stack
from aftershock.services.cloudformation.rules.checking import with_texts
from aftershock.services.cloudformation.rules.errors import TemplateError
from aftershock.services.cloudformation.rules.functions import NO_VALUE, Scope, Unknown, evaluate
from aftershock.services.cloudformation.rules.schema import Need, changed, coerced, problems
from aftershock.services.cloudformation.rules.template import Resource as Written
from aftershock.services.cloudformation.rules.template import order
from aftershock.services.cloudformation.scopes import active_in, asking, dynamic, full_scope, template_of
from aftershock.services.cloudformation.types import TYPES
from aftershock.services.cloudformation.types.model import with_stack_tags

KNOWN_AFTER_APPLY = "{{changeSet:KNOWN_AFTER_APPLY}}"  # AWS's word for a value that only the run itself will tell


NESTED_TELLS = (("TemplateURL", Need.NOTHING, True),)


@dataclass(frozen=True, slots=True)
class Values:
    """A resource's properties and metadata, before the change or after it."""

    properties: Mapping[str, Any] = field(default_factory=dict)
    metadata: Any = None

    def context(self) -> str:
        whole = {"Properties": dict(self.properties), "Metadata": self.metadata}
        return json.dumps({name: value for name, value in whole.items() if value})


@dataclass(frozen=True, slots=True)
class Change:
    action: str  # Add, Modify or Remove
    logical_id: str
    type: str
    physical_id: str | None = None
    properties: tuple[tuple[str, Need, bool], ...] = ()  # name, need, and whether only the run itself will tell
    metadata: bool = False
    before: Values | None = None
    after: Values | None = None

    @property
    def need(self) -> Need:
        return max((need for _, need, _ in self.properties), default=Need.NOTHING)

    @property
    def open_only(self) -> bool:
        """Whether it is here only because a nested stack itself has to tell if it changes."""
        return not self.metadata and self.properties == NESTED_TELLS

    @property
    def replacement(self) -> str:
        certain = any(need is Need.REPLACEMENT and not later for _, need, later in self.properties)
        if certain:
            return "True"
        return "Conditional" if self.need is Need.REPLACEMENT else "False"


def changes(call: Call, outside: Outside, stack: Stack, plan: Plan, resources: Mapping[str, Resource]) -> list[Change]:
    """In the order in which they would be done.

    Raises:
        TemplateError: a resource would get another type
    """
    template = template_of(plan)
    there = active_in(stack, plan, asking(outside.ask, call))
    alive = {name: one for name, one in resources.items() if one.physical_id and not one.status.startswith("DELETE_")}
    other = sorted(name for name, one in there.items() if name in alive and alive[name].type != one.type)
    if other:
        raise TemplateError(
            "Update of resource type is not permitted. The new template modifies resource type of the following "
            f"resources: [{', '.join(other)}]"
        )
    resolve = partial(dynamic, asking(outside.ask, call))
    made: list[Change] = []
    settled = {**alive}  # without what may be another one afterwards; the scope looks there
    scope = full_scope(stack, plan, template, settled, call=call, ask=outside.ask, marked=outside.marked)
    for name in order({name: one.references() & there.keys() for name, one in there.items()}):
        if name not in alive:
            after = _after(there[name], plan, scope, resolve, None)[0]
            made.append(Change("Add", name, there[name].type, after=after))
            continue
        change = _change(there[name], alive[name], plan, scope, resolve)
        if change is not None:
            made.append(change)
            if change.need is Need.REPLACEMENT:
                del settled[name]
    made += [
        Change("Remove", name, one.type, one.physical_id, before=Values(one.properties, one.metadata))
        for name, one in alive.items()
        if name not in there
    ]
    return made


def _after(
    written: Written, plan: Plan, scope: Scope, resolve: Callable[[str], str], metadata: Any
) -> tuple[Values, frozenset[str]]:
    """What the template says of a resource as far as it is known, and the properties that are not; they have
    KNOWN_AFTER_APPLY as their value, and metadata that is not known is what it was."""
    kind = TYPES[written.type]
    found: dict[str, Any] = {}
    later: set[str] = set()
    for name, value in written.properties.items():
        try:
            made = with_texts(evaluate(value, scope), resolve)
            if made is not NO_VALUE:
                found[name] = made
        except Unknown:
            later.add(name)
    found = with_stack_tags(kind, found, plan.tags)
    if next(problems(kind.properties, {**{key: {"Ref": ""} for key in later}, **found}), None) is None:
        found = coerced(kind.properties, found)
    with contextlib.suppress(Unknown):
        metadata = None if written.metadata is None else evaluate(written.metadata, scope)
    return Values(found | dict.fromkeys(later, KNOWN_AFTER_APPLY), metadata), frozenset(later)


def _change(
    written: Written, resource: Resource, plan: Plan, scope: Scope, resolve: Callable[[str], str]
) -> Change | None:
    kind = TYPES[written.type]
    values, later = _after(written, plan, scope, resolve, resource.metadata)
    after = {name: value for name, value in values.properties.items() if name not in later}
    names = changed({name: value for name, value in resource.properties.items() if name not in later}, after)
    found_needs = [(name, kind.properties[name].need, False) for name in names if name in kind.properties]
    found_needs += [(name, kind.properties[name].need, True) for name in sorted(later)]
    if kind.need_of is not None and names:
        extra = kind.need_of(resource.properties, after, written.update_policy)
        found_needs = [(name, max(need, extra), at_run) for name, need, at_run in found_needs]
    if kind.generic and not found_needs:  # AWS: its template may have changed, where it lies
        found_needs = [*NESTED_TELLS]
    if not found_needs and values.metadata == resource.metadata:
        return None
    return Change(
        "Modify",
        resource.logical_id,
        resource.type,
        resource.physical_id,
        tuple(found_needs),
        values.metadata != resource.metadata,
        before=Values(resource.properties, resource.metadata),
        after=values,
    )
