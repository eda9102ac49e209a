"""Rule expressions of composite alarms: `ALARM("a") AND (OK(b) OR AT_LEAST(50%, NOT OK, (c, d)))`.

AWS: "at most 100 child alarms", "as many as 500 elements".
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from aftershock.aws import arn as arns

from .errors import validation

MAX_CHILDREN = 100
MAX_ELEMENTS = 500
MAX_DEPTH = 60  # Python's stack ends somewhere

_LISTED = r"""(?:"[^"]+"|'[^']+'|[^\s()"',]+)"""
_TOKEN = re.compile(
    rf"""\s*(?:
        (?P<state>ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:"(?P<double>[^"]+)"|'(?P<single>[^']+)'|(?P<bare>[^\s()"']+))\s*\)
      | AT_LEAST\s*\(\s*(?P<count>[0-9]{{1,3}})(?P<percent>%?)\s*,\s*(?P<but>NOT\s+)?(?P<of>ALARM|OK|INSUFFICIENT_DATA)
        \s*,\s*\(\s*(?P<listed>{_LISTED}(?:\s*,\s*{_LISTED})*)\s*\)\s*\)
      | (?P<word>(?i:AND|OR|NOT|TRUE|FALSE))\b
      | (?P<bracket>[()])
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Constant:
    value: bool


@dataclass(frozen=True, slots=True)
class Is:
    """That an alarm is in a state."""

    state: str
    alarm: str  # its name


@dataclass(frozen=True, slots=True)
class AtLeast:
    """That so many of some alarms are in a state, or are not."""

    count: int
    state: str
    but: bool  # not in it
    alarms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Not:
    of: "Rule"


@dataclass(frozen=True, slots=True)
class Both:
    left: "Rule"
    right: "Rule"


@dataclass(frozen=True, slots=True)
class Either:
    left: "Rule"
    right: "Rule"


Rule = Constant | Is | AtLeast | Not | Both | Either


def parse(expression: str) -> Rule:
    """
    Raises:
        AwsError: ValidationError
    """
    return _Reader(list(_words(expression))).whole()


def children(rule: Rule) -> tuple[str, ...]:
    """The names of the alarms in the rule, each once, in its order."""
    return tuple(dict.fromkeys(_children(rule)))


def _children(rule: Rule) -> Iterator[str]:
    match rule:
        case Is(_, alarm):
            yield alarm
        case AtLeast(alarms=alarms):
            yield from alarms
        case Not(inner):
            yield from _children(inner)
        case Both(left, right) | Either(left, right):
            yield from _children(left)
            yield from _children(right)


def holds(rule: Rule, states: Mapping[str, str]) -> bool:
    """Whether the rule is true; an alarm that is not there is in no state."""
    match rule:
        case Constant(value):
            return value
        case Is(state, alarm):
            return states.get(alarm) == state
        case AtLeast(count, state, but, alarms):
            return sum((states.get(alarm) == state) != but for alarm in alarms) >= count
        case Not(inner):
            return not holds(inner, states)
        case Both(left, right):
            return holds(left, states) and holds(right, states)
        case Either(left, right):
            return holds(left, states) or holds(right, states)


def circle(name: str, own: tuple[str, ...], children_of: Callable[[str], tuple[str, ...]]) -> bool:
    """Whether an alarm with these children would look at itself."""
    left, seen = list(own), set[str]()
    while left:
        child = left.pop()
        if child == name:
            return True
        if child not in seen:
            seen.add(child)
            left += children_of(child)
    return False


def _words(expression: str) -> Iterator["re.Match[str]"]:
    at, end = 0, len(expression.rstrip())
    while at < end:
        match = _TOKEN.match(expression, at)
        if match is None:
            raise _wrong(f"invalid syntax at position {at}")
        yield match
        at = match.end()


def _wrong(problem: str) -> Exception:
    return validation(f"Invalid alarm rule expression: {problem}.")


class _Reader:
    """NOT binds tighter than AND, and that tighter than OR."""

    def __init__(self, words: list["re.Match[str]"]) -> None:
        self._words, self._at, self._depth = words, 0, 0
        if sum(map(_elements, words)) > MAX_ELEMENTS:
            raise _wrong(f"it has more than {MAX_ELEMENTS} elements")
        names = {_name(one) for one in words if one["state"]}.union(*(_listed(one) for one in words if one["listed"]))
        if len(names) > MAX_CHILDREN:
            raise _wrong(f"it names more than {MAX_CHILDREN} alarms")

    def whole(self) -> Rule:
        rule = self._either()
        if self._at != len(self._words):
            raise _wrong(f"invalid syntax at position {self._words[self._at].start()}")
        return rule

    def _either(self) -> Rule:
        terms = [self._both()]
        while self._takes_word("OR"):
            terms.append(self._both())
        return _balanced(terms, Either)

    def _both(self) -> Rule:
        terms = [self._not()]
        while self._takes_word("AND"):
            terms.append(self._not())
        return _balanced(terms, Both)

    def _not(self) -> Rule:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _wrong("it is too complex")
        rule: Rule = Not(self._not()) if self._takes_word("NOT") else self._term()
        self._depth -= 1
        return rule

    def _term(self) -> Rule:
        if self._at == len(self._words):
            raise _wrong("unexpected end")
        word = self._words[self._at]
        self._at += 1
        if word["state"]:
            return Is(word["state"], _name(word))
        if word["listed"]:
            return _at_least(word)
        if _word(word) in ("TRUE", "FALSE"):
            return Constant(_word(word) == "TRUE")
        if word["bracket"] == "(":
            rule = self._either()
            if not self._takes_closing():
                raise _wrong("a bracket is not closed")
            return rule
        raise _wrong(f"invalid syntax at position {word.start()}")

    def _takes_word(self, text: str) -> bool:
        return self._takes(lambda word: _word(word) == text)

    def _takes_closing(self) -> bool:
        return self._takes(lambda word: bool(word["bracket"] == ")"))

    def _takes(self, wanted: Callable[["re.Match[str]"], bool]) -> bool:
        if self._at < len(self._words) and wanted(self._words[self._at]):
            self._at += 1
            return True
        return False


def _word(match: "re.Match[str]") -> str:
    return (match["word"] or "").upper()


def _elements(word: "re.Match[str]") -> int:
    """How many elements it is: an alarm, a constant and a pair of brackets are one each."""
    if word["listed"]:
        return len(_listed(word)) + 1
    return int(bool(word["state"]) or _word(word) in ("TRUE", "FALSE") or word["bracket"] == "(")


def _listed(word: "re.Match[str]") -> tuple[str, ...]:
    return tuple(alarm_name(one.strip("\"'")) for one in re.findall(_LISTED, word["listed"]))


def _at_least(word: "re.Match[str]") -> AtLeast:
    alarms, count = _listed(word), int(word["count"])
    most = 100 if word["percent"] else len(alarms)
    if not 1 <= count <= most:
        raise _wrong(f"AT_LEAST needs a number from 1 to {most} at position {word.start()}")
    if word["percent"]:
        count = -(-count * len(alarms) // 100)
    return AtLeast(count, word["of"], bool(word["but"]), alarms)


def _balanced(terms: list[Rule], join: Callable[[Rule, Rule], Rule]) -> Rule:
    """A long chain as a tree of little depth; AND and OR do not mind."""
    if len(terms) == 1:
        return terms[0]
    half = len(terms) // 2
    return join(_balanced(terms[:half], join), _balanced(terms[half:], join))


def _name(word: "re.Match[str]") -> str:
    text = word["double"] or word["single"] or word["bare"]
    return alarm_name(text)


def alarm_name(name_or_arn: str) -> str:
    found = arns.parse(name_or_arn)
    if found is not None and found.service == "cloudwatch" and found.resource.startswith("alarm:"):
        return found.resource.removeprefix("alarm:")
    return name_or_arn
