"""Tags of templates and experiments, by ARN."""

from msgspec.structs import replace

from aftershock.aws import arn as arns
from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.services.fis.records import EXPERIMENTS, TEMPLATES, Experiment, Template
from aftershock.services.fis.rules.errors import not_found
from aftershock.services.fis.rules.tags import checked


def tag_resource(call: Call, params: Params) -> Result:
    found = _require(call, params["resourceArn"])
    _put(call, found, checked(found.tags, params["tags"]))
    return {}


def untag_resource(call: Call, params: Params) -> Result:
    """AWS: without any keys, all tags go."""
    found = _require(call, params["resourceArn"])
    keys = params.get("tagKeys")
    _put(call, found, checked(found.tags, {}, found.tags if keys is None else keys))
    return {}


def list_tags_for_resource(call: Call, params: Params) -> Result:
    return {"tags": _require(call, params["resourceArn"]).tags}


def _require(call: Call, text: str) -> Template | Experiment:
    parsed = arns.parse(text)
    kind, _, name = parsed.resource.partition("/") if parsed and parsed.service == "fis" else ("", "", "")
    found: Template | Experiment | None = None
    if kind == "experiment-template":
        found = TEMPLATES.get(call.tx, name)
    elif kind == "experiment":
        found = EXPERIMENTS.get(call.tx, name)
    if found is None or found.account != call.account:
        raise not_found(f"Resource {text} not found.")
    return found


def _put(call: Call, found: Template | Experiment, tags: dict[str, str]) -> None:
    if isinstance(found, Template):
        TEMPLATES.put(call.tx, replace(found, tags=tags))
    else:
        EXPERIMENTS.put(call.tx, replace(found, tags=tags))


OPERATIONS: dict[str, Operation] = {
    "ListTagsForResource": list_tags_for_resource,
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
}
