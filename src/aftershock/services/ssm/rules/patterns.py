"""AllowedPattern: whether a value matches a caller's regular expression, in a time that is bounded.

Python's own matcher tries one way after the other, and there are short patterns for which that never ends; one such
pattern would stop the whole control plane.  Here all ways are followed at once: what is kept is the set of
positions that can be reached.
"""

import re
from re import _constants, _parser  # type: ignore[attr-defined]  # the only parser of Python's expressions
from typing import Any

from aftershock.aws.errors import AwsError

MAX_STEPS = 500_000  # positions visited; well below a second
_DIGIT, _SPACE, _WORD = (re.compile(text) for text in (r"\d", r"\s", r"\w"))
_CATEGORIES = {
    _constants.CATEGORY_DIGIT: (_DIGIT, True),
    _constants.CATEGORY_NOT_DIGIT: (_DIGIT, False),
    _constants.CATEGORY_SPACE: (_SPACE, True),
    _constants.CATEGORY_NOT_SPACE: (_SPACE, False),
    _constants.CATEGORY_WORD: (_WORD, True),
    _constants.CATEGORY_NOT_WORD: (_WORD, False),
}


def matches(pattern: str, value: str) -> bool:
    """Whether the whole value matches, as Java's `matches` has it.

    Raises:
        AwsError: InvalidAllowedPatternException for what is no pattern, uses look-around, back-references or
            flags, or takes too long.
    """
    try:
        tree = _parser.parse(pattern)
    except (re.error, OverflowError, RecursionError):
        raise _invalid() from None
    if tree.state.flags & ~re.UNICODE:
        raise _invalid()
    try:
        return len(value) in _Matcher(value).after(tree, {0})
    except RecursionError:
        raise _invalid() from None


def _invalid() -> AwsError:
    text = "The request doesn't meet the regular expression requirement."
    return AwsError("InvalidAllowedPatternException", text)


class _Matcher:
    def __init__(self, value: str) -> None:
        self._value = value
        self._steps = 0

    def after(self, nodes: Any, starts: set[int]) -> set[int]:
        """The positions where a match of these nodes in a row can end, if it begins at one of `starts`."""
        for operator, argument in nodes:
            starts = self._after_one(operator, argument, starts)
            if not starts:
                break
        return starts

    def _after_one(self, operator: Any, argument: Any, starts: set[int]) -> set[int]:
        self._steps += len(starts) + 1
        if self._steps > MAX_STEPS:
            raise _invalid()
        match operator:
            case _constants.AT:
                return {start for start in starts if self._is_at(argument, start)}
            case _constants.SUBPATTERN:
                _group, add_flags, del_flags, inner = argument
                if add_flags or del_flags:
                    raise _invalid()
                return self.after(inner, starts)
            case _constants.BRANCH:
                return set().union(*(self.after(branch, starts) for branch in argument[1]))
            case _constants.MAX_REPEAT | _constants.MIN_REPEAT:
                least, most, inner = argument
                return self._after_repeat(least, most, inner, starts)
        value, size = self._value, len(self._value)
        return {start + 1 for start in starts if start < size and _fits(operator, argument, value[start])}

    def _is_at(self, where: Any, position: int) -> bool:
        if where in (_constants.AT_BEGINNING, _constants.AT_BEGINNING_STRING):
            return position == 0
        if where in (_constants.AT_END, _constants.AT_END_STRING):
            return position == len(self._value)
        raise _invalid()

    def _after_repeat(self, least: int, most: int, inner: Any, starts: set[int]) -> set[int]:
        for _ in range(least):
            starts = self.after(inner, starts)
            if not starts:
                return starts
        reached, frontier, done = set(starts), starts, least
        while frontier and done < most:
            frontier = self.after(inner, frontier) - reached
            reached |= frontier
            done += 1
        return reached


def _fits(operator: Any, argument: Any, character: str) -> bool:
    match operator:
        case _constants.LITERAL:
            return bool(ord(character) == argument)
        case _constants.NOT_LITERAL:
            return bool(ord(character) != argument)
        case _constants.ANY:
            return character != "\n"
        case _constants.IN:
            negated = argument[0][0] is _constants.NEGATE
            return bool(any(_is_in(item, character) for item in argument[negated:]) != negated)
    raise _invalid()


def _is_in(item: tuple[Any, Any], character: str) -> bool:
    operator, argument = item
    if operator is _constants.LITERAL:
        return bool(ord(character) == argument)
    if operator is _constants.RANGE:
        return bool(argument[0] <= ord(character) <= argument[1])
    pattern, wanted = _CATEGORIES[argument]
    return bool((pattern.match(character) is not None) == wanted)
