"""One function per shape, made once: the base of every reader, writer and check of this room.

Walking a model for every value costs more than the value itself, so each protocol compiles a shape into closures
the first time an operation needs it.
"""

from collections.abc import Callable, Hashable
from threading import RLock
from typing import Any, ClassVar, Self
from weakref import WeakKeyDictionary

from botocore.model import ServiceModel, Shape, StructureShape


class ResultError(Exception):
    """A handler of ours returned what its model does not know; a bug, never the caller's fault."""


class ShapeTable:
    """The functions one kind of reader, writer or check has made for one service's shapes."""

    _tables: ClassVar[WeakKeyDictionary[ServiceModel, Any]]

    def __init_subclass__(cls) -> None:
        cls._tables = WeakKeyDictionary()

    @classmethod
    def for_service(cls, service: ServiceModel) -> Self:
        table: Self | None = cls._tables.get(service)
        if table is None:
            table = cls._tables[service] = cls()
        return table

    def __init__(self) -> None:
        self._made: dict[Hashable, Callable[..., Any]] = {}
        self._lock = RLock()

    def of(self, shape: Shape, *how: Hashable) -> Callable[..., Any]:
        # A member may override what its shape says (its name, its format, its enum), so the name is not enough.
        key = (shape.name, repr(shape.serialization), repr(shape.metadata), how)
        with self._lock:
            made = self._made.get(key)
            if made is None:
                # A shape that contains itself finds this stand-in while it is being made.
                def stand_in(*args: Any) -> Any:
                    return self._made[key](*args)

                self._made[key] = stand_in
                made = self._made[key] = self.make(shape, *how)
        return made

    def make(self, shape: Shape, *how: Any) -> Callable[..., Any]:
        raise NotImplementedError


def body_members(shape: StructureShape) -> dict[str, Shape]:
    """The members that travel in the body, which is all of them where nothing is bound to the rest of the message."""
    return {name: member for name, member in shape.members.items() if "location" not in member.serialization}


def wire_name(name: str, shape: Shape) -> str:
    return str(shape.serialization.get("name", name))


def itself(value: Any) -> Any:
    return value


def unknown_member(shape: Shape, name: str) -> ResultError:
    return ResultError(f"{shape.name} has no member {name!r}")
