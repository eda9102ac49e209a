"""The Rules section: what parameters have to satisfy together.

AWS: "The template Rules section validates a parameter or a combination of parameters passed to a template during a
stack creation or stack update."
"""

from collections.abc import Mapping
from typing import Any

from .errors import TemplateError
from .functions import Scope, evaluate, spelt

_REFUSED = ("Fn::RefAll", "Fn::ValueOf", "Fn::ValueOfAll")


def check(rules: Mapping[str, Any], scope: Scope) -> None:
    """
    Raises:
        TemplateError: an assertion does not hold, or a rule is not as it may be
    """
    for name, rule in rules.items():
        if not isinstance(rule, dict) or set(rule) - {"RuleCondition", "Assertions"}:
            raise TemplateError(
                f"Template format error: Rule {name} must have Assertions, and may have a RuleCondition."
            )
        if "RuleCondition" in rule and not _holds(rule["RuleCondition"], scope):
            continue
        assertions = rule.get("Assertions")
        if not isinstance(assertions, list) or not all(isinstance(one, dict) and "Assert" in one for one in assertions):
            raise TemplateError(f"Template format error: Rule {name} must have a list of Assertions.")
        for one in assertions:
            if not _holds(one["Assert"], scope):
                text = one.get("AssertDescription", f"an assertion of rule {name} does not hold")
                raise TemplateError(f"Rule {name} failed: {text}")


def _holds(written: Any, scope: Scope) -> bool:
    if isinstance(written, dict) and len(written) == 1:
        ((name, argument),) = written.items()
        if name in _REFUSED:
            raise TemplateError(f"Template error: the function {name} is not supported in this region")
        if name in ("Fn::And", "Fn::Or") and isinstance(argument, list):
            held = [_holds(one, scope) for one in argument]
            return all(held) if name == "Fn::And" else any(held)
        if name == "Fn::Not" and isinstance(argument, list) and len(argument) == 1:
            return not _holds(argument[0], scope)
        if name in ("Fn::Contains", "Fn::EachMemberEquals", "Fn::EachMemberIn"):
            return _members(name, argument, scope)
    return spelt(evaluate(written, scope)) == "true"


def _members(name: str, argument: Any, scope: Scope) -> bool:
    if not isinstance(argument, list) or len(argument) != 2:
        raise TemplateError(f"Template error: every {name} object requires two parameters")
    items, other = (evaluate(one, scope) for one in argument)
    texts = [spelt(one) for one in (items if isinstance(items, list) else [items])]
    if name == "Fn::EachMemberIn":
        return set(texts) <= {spelt(one) for one in (other if isinstance(other, list) else [other])}
    if name == "Fn::EachMemberEquals":
        return all(text == spelt(other) for text in texts)
    return spelt(other) in texts
