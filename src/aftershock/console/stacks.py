"""Deploying a stack from the page: what a template asks for, what deploying it would do, and the calls that do it."""

import re
import time
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from aftershock.lab.catalogue import STACK, TEMPLATES, experiments

from .acts import Args
from .api import Answer, Api
from .commands import File
from .looks import Seen
from .picture import Picture
from .plans import Impossible, Plan, Step

DEPLOY = "deploy-stack"
MOST_BYTES = 51_200  # AWS: of a TemplateBody
STAGES = {path.stem: path for path in sorted(TEMPLATES.glob("stage-*.yaml"))}
DESCRIPTION = re.compile(r'^Description: "?(?P<text>.*?)"?$', re.MULTILINE)
NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")  # AWS's, of a stack
SUBNETS = "List<AWS::EC2::Subnet::Id>"
ZONES = 3  # so many subnets a template is given that does not come with the program
PREVIEW_WITHIN_S, ASK_EVERY_S = 10.0, 0.1
NOTHING = "No updates are to be performed", "didn't contain changes"
# From these no update may begin; AWS names them in its refusal.
GONE_WRONG = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED", "CREATE_FAILED")
VERBS = {"Add": "makes", "Modify": "changes", "Remove": "removes", "Dynamic": "may change", "Import": "takes in"}


def stages() -> Picture:
    """The templates that come with the program, for the page's list."""
    found: Picture = {}
    for name, path in STAGES.items():
        told = DESCRIPTION.search(path.read_text())
        found[f"stage:{name}"] = {"title": told["text"] if told else name}
    return found


def form(args: Args, seen: Seen, api: Api) -> dict[str, Any]:
    """What this template asks for, with what is filled in already.

    Raises:
        Impossible
        ClientError: the template is none, or refused.
    """
    template = _template(args)
    if "stage" not in args:
        api.ask("cloudformation", "ValidateTemplate", {"TemplateBody": template.text})
    summary = _summary(api, template)
    stack = _stack(str(args.get("name", STACK)), seen)
    known = {one["ParameterKey"]: one["ParameterValue"] for one in (stack or {}).get("Parameters") or ()}
    return {
        "name": STACK if "stage" in args else str(args.get("name", "")),
        "says": summary.get("Description", ""),
        "parameters": [_asked(one, known, _subnets(seen, template)) for one in summary.get("Parameters") or ()],
        "capabilities": summary.get("Capabilities") or [],
    }


def plan(args: Args, seen: Seen, api: Api, *, preview: bool) -> Plan:
    """Have the stack as the template says.  With a preview, a change set tells what an update would do, and is removed.

    Raises:
        Impossible
        ClientError
    """
    template, name = _template(args), str(args.get("name", ""))
    if not NAME.fullmatch(name):
        raise Impossible("a stack's name begins with a letter, and has letters, digits and dashes, 128 at most")
    summary, stack = _summary(api, template), _described(api, name)
    given = _given(args, summary, update=stack is not None)
    asked: dict[str, Any] = {"StackName": name, "TemplateBody": template, "Parameters": given}
    if needed := summary.get("Capabilities"):
        asked["Capabilities"] = needed
    if stack is None:
        kinds = tuple(kind.removeprefix("AWS::") for kind in summary.get("ResourceTypes") or ())
        says = f"The stack {name} is created: {summary.get('Description') or template.name}. What fails is taken back."
        return Plan(f"{says}{_may(needed)}", (Step("cloudformation", "CreateStack", asked),), details=kinds)
    status = str(stack["StackStatus"])
    if status.endswith("_IN_PROGRESS"):
        raise Impossible(f"the stack {name} is {status}: wait until that is over")
    if status in GONE_WRONG:
        raise Impossible(f"the stack {name} is {status}: delete it first")
    details = _preview(api, asked) if preview else ()
    says = f"The stack {name} is updated: {_counted(details)}. What fails is taken back."
    return Plan(f"{says}{_may(needed)}", (Step("cloudformation", "UpdateStack", asked),), details=details)


def _may(capabilities: Sequence[str] | None) -> str:
    return f" It may make things that give rights ({', '.join(capabilities)})." if capabilities else ""


def _counted(details: Sequence[str]) -> str:
    counts = Counter(line.partition(" ")[0] for line in details)
    return (
        ", ".join(f"it {verb} {count}" for verb, count in counts.items())
        or "none of its resources changes, only its outputs or its description"
    )


def _template(args: Args) -> File:
    if "stage" in args:
        path = STAGES.get(str(args["stage"]))
        if path is None:
            raise Impossible(f"the stages are {', '.join(STAGES)}")
        return File(str(path), path.read_text())
    text, name = args.get("template"), args.get("file")
    if not isinstance(text, str) or not isinstance(name, str) or not text.strip():
        raise Impossible("there is no template")
    if len(text.encode(errors="replace")) > MOST_BYTES:
        raise Impossible(f"a template is {MOST_BYTES:,} bytes at most; AWS takes a larger one from S3")
    return File(Path(name).name or "template", text)


def _summary(api: Api, template: File) -> Answer:
    return api.ask("cloudformation", "GetTemplateSummary", {"TemplateBody": template.text})


def _stack(name: str, seen: Seen) -> Answer | None:
    return next((one for one in seen.get("stacks") or () if one["StackName"] == name), None)


def _described(api: Api, name: str) -> Answer | None:
    """As it is now: what was seen may be some seconds old."""
    found = api.all("cloudformation", "DescribeStacks", "Stacks")
    return next((one for one in found if one["StackName"] == name), None)


def _asked(one: Answer, known: Mapping[str, str], subnets: str) -> dict[str, Any]:
    key, secret = one["ParameterKey"], bool(one.get("NoEcho"))
    default = one.get("DefaultValue")
    value = known.get(key, default)
    if value is None and one.get("ParameterType") == SUBNETS:
        value = subnets
    return {
        "key": key,
        "says": one.get("Description", ""),
        "type": one.get("ParameterType", ""),
        "value": "" if secret or value is None else value,
        "secret": secret,
        "allowed": (one.get("ParameterConstraints") or {}).get("AllowedValues") or [],
    }


def _subnets(seen: Seen, template: File) -> str:
    """The default VPC's, in as many zones as the lab gives the template; AWS makes one in each zone."""
    wanted = {str(TEMPLATES / one.said.template): one.said.subnets for one in experiments()}
    own = [one for one in seen.get("subnets") or () if one.get("DefaultForAz")]
    own.sort(key=lambda one: str(one["AvailabilityZone"]))
    return ",".join(str(one["SubnetId"]) for one in own[: wanted.get(template.name, ZONES)])


def _given(args: Args, summary: Answer, *, update: bool) -> list[dict[str, Any]]:
    values = args.get("parameters")
    values = values if isinstance(values, dict) else {}
    asked = {one["ParameterKey"]: one for one in summary.get("Parameters") or ()}
    if unknown := [str(key)[:80] for key in values if key not in asked]:
        raise Impossible(f"the template has no parameter {', '.join(unknown)}")
    given: list[dict[str, Any]] = []
    for key, one in asked.items():
        value = str(values.get(key, one.get("DefaultValue", "")))
        if update and one.get("NoEcho") and not value:  # it is not shown, so it is not typed again
            given.append({"ParameterKey": key, "UsePreviousValue": True})
        elif value != one.get("DefaultValue"):
            given.append({"ParameterKey": key, "ParameterValue": value})
    return given


def _preview(api: Api, asked: Mapping[str, Any]) -> tuple[str, ...]:
    """What an update would do, a line for each resource.

    Raises:
        Impossible: nothing, or it cannot be.
    """
    name = f"console-{uuid.uuid4().hex[:12]}"
    which = {"StackName": asked["StackName"], "ChangeSetName": name}
    wanted = {**asked, "TemplateBody": asked["TemplateBody"].text, "ChangeSetName": name, "ChangeSetType": "UPDATE"}
    try:
        api.ask("cloudformation", "CreateChangeSet", wanted)
        found = _settled(api, which)
    except ClientError as error:
        raise _refused(str(error.response["Error"].get("Message"))) from error
    finally:
        api.ask("cloudformation", "DeleteChangeSet", which)
    if found["Status"] == "FAILED":
        raise _refused(str(found.get("StatusReason")))
    return tuple(_line(one["ResourceChange"]) for one in found.get("Changes") or ())


def _refused(reason: str) -> Impossible:
    if any(words in reason for words in NOTHING):
        return Impossible("The stack is already as this template and these parameters say.")
    return Impossible(reason)


def _settled(api: Api, which: Mapping[str, str]) -> Answer:
    deadline = time.monotonic() + PREVIEW_WITHIN_S
    while True:
        found = api.ask("cloudformation", "DescribeChangeSet", which)
        if found["Status"] in ("CREATE_COMPLETE", "FAILED"):
            return found
        if time.monotonic() > deadline:
            raise Impossible(f"the change set is still {found['Status']}")
        time.sleep(ASK_EVERY_S)


def _line(change: Answer) -> str:
    how = {"True": ", by another one", "Conditional": ", perhaps by another one"}.get(change.get("Replacement", ""), "")
    verb = VERBS.get(change["Action"], change["Action"])
    return f"{verb} {change['LogicalResourceId']} ({change['ResourceType'].removeprefix('AWS::')}){how}"
