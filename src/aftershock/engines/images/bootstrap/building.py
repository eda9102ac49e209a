"""One config, carried out in AWS's order."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import accounts, commands, files, packages, services, sets, sources
from .errors import BuildError
from .keys import Keys

log = logging.getLogger("cfn-init")

# AWS: "cfn-init helper script processes these configuration sections in the following order: packages, groups, users,
# sources, files, commands, and then services".
STEPS: tuple[tuple[str, Callable[[Mapping[str, Any], Keys], Any]], ...] = (
    ("packages", lambda wanted, _: packages.install(wanted)),
    ("groups", lambda wanted, _: accounts.make_groups(wanted)),
    ("users", lambda wanted, _: accounts.make_users(wanted)),
    ("sources", sources.unpack),
    ("files", files.write),
    ("commands", lambda wanted, _: commands.run_all(wanted)),
)
SERVICES = "services"


def build(metadata: Mapping[str, Any], names: Sequence[str]) -> None:
    """Carry out these config sets.

    Raises:
        BuildError: what comes after the mistake is not done
    """
    chosen = sets.chosen(metadata, names)
    keys = Keys.of(metadata.get(sets.AUTHENTICATION) or {})
    for name, config in chosen:
        log.info("Running config %s", name)
        unknown = sorted(config.keys() - {step for step, _ in STEPS} - {SERVICES})
        if unknown:
            raise BuildError(f"Config {name} has an unknown section: {unknown[0]}")
        changed = {step: do(config[step], keys) for step, do in STEPS if config.get(step)}
        if config.get(SERVICES):
            services.settle(config[SERVICES], changed)
