"""`graduate`: what is to be known, and typed, to have a stack of this region on AWS."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aftershock.doors.access import REGION, Access

from .errors import Failure
from .place import access_to, running, state_option

if TYPE_CHECKING:  # slow to import
    from aftershock.lab.graduation.commands import Asked
    from aftershock.lab.graduation.differences import Difference
    from aftershock.lab.graduation.findings import Finding


@dataclass(frozen=True, slots=True)
class Graduation:
    body: str
    findings: "list[Finding]"
    differences: "list[Difference]"
    asked: "list[Asked]"
    commands: list[str]

    @property
    def ready(self) -> bool:
        return all(finding.level != "error" for finding in self.findings)


@click.command()
@state_option
@click.argument("stack")
@click.option("--region", default=REGION, show_default=True, help="The region of AWS that is meant.")
@click.option(
    "--template",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="Where the template is written to; by default STACK.yaml (or .json) here.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
def graduate(state: Path, stack: str, region: str, file: Path | None, *, as_json: bool) -> None:
    """Check the template of a stack for AWS, write it to a file, and say what to run there and what will differ.

    Checked are: the template, by cfn-lint against the region's own resource schemas; mistakes of security; and what
    this region takes and does not act on.  Nothing is sent to AWS.  Exit status 1 if something has to be mended first.
    """
    found = _graduation(access_to(running(state)), stack, region, file)
    if as_json:
        said = {**asdict(found), "ready": found.ready}
        del said["body"]
        click.echo(json.dumps(said, indent=2))
    else:
        click.echo("\n".join(_lines(found, stack)))
    if not found.ready:
        sys.exit(1)


def _graduation(access: Access, stack: str, region: str, file: Path | None) -> Graduation:
    from botocore.exceptions import ClientError  # noqa: PLC0415  # slow to import

    from aftershock.lab.graduation import commands, differences, linting, nesting, security, template  # noqa: PLC0415

    cloudformation = access.client("cloudformation")
    try:
        described = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        body = _text(cloudformation.get_template(StackName=stack, TemplateStage="Original")["TemplateBody"])
    except ClientError as error:
        raise Failure(error.response["Error"]["Message"]) from error
    try:
        read = template.read(body)
    except template.Unreadable as error:
        raise Failure(f"the template of {stack} cannot be read: {error}") from error
    file = file or Path(f"{stack}.json" if body.lstrip().startswith("{") else f"{stack}.yaml")
    file.write_text(body)
    deployment = commands.deployment_of(described)
    return Graduation(
        body=body,
        findings=[*linting.linted(body, region), *security.checked(read), *nesting.checked(read)],
        differences=differences.differences(read, access.pace),
        asked=commands.asked(deployment, read),
        commands=[commands.text(argv) for argv in commands.commands(deployment, read, str(file), region)],
    )


def _text(body: Any) -> str:
    """boto3 gives a JSON template as what it says, in its order."""
    return body if isinstance(body, str) else json.dumps(body, indent=2)


def _lines(found: Graduation, stack: str) -> Iterator[str]:
    errors = sum(finding.level == "error" for finding in found.findings)
    if found.findings:
        yield "What the checks say (cfn-lint, and ours for security):"
        for one in sorted(found.findings, key=lambda finding: ("error", "warning", "note").index(finding.level)):
            place = ", ".join(filter(None, [one.where, f"line {one.line}" if one.line else ""]))
            yield f"  {one.level}  {one.check}  {place}: {one.said}"
    else:
        yield "The checks (cfn-lint, and ours for security) have nothing to say."
    yield ""
    yield "What will be otherwise on AWS:"
    for difference in found.differences:
        yield f"  - {difference.where + ': ' if difference.where else ''}{difference.said}"
    yield ""
    if errors:
        yield f"{errors} error{'s' if errors > 1 else ''} to mend before {stack} goes to AWS; then:"
    else:
        yield "What to run, in a shell with your own account's credentials and without `aftershock env`:"
    for command in found.commands:
        yield f"  {command}"
    if found.asked:
        yield "where these are to be given:"
        for parameter in found.asked:
            yield f"  {parameter.name}: {parameter.why}"
