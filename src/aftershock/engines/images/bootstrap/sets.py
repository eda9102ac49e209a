"""Which configs are to be carried out, and in which order.  Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .errors import BuildError

INIT = "AWS::CloudFormation::Init"
AUTHENTICATION = "AWS::CloudFormation::Authentication"
SETS = "configSets"
DEFAULT = "default"
ONLY = "config"  # the name of the one config where there are no sets

Config = Mapping[str, Any]


def chosen(metadata: Mapping[str, Any], names: Sequence[str]) -> list[tuple[str, Config]]:
    """The configs of these sets, each with its name, in order; one that several sets have comes as often.

    Raises:
        BuildError: there is no such set or config, or a set contains itself
    """
    init = metadata.get(INIT)
    if not isinstance(init, Mapping) or not init:
        raise BuildError(f"The metadata has no {INIT}")
    if SETS not in init:
        if tuple(names) != (DEFAULT,):
            raise BuildError(f"Error: no ConfigSets defined in the metadata, and {', '.join(names)} asked for")
        return [(ONLY, _config(init, ONLY))] if ONLY in init else []
    sets = init[SETS]
    if not isinstance(sets, Mapping):
        raise BuildError(f"{SETS} should be a mapping of name to list")
    return [one for name in names for one in _of_set(init, sets, name, ())]


def _of_set(
    init: Mapping[str, Any], sets: Mapping[str, Any], name: str, above: tuple[str, ...]
) -> Iterator[tuple[str, Config]]:
    if name in above:
        raise BuildError(f"At least one circular dependency detected: {' -> '.join((*above, name))}")
    if name not in sets:
        raise BuildError(f"Error: no ConfigSet named {name} exists")
    members = sets[name] if isinstance(sets[name], list) else [sets[name]]
    for member in members:
        if isinstance(member, Mapping):
            if list(member) != ["ConfigSet"]:
                raise BuildError(f"ConfigSet {name} has a member that is neither a config nor a ConfigSet: {member}")
            yield from _of_set(init, sets, str(member["ConfigSet"]), (*above, name))
        else:
            yield str(member), _config(init, str(member))


def _config(init: Mapping[str, Any], name: str) -> Config:
    found = init.get(name)
    if found is None:
        raise BuildError(f"No such configuration: {name}")
    if not isinstance(found, Mapping):
        raise BuildError(f"Configuration {name} should be a mapping")
    return found


def truth(value: object) -> bool:
    """What a template says with true, "true", "yes" or 1."""
    return str(value).strip().lower() in ("true", "yes", "y", "1")
