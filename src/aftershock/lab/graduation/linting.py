"""cfn-lint, AWS's own linter of templates, against the resource schemas of the region that is meant."""

from cfnlint.api import ManualArgs, lint  # type: ignore[import-untyped]

from .findings import Finding, Level

LEVELS = {"error": Level.ERROR, "warning": Level.WARNING}


def linted(body: str, region: str) -> list[Finding]:
    found = lint(body, config=ManualArgs(regions=[region], include_checks=["I"]))
    return [
        Finding(
            level=LEVELS.get(match.rule.severity, Level.NOTE),
            check=match.rule.id,
            where=str(match.path[1]) if match.path and len(match.path) > 1 else "",
            line=match.linenumber,
            said=match.message,
        )
        for match in found
    ]
