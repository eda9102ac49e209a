"""Who uses what a stack exports, and so holds it."""

from aftershock.aws.call import Tx

from .records import EXPORTS, STACKS


def importers(tx: Tx, name: str) -> list[str]:
    """The names of the stacks that use an export."""
    return sorted(one.name for one in STACKS.every(tx) if one.exists and name in one.imports)


def held(tx: Tx, name: str, *, updating: bool = False) -> str | None:
    """Why an export may neither go nor change, if others use it."""
    users = ", ".join(importers(tx, name))
    if not users:
        return None
    if updating:
        return f"Cannot update export {name} as it is in use by {users}."
    return f"Delete canceled. Cannot delete export {name} as it is in use by {users}."


def held_of(tx: Tx, stack_id: str) -> str | None:
    """Why a stack may not go, if others use what it exports."""
    return next((why for one in EXPORTS.where(tx, "stack", stack_id) if (why := held(tx, one.name))), None)
