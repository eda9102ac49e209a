"""Reading an expression: a parser by recursive descent, from the loosest operator to the tightest."""

from collections.abc import Iterator
from dataclasses import dataclass

from .series import MathError
from .tokens import Token, tokens

MAX_DEPTH = 60  # brackets and signs within one another; nobody writes more, and Python's stack ends somewhere


@dataclass(frozen=True, slots=True)
class Number:
    value: float


@dataclass(frozen=True, slots=True)
class Name:
    """The id of another query, or a word that a function knows, such as DESC."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Array:
    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Negated:
    of: "Node"


@dataclass(frozen=True, slots=True)
class Binary:
    operator: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Application:
    function: str
    arguments: tuple["Node", ...]


Node = Number | Name | Text | Array | Negated | Binary | Application

_LEVELS = (("||",), ("&&",), ("==", "!=", "<=", ">=", "<", ">"), ("+", "-"), ("*", "/"))


def parse(expression: str) -> Node:
    """
    Raises:
        MathError: what is wrong, and where
    """
    reader = _Reader(tokens(expression))
    node = reader.operators(0)
    reader.require("end", "")
    return node


def names(node: Node) -> Iterator[str]:
    """Every name in the expression that begins with a lower-case letter: the ids of other queries."""
    match node:
        case Name(text):
            if text[0].islower():
                yield text
        case Array(items) | Application(_, items):
            for item in items:
                yield from names(item)
        case Negated(inner):
            yield from names(inner)
        case Binary(_, left, right):
            yield from names(left)
            yield from names(right)


class _Reader:
    def __init__(self, words: list[Token]) -> None:
        self._words, self._at, self._depth = words, 0, 0

    def operators(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._signed()
        node = self.operators(level + 1)
        while self._next.kind == "symbol" and self._next.text in _LEVELS[level]:
            operator = self._take().text
            node = Binary(operator, node, self.operators(level + 1))
            self._limit(node)
        return node

    def require(self, kind: str, text: str) -> Token:
        if (self._next.kind, self._next.text) != (kind, text):
            raise _wrong(self._next)
        return self._take()

    def _signed(self) -> Node:
        if self._next.kind == "symbol" and self._next.text == "-":
            self._take()
            with self:
                return Negated(self._signed())
        return self._power()

    def _power(self) -> Node:
        base = self._primary()
        if self._next.kind == "symbol" and self._next.text == "^":
            self._take()
            with self:
                return Binary("^", base, self._signed())
        return base

    def _primary(self) -> Node:
        word = self._take()
        match word:
            case Token("number", text):
                return Number(float(text))
            case Token("text", text):
                return Text(text)
            case Token("name", text):
                if self._next.kind == "symbol" and self._next.text == "(":
                    self._take()
                    return Application(text, self._items(")"))
                return Name(text)
            case Token("symbol", "("):
                with self:
                    node = self.operators(0)
                self.require("symbol", ")")
                return node
            case Token("symbol", "["):
                return Array(self._items("]"))
        raise _wrong(word)

    def _items(self, closing: str) -> tuple[Node, ...]:
        items: list[Node] = []
        with self:
            while not (self._next.kind == "symbol" and self._next.text == closing):
                if items:
                    self.require("symbol", ",")
                items.append(self.operators(0))
        self._take()
        return tuple(items)

    def _limit(self, node: Node) -> None:
        """A long chain of operators is deep to its left."""
        depth = 0
        while isinstance(node, Binary):
            node, depth = node.left, depth + 1
        if depth > 4 * MAX_DEPTH:
            raise MathError("The expression is too complex")

    def __enter__(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise MathError("The expression is too complex")

    def __exit__(self, *_: object) -> None:
        self._depth -= 1

    @property
    def _next(self) -> Token:
        return self._words[self._at]

    def _take(self) -> Token:
        word = self._next
        if word.kind != "end":
            self._at += 1
        return word


def _wrong(word: Token) -> MathError:
    if word.kind == "end":
        return MathError("Unexpected end of expression")
    return MathError(f"Invalid syntax at position {word.at}")
