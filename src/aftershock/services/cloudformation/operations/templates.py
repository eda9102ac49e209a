"""Templates: checked, summed up, and given back."""

import json
from typing import Any

from aftershock.aws.call import Call, Params, Result
from aftershock.services.cloudformation.outside import Outside
from aftershock.services.cloudformation.rules import checking, errors, parameters
from aftershock.services.cloudformation.rules.template import Template
from aftershock.services.cloudformation.scopes import template_of
from aftershock.services.cloudformation.types import TYPES

from .change_sets import change_set_of
from .found import read_template, refuse, require, text_of


def validate_template(outside: Outside, call: Call, params: Params) -> Result:
    template = read_template(text_of(call, outside, params))
    return {
        "Parameters": [parameters.view(one) for one in parameters.declared(template.parameters).values()],
        "Description": template.description,
        **_capabilities(template),
        "DeclaredTransforms": list(template.transforms) or None,
    }


def _capabilities(template: Template) -> dict[str, Any]:
    needed = checking.required_capabilities(template.resources, TYPES)
    iam = sorted(name for name, one in template.resources.items() if one.type in TYPES and TYPES[one.type].capability)
    kinds = ", ".join(template.resources[name].type for name in iam)
    why = f"The following resource(s) require capabilities: [{kinds}]"
    if template.extended:
        needed = [*needed, "CAPABILITY_AUTO_EXPAND"]
    return {"Capabilities": needed or None, "CapabilitiesReason": why if iam else None}


def get_template_summary(outside: Outside, call: Call, params: Params) -> Result:
    refuse(params, "StackSetName", "CallAs")
    if params.get("StackName"):
        template = template_of(require(call, params["StackName"]).plan)
    else:
        template = read_template(text_of(call, outside, params))
    return {
        "Parameters": [_declaration(one) for one in parameters.declared(template.parameters).values()],
        "Description": template.description,
        **_capabilities(template),
        "ResourceTypes": sorted({one.type for one in template.resources.values()}),
        "Version": template.loaded.value.get("AWSTemplateFormatVersion"),
        "Metadata": None if template.metadata is None else json.dumps(template.metadata),
        "DeclaredTransforms": list(template.transforms) or None,
    }


def _declaration(one: parameters.Declared) -> dict[str, Any]:
    constraints = {"AllowedValues": list(one.allowed)} if one.allowed else {}
    return {**parameters.view(one), "ParameterType": one.type, "ParameterConstraints": constraints}


def get_template(outside: Outside, call: Call, params: Params) -> Result:
    if params.get("ChangeSetName"):
        text = change_set_of(call, params).plan.template
    elif params.get("StackName"):
        text = require(call, params["StackName"]).plan.template
    else:
        raise errors.invalid("StackName is required if ChangeSetName is not specified.")
    if params.get("TemplateStage") == "Processed" and "Fn::ForEach" in text:
        raise errors.invalid("The processed template is not kept; ask for the stage Original.")
    # AWS gives a JSON template as an object, which clients print in their own way; the text says the same.
    return {"TemplateBody": text, "StagesAvailable": ["Original"]}


OPERATIONS = {
    "GetTemplate": get_template,
    "GetTemplateSummary": get_template_summary,
    "ValidateTemplate": validate_template,
}
