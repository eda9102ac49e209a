"""A template against the resource types there are: what can be refused before anything is made."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol

from .errors import TemplateError
from .functions import MALFORMED_IF, NO_VALUE, Scope, condition, evaluate
from .schema import Properties, is_function, problems
from .template import Resource, Template, attributes_used

MOST_SHOWN = 10  # problems in one refusal
NO_CUSTOM = (
    "A custom resource is made by an AWS Lambda function or by who listens to an Amazon SNS topic, and this region has "
    "neither service."
)
NOTHING = {"Ref": "AWS::NoValue"}


class Type(Protocol):
    """What a resource type says of itself, as far as a template can break it."""

    @property
    def name(self) -> str: ...
    @property
    def properties(self) -> Properties: ...
    @property
    def attributes(self) -> tuple[str, ...]: ...
    @property
    def capability(self) -> str | None: ...
    @property
    def named(self) -> str | None: ...
    @property
    def creation_policy(self) -> bool: ...
    @property
    def update_policies(self) -> tuple[str, ...]: ...
    @property
    def generic(self) -> bool: ...


Types = Mapping[str, Type]


def check(template: Template, types: Types, active: Collection[str] | None = None) -> None:
    """What is not going to be made, since its condition does not hold, may be of a type that the region does not have.

    Without `active`, while conditions cannot be told, neither is what hangs on one refused for its type.

    Raises:
        TemplateError: resource types that the region does not have, properties that a type does not have or that are
            not of its type, attributes and policies that it does not have; names the logical id and the line
    """
    if active is None:
        looked_at = [one for one in template.resources.values() if one.condition is None or one.type in types]
    else:
        looked_at = [one for one in template.resources.values() if one.id in active]
    if unknown := [one for one in looked_at if one.type not in types]:
        names = ", ".join(sorted({one.type for one in unknown}))
        places = ", ".join(template.place("Resources", one.id) for one in unknown[:MOST_SHOWN])
        why = f"Template format error: Unrecognized resource types: [{names}]; resource {places}"
        raise TemplateError(why + (f". {NO_CUSTOM}" if any(_is_custom(one.type) for one in unknown) else ""))
    wrong = [
        f"resource {template.place('Resources', one.id)}: {problem}"
        for one in looked_at
        for problem in _wrong(one, types[one.type])
    ]
    if wrong:
        raise TemplateError("Template error: " + "; ".join(wrong[:MOST_SHOWN]))
    _check_attributes(template, types)


def _is_custom(kind: str) -> bool:
    return kind == "AWS::CloudFormation::CustomResource" or kind.startswith("Custom::")


def _wrong(resource: Resource, kind: Type) -> Iterator[str]:
    for properties in branches(resource.properties):
        yield from problems(kind.properties, properties)
    for member, policy in (("deletion", resource.deletion_policy), ("update replace", resource.replace_policy)):
        if policy == "Snapshot":
            yield f"resource type {kind.name} does not support {member} policy Snapshot"
    if resource.creation_policy is not None and not kind.creation_policy:
        yield f"resource type {kind.name} does not support CreationPolicy"
    for name in _update_policies(resource.update_policy):
        if name not in kind.update_policies:
            yield f"resource type {kind.name} does not support the UpdatePolicy {name}"


def _update_policies(written: Any) -> Iterator[str]:
    """Their names; AWS has Fn::If in a resource's UpdatePolicy, too."""
    if is_function(written):
        ((name, argument),) = written.items()
        if name == "Fn::If" and isinstance(argument, list):
            for branch in argument[1:]:
                yield from _update_policies(branch)
    elif isinstance(written, dict):
        yield from written


def _check_attributes(template: Template, types: Types) -> None:
    bodies: list[Any] = [one.properties for one in template.resources.values()]
    bodies += [one.metadata for one in template.resources.values()]
    for name, attribute in attributes_used([*bodies, dict(template.outputs)]):
        if name not in template.resources:
            raise TemplateError(f"Template error: instance of Fn::GetAtt references undefined resource {name}")
        kind = types.get(template.resources[name].type)
        if kind is None:
            continue  # it is not going to be made; whoever needs it is told where it is evaluated
        known = attribute in kind.attributes or (kind.generic and attribute.startswith("Outputs."))
        if not known:
            raise TemplateError(
                f"Template error: resource {name} does not support attribute type {attribute} in Fn::GetAtt"
            )


def branches(properties: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What a resource's properties may be: AWS takes an Fn::If as the whole of them, and in its branches again."""
    if set(properties) != {"Fn::If"}:
        yield properties
        return
    for branch in _choice(properties)[1:]:
        yield from branches(branch)


def _choice(properties: Mapping[str, Any]) -> tuple[str, Mapping[str, Any], Mapping[str, Any]]:
    argument = properties["Fn::If"]
    if not isinstance(argument, list) or len(argument) != 3 or not isinstance(argument[0], str):
        raise TemplateError(MALFORMED_IF)
    name, *both = argument
    holds, otherwise = ({} if branch == NOTHING else branch for branch in both)
    if not isinstance(holds, dict) or not isinstance(otherwise, dict):
        raise TemplateError("Template format error: Every Properties member must be an object.")
    return name, holds, otherwise


def _chosen(resource: Resource, scope: Scope) -> Resource:
    properties = resource.properties
    while set(properties) == {"Fn::If"}:
        name, holds, otherwise = _choice(properties)
        properties = holds if condition(name, scope) else otherwise
    return resource if properties is resource.properties else replace(resource, properties=properties)


def active(template: Template, scope: Scope) -> dict[str, Resource]:
    """The resources whose condition holds, with the properties that the conditions choose.

    Raises:
        TemplateError: one of them refers to a resource that is not there then
    """
    return {
        name: _chosen(one, scope)
        for name, one in template.resources.items()
        if one.condition is None or condition(one.condition, scope)
    }


def required_capabilities(resources: Mapping[str, Resource], types: Types) -> list[str]:
    """AWS: IAM resources need CAPABILITY_IAM; with a name of their own CAPABILITY_NAMED_IAM, which stands for both."""
    kinds = {one.id: types[one.type] for one in resources.values() if one.type in types}
    capabilities = {kind.capability for kind in kinds.values()} - {None}
    if not capabilities:
        return []
    named = any(
        kind.named in properties
        for name, kind in kinds.items()
        if kind.capability and kind.named
        for properties in branches(resources[name].properties)
    )
    return ["CAPABILITY_NAMED_IAM"] if named else ["CAPABILITY_IAM"]


def lacking(required: list[str], given: list[str]) -> list[str]:
    return [one for one in required if one not in given and "CAPABILITY_NAMED_IAM" not in given]


def evaluated(resource: Resource, kind: Type, scope: Scope, resolve: Callable[[str], str] = str) -> dict[str, Any]:
    """The resource's properties, every function carried out, and checked once more.

    `resolve` gives a text with what its dynamic references stand for.

    Raises:
        TemplateError
    """
    found = {name: evaluate(value, scope) for name, value in resource.properties.items()}
    values = {name: with_texts(value, resolve) for name, value in found.items() if value is not NO_VALUE}
    wrong = next(problems(kind.properties, values), None)
    if wrong:
        raise TemplateError(wrong)
    return values


def with_texts(value: Any, change: Callable[[str], str]) -> Any:
    """The value, with every text in it changed."""
    if isinstance(value, dict):
        return {name: with_texts(inner, change) for name, inner in value.items()}
    if isinstance(value, list):
        return [with_texts(one, change) for one in value]
    return change(value) if isinstance(value, str) else value


def policy(value: Any, scope: Scope) -> Any:
    found = None if value is None else evaluate(value, scope)
    return None if found is NO_VALUE else found
