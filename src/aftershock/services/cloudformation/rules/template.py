"""A template's sections, checked for their form, and what in it refers to what."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import TemplateError
from .foreach import unrolled, with_policies
from .functions import PLACEHOLDER, Scope, Unknown
from .loading import Loaded, load

SECTIONS = [
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Mappings",
    "Conditions",
    "Rules",
    "Transform",
    "Hooks",
    "Resources",
    "Outputs",
]
VERSION = "2010-09-09"
EXTENSIONS = "AWS::LanguageExtensions"
RESOURCE_MEMBERS = frozenset(
    [
        "Type",
        "Properties",
        "Metadata",
        "DependsOn",
        "Condition",
        "DeletionPolicy",
        "UpdateReplacePolicy",
        "CreationPolicy",
        "UpdatePolicy",
        "Description",
    ]
)
OUTPUT_MEMBERS = frozenset(["Description", "Value", "Export", "Condition"])
POLICIES = ("Delete", "Retain", "RetainExceptOnCreate", "Snapshot")
PSEUDO = frozenset(
    f"AWS::{name}"
    for name in ["AccountId", "NotificationARNs", "NoValue", "Partition", "Region", "StackId", "StackName", "URLSuffix"]
)
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MAX_RESOURCES, MAX_PARAMETERS, MAX_OUTPUTS, MAX_MAPPINGS = 500, 200, 200, 200
MAX_DESCRIPTION_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource as the template has it."""

    id: str
    type: str
    properties: Mapping[str, Any]
    metadata: Any = None
    depends_on: tuple[str, ...] = ()
    condition: str | None = None
    deletion_policy: str | None = None
    replace_policy: str | None = None
    creation_policy: Any = None
    update_policy: Any = None

    def references(self) -> set[str]:
        """The names it refers to, wherever; parameters too."""
        policies = (self.creation_policy, self.update_policy)
        return {*self.depends_on, *references((self.properties, self.metadata, *policies))}


@dataclass(frozen=True, slots=True)
class Template:
    loaded: Loaded
    description: str | None
    metadata: Any
    parameters: Mapping[str, Mapping[str, Any]]
    mappings: Mapping[str, Any]
    conditions: Mapping[str, Any]
    rules: Mapping[str, Any]
    resources: Mapping[str, Resource]
    outputs: Mapping[str, Mapping[str, Any]]
    transforms: tuple[str, ...] = ()

    @property
    def extended(self) -> bool:
        return EXTENSIONS in self.transforms

    def place(self, section: str, name: str) -> str:
        """Where something stands, for a message: "Web (line 12)"."""
        line = self.loaded.line(section, name)
        return f"{name} (line {line})" if line else name


def read(text: str, values: Mapping[str, Any] | None = None) -> Template:
    """The template of a text.

    The language extensions may hang on parameters: `values` has what these are; without it, while only the form is
    looked at, they are their defaults, or unknown.

    Raises:
        TemplateError: its form is not a template's, or a name in it leads nowhere
    """
    loaded = load(text)
    whole: Mapping[str, Any] = loaded.value
    unknown = [name for name in whole if name not in SECTIONS]
    if unknown:
        raise TemplateError(f"Invalid template property or properties [{', '.join(unknown)}]")
    _check_head(whole)
    transforms = _transforms(whole.get("Transform"))
    if EXTENSIONS in transforms:
        whole = unrolled(whole, _scope(whole, values))
        whole["Resources"] = with_policies(_section(whole, "Resources"), _scope(whole, values))
    template = Template(
        loaded=loaded,
        description=whole.get("Description"),
        metadata=whole.get("Metadata"),
        parameters=_members(whole, "Parameters", MAX_PARAMETERS),
        mappings=_mappings(whole),
        conditions=_section(whole, "Conditions"),
        rules=_section(whole, "Rules"),
        resources=_resources(whole, loaded),
        outputs=_members(whole, "Outputs", MAX_OUTPUTS),
        transforms=transforms,
    )
    _check_outputs(template)
    _check_conditions(template)
    _check_references(template)
    order(dependencies(template.resources))
    return template


def _check_head(whole: Mapping[str, Any]) -> None:
    version = whole.get("AWSTemplateFormatVersion", VERSION)
    if version != VERSION:
        raise TemplateError(f"Template format error: {version} is not a supported value for AWSTemplateFormatVersion.")
    description = whole.get("Description", "")
    if not isinstance(description, str):
        raise TemplateError("Template format error: Every Description member must be a string.")
    if len(description.encode()) > MAX_DESCRIPTION_BYTES:
        raise TemplateError(
            f"Template format error: Template description is longer than {MAX_DESCRIPTION_BYTES} bytes."
        )
    if "Hooks" in whole:
        raise TemplateError("Template error: the section Hooks is not supported in this region.")


def _transforms(written: Any) -> tuple[str, ...]:
    names = written if isinstance(written, list) else [] if written is None else [written]
    for name in names:
        if name != EXTENSIONS:
            shown = name.get("Name") if isinstance(name, dict) else name
            raise TemplateError(
                f"No transform named {shown} found. A macro is an AWS Lambda function, which this region lacks, "
                f"and {EXTENSIONS} is the only transform."
            )
    return tuple(names)


def _scope(whole: Mapping[str, Any], values: Mapping[str, Any] | None) -> Scope:
    parameters = _section(whole, "Parameters")
    defaults = {
        name: str(one["Default"]).split(",") if "List" in str(one.get("Type")) else one["Default"]
        for name, one in parameters.items()
        if isinstance(one, dict) and "Default" in one
    }

    def reference(name: str) -> Any:
        if values is None and name in parameters:
            raise Unknown
        raise TemplateError(f"Template format error: Unresolved dependencies [{name}]")

    return Scope(
        values={**defaults, **(values or {})},
        mappings=_section(whole, "Mappings"),
        conditions=_section(whole, "Conditions"),
        reference=reference,
        extended=True,
    )


def _section(whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = whole.get(name, {})
    if not isinstance(found, dict):
        raise TemplateError(f"Template format error: {name} must be an object.")
    return found


def _members(whole: Mapping[str, Any], name: str, most: int) -> Mapping[str, Mapping[str, Any]]:
    found = _section(whole, name)
    if len(found) > most:
        raise TemplateError(f"Template format error: Number of {name.lower()}, {len(found)}, is greater than {most}")
    for key, value in found.items():
        if not isinstance(value, dict):
            raise TemplateError(f"Template format error: Every {name} member must be an object; {key} is not.")
        _check_name(name, key)
    return found


def _check_name(section: str, name: str) -> None:
    if not (name.isascii() and name.isalnum()) or len(name) > 255:
        kind = section.removesuffix("s").lower()
        raise TemplateError(f"Template format error: {kind.capitalize()} name {name} is non alphanumeric.")


def _mappings(whole: Mapping[str, Any]) -> Mapping[str, Any]:
    found = _members(whole, "Mappings", MAX_MAPPINGS)
    for name, first in found.items():
        for key, second in first.items():
            if not isinstance(second, dict):
                raise TemplateError(
                    f"Template format error: Every Mappings member {name} must have objects with attributes; "
                    f"{key} has none."
                )
            for attribute, value in second.items():
                items = value if isinstance(value, list) else [value]
                if any(isinstance(item, dict | list) for item in items):
                    raise TemplateError(
                        f"Template format error: Every Mappings attribute must be a String or a List; "
                        f"{name}::{key}::{attribute} is not."
                    )
    return found


def _resources(whole: Mapping[str, Any], loaded: Loaded) -> Mapping[str, Resource]:
    found = _members(whole, "Resources", MAX_RESOURCES)
    if not found:
        raise TemplateError("Template format error: At least one Resources member must be defined.")
    return {name: _resource(name, value, loaded) for name, value in found.items()}


def _resource(name: str, value: Mapping[str, Any], loaded: Loaded) -> Resource:
    line = loaded.line("Resources", name)
    place = f"[/Resources/{name}]" + (f" (line {line})" if line else "")
    unknown = [member for member in value if member not in RESOURCE_MEMBERS]
    if unknown:
        raise TemplateError(f"Invalid template resource property '{unknown[0]}' {place}")
    kind = value.get("Type")
    if not isinstance(kind, str) or not kind:
        raise TemplateError(f"Template format error: {place} Every Resources object must contain a Type member.")
    if not isinstance(value.get("Properties", {}), dict):
        raise TemplateError(f"Template format error: {place} Every Properties member must be an object.")
    depends = value.get("DependsOn", [])
    depends = [depends] if isinstance(depends, str) else depends
    if not isinstance(depends, list) or not all(isinstance(one, str) for one in depends):
        raise TemplateError(f"Template format error: {place} Every DependsOn value must be a string.")
    when = value.get("Condition")
    if when is not None and not isinstance(when, str):
        raise TemplateError(f"Template format error: {place} Every Condition member must be a string.")
    for member in ("DeletionPolicy", "UpdateReplacePolicy"):
        policy = value.get(member)
        if policy is not None and (
            policy not in POLICIES or (policy == "RetainExceptOnCreate" and member == "UpdateReplacePolicy")
        ):
            raise TemplateError(f"Template error: {place} Unrecognized {member} {policy} for resource {name}")
    return Resource(
        id=name,
        type=kind,
        properties=value.get("Properties", {}),
        metadata=value.get("Metadata"),
        depends_on=tuple(depends),
        condition=when,
        deletion_policy=value.get("DeletionPolicy"),
        replace_policy=value.get("UpdateReplacePolicy"),
        creation_policy=value.get("CreationPolicy"),
        update_policy=value.get("UpdatePolicy"),
    )


def _check_outputs(template: Template) -> None:
    for name, output in template.outputs.items():
        place = template.place("Outputs", name)
        unknown = [member for member in output if member not in OUTPUT_MEMBERS]
        if unknown:
            raise TemplateError(f"Invalid template output property '{unknown[0]}' in {place}")
        if "Value" not in output:
            raise TemplateError(f"Template format error: Every Outputs member must contain a Value object; {place}")
        if not isinstance(output.get("Description", ""), str):
            raise TemplateError(f"Template format error: Every Description member must be a string; {place}")
        if "Export" in output and (not isinstance(output["Export"], dict) or set(output["Export"]) != {"Name"}):
            raise TemplateError(f"Template format error: Every Export must contain a Name member; {place}")


def _check_conditions(template: Template) -> None:
    used = [one.condition for one in template.resources.values() if one.condition]
    used += [one["Condition"] for one in template.outputs.values() if "Condition" in one]
    used += [
        name
        for part in (template.conditions, _bodies(template), template.outputs)
        for name in _condition_names(part, inside=part is template.conditions)
    ]
    for name in used:
        if name not in template.conditions:
            raise TemplateError(
                f"Template format error: Unresolved condition dependency {name} in the Conditions block of the template"
            )


def _bodies(template: Template) -> list[Any]:
    return [one.properties for one in template.resources.values()]


def _condition_names(value: Any, *, inside: bool) -> Iterator[str]:
    """Names of conditions that functions use; `{"Condition": name}` means one only among conditions."""
    if isinstance(value, list):
        for one in value:
            yield from _condition_names(one, inside=inside)
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "Fn::If" and isinstance(inner, list) and inner and isinstance(inner[0], str):
                yield inner[0]
            if name == "Condition" and inside and len(value) == 1 and isinstance(inner, str):
                yield inner
            yield from _condition_names(inner, inside=inside or name in ("Fn::And", "Fn::Or", "Fn::Not"))


def _check_references(template: Template) -> None:
    known = {*template.parameters, *template.resources, *PSEUDO}
    for part, name in (("Conditions", template.conditions), ("Rules", template.rules)):
        lost = sorted(references(name) - {*template.parameters, *PSEUDO})
        if lost:
            raise TemplateError(
                f"Template format error: Unresolved dependencies [{', '.join(lost)}]. Cannot reference resources in "
                f"the {part} block of the template"
            )
    for resource in template.resources.values():
        lost = sorted(resource.references() - known)
        if lost:
            line = template.loaded.line("Resources", resource.id)
            where = f" (resource {resource.id}, line {line})" if line else f" (resource {resource.id})"
            raise TemplateError(
                f"Template format error: Unresolved resource dependencies [{', '.join(lost)}] in the Resources block "
                f"of the template{where}"
            )
    for output in template.outputs.values():
        lost = sorted(references(output) - known)
        if lost:
            raise TemplateError(
                f"Template format error: Unresolved resource dependencies [{', '.join(lost)}] in the Outputs block of "
                "the template"
            )


def references(value: Any) -> set[str]:
    """The names that Ref, Fn::GetAtt and Fn::Sub in the value lead to."""
    return set(_references(value))


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, list | tuple):
        for one in value:
            yield from _references(one)
    if not isinstance(value, dict):
        return
    for name, inner in value.items():
        if name == "Ref" and len(value) == 1 and isinstance(inner, str):
            yield inner
        elif name == "Fn::GetAtt" and len(value) == 1:
            parts = inner.split(".", 1) if isinstance(inner, str) else inner
            if isinstance(parts, list) and parts and isinstance(parts[0], str):
                yield parts[0]
                yield from _references(parts[1:])
        elif name == "Fn::Sub" and len(value) == 1:
            yield from _substituted(inner)
        else:
            yield from _references(inner)


def _substituted(argument: Any) -> Iterator[str]:
    text, own = argument, {}
    if isinstance(argument, list) and len(argument) == 2 and isinstance(argument[1], dict):
        text, own = argument
        yield from _references(list(own.values()))
    if isinstance(text, str):
        for found in PLACEHOLDER.finditer(text):
            name = found[1].strip()
            if name and not name.startswith("!") and name not in own:
                yield name.partition(".")[0]


def attributes_used(value: Any) -> Iterator[tuple[str, str]]:
    """Every (resource, attribute) that is asked for with a name written out."""
    if isinstance(value, list | tuple):
        for one in value:
            yield from attributes_used(one)
    if not isinstance(value, dict):
        return
    for name, inner in value.items():
        if name == "Fn::GetAtt":
            parts = inner.split(".", 1) if isinstance(inner, str) else inner
            if isinstance(parts, list) and len(parts) == 2 and all(isinstance(part, str) for part in parts):
                yield parts[0], parts[1]
        elif name == "Fn::Sub":
            text, own = (inner, {}) if isinstance(inner, str) else (inner[0], inner[1])
            for found in PLACEHOLDER.finditer(text if isinstance(text, str) else ""):
                resource, dot, attribute = found[1].strip().partition(".")
                if dot and found[1].strip() not in own and not resource.startswith("!"):
                    yield resource, attribute
        yield from attributes_used(inner)


def dependencies(resources: Mapping[str, Resource]) -> dict[str, set[str]]:
    """What each resource waits for: the resources it refers to."""
    return {name: (one.references() & resources.keys()) for name, one in resources.items()}


def order(depends: Mapping[str, Iterable[str]]) -> list[str]:
    """The names, each behind all it depends on.

    Raises:
        TemplateError: some depend on one another in a ring; the message names these
    """
    left = {name: {other for other in others if other in depends} for name, others in depends.items()}
    done: list[str] = []
    while left:
        free = [name for name, others in left.items() if not others]
        if not free:
            ring = ", ".join(sorted(_rings(left)))
            raise TemplateError(f"Circular dependency between resources: [{ring}]")
        done += free
        for name in free:
            del left[name]
        for others in left.values():
            others.difference_update(free)
    return done


def _rings(left: Mapping[str, set[str]]) -> set[str]:
    """Of what nothing is free: without those that only wait for a ring, and are waited for by none."""
    inside = {name: set(others) for name, others in left.items()}
    while True:
        wanted = set().union(*inside.values())
        idle = [name for name in inside if name not in wanted]
        if not idle:
            return set(inside)
        for name in idle:
            del inside[name]
