"""One config, carried out in AWS's order."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import accounts, commands, files, packages, services, sets, sources
from .errors import BuildError

log = logging.getLogger("cfn-init")

# AWS: "cfn-init helper script processes these configuration sections in the following order: packages, groups, users,
# sources, files, commands, and then services".
STEPS: tuple[tuple[str, Callable[[Mapping[str, Any]], Any]], ...] = (
    ("packages", packages.install),
    ("groups", accounts.make_groups),
    ("users", accounts.make_users),
    ("sources", sources.unpack),
    ("files", files.write),
    ("commands", commands.run_all),
)
SERVICES = "services"


def build(metadata: Mapping[str, Any], names: Sequence[str]) -> None:
    """Carry out these config sets.

    Raises:
        BuildError: what comes after the mistake is not done
    """
    chosen = sets.chosen(metadata, names)
    if metadata.get(sets.AUTHENTICATION):
        raise BuildError(f"{sets.AUTHENTICATION} is not supported on this machine; sources must be open to it")
    for name, config in chosen:
        log.info("Running config %s", name)
        unknown = sorted(config.keys() - {step for step, _ in STEPS} - {SERVICES})
        if unknown:
            raise BuildError(f"Config {name} has an unknown section: {unknown[0]}")
        changed = {step: do(config[step]) for step, do in STEPS if config.get(step)}
        if config.get(SERVICES):
            services.settle(config[SERVICES], changed)
