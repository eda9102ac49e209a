"""Lifecycle policies: what they say, and which images are to go.

ECR user guide, "Lifecycle policy properties" and "How lifecycle policies work".
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aftershock.aws.errors import AwsError
from aftershock.services.ecr.records import Image

from . import errors
from .mutability import matches

DAY_S = 86400
# AWS lets images go "within 24 hours" of when they may.  A push takes a client's time, so there is a floor.
FRESH_S, LEAST_FRESH_S = 3600, 60
_FAR_S = 1000 * 365 * DAY_S  # there is no date beyond the year 9999
MOST_WILDCARDS = 4  # in a pattern of tags
_COUNT, _AGE = "imageCountMoreThan", "sinceImagePushed"
_RULE = (frozenset({"rulePriority", "selection", "action"}), frozenset({"description"}))
_SELECTION = (
    frozenset({"tagStatus", "countType", "countNumber"}),
    frozenset({"tagPrefixList", "tagPatternList", "countUnit"}),
)
_ACTION = (frozenset({"type"}), frozenset[str]())


@dataclass(frozen=True, slots=True)
class Rule:
    priority: int
    status: str  # of tags: tagged, untagged, any
    patterns: tuple[str, ...]  # each of which some tag of the image has to match
    most: int | None  # how many images stay
    days: int | None  # how old they become

    def selects(self, image: Image) -> bool:
        if self.status == "any":
            return True
        if self.status == "untagged":
            return not image.tags
        return all(any(matches(pattern, tag) for tag in image.tags) for pattern in self.patterns)


@dataclass(frozen=True, slots=True)
class Plan:
    expired: tuple[str, ...]  # digests, in an order in which they can be deleted
    next_at: datetime | None  # when there may be another one


# --- what is asked for ---------------------------------------------------------------------------------------------


def read(text: str) -> tuple[Rule, ...]:
    """The rules in the order of their priorities.

    Raises:
        AwsError: InvalidParameterException
    """
    try:
        policy = json.loads(text)
    except (ValueError, RecursionError):
        raise _invalid("Could not map policyString into LifecyclePolicy.") from None
    if not isinstance(policy, dict):
        raise _invalid("Could not map policyString into LifecyclePolicy.")
    _members(policy, frozenset({"rules"}), frozenset({"description"}))
    if not isinstance(policy["rules"], list) or not policy["rules"]:
        raise _invalid("rules has to be a list with one rule at least")
    rules = sorted((_rule(one) for one in policy["rules"]), key=lambda rule: rule.priority)
    _check_together(rules)
    return tuple(rules)


def _rule(given: Any) -> Rule:
    _members(given, *_RULE)
    _members(given["action"], *_ACTION)
    _one_of("action type", given["action"]["type"], ("expire",))
    selection = given["selection"]
    _members(selection, *_SELECTION)
    status, count = selection["tagStatus"], selection["countType"]
    _one_of("tagStatus", status, ("any", "tagged", "untagged"))
    _one_of("countType", count, (_COUNT, _AGE))
    if (selection.get("countUnit") == "days") != (count == _AGE) or (count == _COUNT and "countUnit" in selection):
        raise _invalid(f"countUnit has to be days with {_AGE}, and cannot be given with {_COUNT}")
    number = _number("countNumber", selection["countNumber"])
    return Rule(
        priority=_number("rulePriority", given["rulePriority"]),
        status=status,
        patterns=_patterns(selection, status),
        most=number if count == _COUNT else None,
        days=number if count == _AGE else None,
    )


def _patterns(selection: Mapping[str, Any], status: str) -> tuple[str, ...]:
    given = [name for name in ("tagPrefixList", "tagPatternList") if selection.get(name)]
    if len(given) != (status == "tagged"):
        raise _invalid("One of tagPrefixList and tagPatternList has to be given with tagStatus tagged, and only there")
    if not given:
        return ()
    found = selection[given[0]]
    if not isinstance(found, list) or not all(isinstance(one, str) and 0 < len(one) <= 128 for one in found):
        raise _invalid(f"{given[0]} has to be a list of texts")
    if given[0] == "tagPrefixList":
        if any("*" in one for one in found):
            raise _invalid("A prefix in tagPrefixList has no wildcards")
        return tuple(f"{one}*" for one in found)
    if any(one.count("*") > MOST_WILDCARDS for one in found):
        raise _invalid(f"A pattern in tagPatternList has at most {MOST_WILDCARDS} wildcards")
    return tuple(found)


def _check_together(rules: Sequence[Rule]) -> None:
    if len({rule.priority for rule in rules}) < len(rules):
        raise _invalid("rulePriority has to be unique")
    for status in ("any", "untagged"):
        if sum(rule.status == status for rule in rules) > 1:
            raise _invalid(f"Only one rule can have tagStatus {status}")
    if any(rule.status == "any" for rule in rules[:-1]):
        raise _invalid("A rule with tagStatus any has to have the highest rulePriority")
    selected = [frozenset(rule.patterns) for rule in rules if rule.patterns]
    if len(set(selected)) < len(selected):
        raise _invalid("Rules have to select unique sets of tags")


def _members(value: Any, required: frozenset[str], optional: frozenset[str]) -> None:
    if not isinstance(value, dict):
        raise _invalid('instance type does not match any allowed primitive type (allowed: ["object"])')
    if missing := sorted(required - value.keys()):
        raise _invalid(f"object has missing required properties ({json.dumps(missing)})")
    if others := sorted(value.keys() - required - optional):
        raise _invalid(f"object instance has properties which are not allowed by the schema: ({json.dumps(others)})")


def _one_of(name: str, value: Any, allowed: Collection[str]) -> None:
    if value not in list(allowed):
        possible = json.dumps(sorted(allowed))
        raise _invalid(f"{name}: instance value ({str(value)[:100]}) not found in enum (possible values: {possible})")


def _number(name: str, value: Any) -> int:
    if type(value) is not int or not 1 <= value < 2**31:
        raise _invalid(f"{name}: numeric instance is lower than the required minimum (minimum: 1)")
    return value


def _invalid(why: str) -> AwsError:
    return errors.invalid("LifecyclePolicyText", f"Lifecycle policy validation failure: {why}")


# --- what to do ----------------------------------------------------------------------------------------------------


def plan(rules: Iterable[Rule], images: Iterable[Image], now: datetime, *, day_s: float, fresh_s: float) -> Plan:
    """Which images are to go now.

    AWS: "An image that matches the tagging requirements of a rule cannot be expired by a rule with a lower priority";
    "can still identify them as if they haven't been expired"; and "if an image is referenced by a manifest list, it
    cannot be expired without the manifest list being deleted first".

    Args:
        day_s: how long a day of the policy lasts here.
        fresh_s: so long an image stays in any case: a list that will name it may be on its way.
    """
    fresh = timedelta(seconds=fresh_s)
    newest = sorted(images, key=lambda image: (image.pushed_at, image.digest), reverse=True)
    claimed: set[str] = set()
    expired: dict[str, Image] = {}
    due: list[datetime] = []
    for rule in rules:
        found = [image for image in newest if rule.selects(image)]
        old = found[rule.most :] if rule.most is not None else []
        if rule.days is not None:
            age = timedelta(seconds=min(rule.days * day_s, _FAR_S))
            old = [image for image in found if image.pushed_at + age <= now]
            due += [image.pushed_at + age for image in found if image.pushed_at + age > now]
        going = [image for image in old if image.digest not in claimed]
        expired |= {image.digest: image for image in going if image.pushed_at + fresh <= now}
        due += [image.pushed_at + fresh for image in going if image.pushed_at + fresh > now]
        claimed |= {image.digest for image in found}
    return Plan(_deletable(expired, newest), min(due, default=None))


def _deletable(expired: Mapping[str, Image], images: Sequence[Image]) -> tuple[str, ...]:
    """Lists before what they name; what a list names that stays, stays too."""
    going: dict[str, None] = {}
    left = dict(expired)
    while True:
        held = {child for image in images if image.digest not in going for child in image.children}
        free = [digest for digest in left if digest not in held]
        if not free:
            return tuple(going)
        for digest in free:
            going[digest] = None
            del left[digest]
