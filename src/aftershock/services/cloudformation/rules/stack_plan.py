"""What to do next for a stack: from what its resources are to the steps that may be taken now.

A step may be taken when all that it waits for is done; so steps of one plan are independent of one another.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Standing:
    """How a resource stands."""

    status: str  # CREATE_COMPLETE, UPDATE_IN_PROGRESS …
    current: bool  # it was seen to in this turn of the stack
    depends: frozenset[str] = frozenset()
    changed: bool = False  # by the update that is taken back
    leftovers: int = 0  # things that it replaced and that are still there

    @property
    def complete(self) -> bool:
        return self.status in ("CREATE_COMPLETE", "IMPORT_COMPLETE", "UPDATE_COMPLETE")

    @property
    def under_way(self) -> bool:
        return self.current and self.status.endswith("_IN_PROGRESS")

    @property
    def failed(self) -> bool:
        return self.current and self.status.endswith("_FAILED")

    @property
    def gone(self) -> bool:
        return self.status in ("DELETE_COMPLETE", "DELETE_SKIPPED")


@dataclass(frozen=True, slots=True)
class Steps:
    """Begin these, look at those; and how the phase ends, if it does."""

    begin: tuple[str, ...] = ()
    look: tuple[str, ...] = ()
    cancel: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    done: bool = False


def forward(wanted: Mapping[str, Iterable[str]], there: Mapping[str, Standing]) -> Steps:
    """Making and changing: each resource when all that it depends on is complete in this turn."""
    now = {name: one for name, one in there.items() if name in wanted and one.current}
    failed = tuple(sorted(name for name, one in now.items() if one.failed))
    look = tuple(sorted(name for name, one in now.items() if one.under_way))
    if failed:
        return Steps(cancel=look, failed=failed)
    complete = {name for name, one in now.items() if one.complete}
    begin = tuple(sorted(name for name, depends in wanted.items() if name not in now and complete.issuperset(depends)))
    return Steps(begin=begin, look=look, done=complete == wanted.keys())


def removing(there: Mapping[str, Standing]) -> Steps:
    """Each resource when nothing is left that depends on it.  What cannot be removed keeps only what it depends on.

    What `begin` names may have leftovers, which go before it does.
    """
    left = {name: one for name, one in there.items() if not one.gone or one.leftovers}
    needed = {name for other, one in left.items() for name in one.depends if name != other}
    failed = tuple(sorted(name for name, one in left.items() if one.failed))
    look = tuple(sorted(name for name, one in left.items() if one.under_way))
    begin = tuple(sorted(left.keys() - needed - {*failed, *look}))
    if not (begin or look or failed):
        begin = tuple(sorted(left))  # a ring, which no template makes, shall not keep a stack for ever
    return Steps(begin=begin, look=look, failed=() if begin or look else failed, done=not left)


def back(kept: Iterable[str], there: Mapping[str, Standing]) -> Steps:
    """Taking an update back: what it changed gets its old settings, each when what that depends on has its own."""
    known = {name: there[name] for name in kept if name in there}
    left = {name: one for name, one in known.items() if one.changed or not one.complete}
    failed = tuple(sorted(name for name, one in left.items() if one.failed))
    look = tuple(sorted(name for name, one in left.items() if one.under_way))
    if failed:
        return Steps(look=look, failed=() if look else failed)
    begin = tuple(
        sorted(name for name, one in left.items() if name not in look and not (one.depends & (left.keys() - {name})))
    )
    return Steps(begin=begin, look=look, done=not left)


def cleaning(kept: Iterable[str], there: Mapping[str, Standing]) -> Steps:
    """After an update: what the template no longer has is removed, and what was replaced.

    `begin` and `look` name resources that are not kept, and resources that have leftovers.
    """
    keep = set(kept)
    left = {
        name: one
        for name, one in there.items()
        if (name not in keep and not one.gone and not one.failed) or (name in keep and one.leftovers)
    }
    needed = {name for other, one in left.items() for name in one.depends if name != other}
    look = tuple(sorted(name for name, one in left.items() if name not in keep and one.under_way))
    begin = tuple(sorted(left.keys() - needed - set(look)))
    if not (begin or look):
        begin = tuple(sorted(left))
    return Steps(begin=begin, look=look, done=not left)
