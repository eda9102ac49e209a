"""Which instance profile an instance has: its role's credentials come through the metadata service."""

from collections.abc import Mapping

from msgspec.structs import replace

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.aws.filters import Field, matching
from aftershock.services.ec2.records.compute_kinds import INSTANCE
from aftershock.services.ec2.records.instance import INSTANCES, Instance
from aftershock.services.ec2.rules import instances
from aftershock.services.ec2.rules.parameters import honours

from .describing import paged
from .outside import Outside
from .run_instances import association, profile_of


def _view(instance: Instance, state: str) -> Result:
    assert instance.profile is not None
    return {
        "AssociationId": instance.profile.id,
        "InstanceId": instance.id,
        "IamInstanceProfile": {"Arn": instance.profile.arn, "Id": instance.profile.profile_id},
        "State": state,
        "Timestamp": instance.profile.since,
    }


def _require(call: Call, association_id: str) -> Instance:
    for instance in INSTANCES.where(call.tx, "profile_association", association_id):
        if instance.account == call.account and instances.state(instance) != "terminated":
            return instance
    raise AwsError(
        "InvalidAssociationID.NotFound",
        f"An invalid association-id of '{association_id}' was given",
    )


@honours("AssociationIds", "Filters", "MaxResults", "NextToken")
def describe_iam_instance_profile_associations(call: Call, params: Params) -> Result:
    if ids := params.get("AssociationIds"):
        found = [_require(call, association_id) for association_id in dict.fromkeys(ids)]
    else:
        found = [
            one
            for one in INSTANCE.every(call.tx, call.account)
            if one.profile is not None and instances.state(one) != "terminated"
        ]
    fields: Mapping[str, Field[Instance]] = {
        "instance-id": lambda one: one.id,
        "state": lambda one: "associated",
    }
    return paged(
        params,
        matching(found, params.get("Filters"), fields=fields),
        key=lambda one: one.id,
        ids="AssociationIds",
        answer="IamInstanceProfileAssociations",
        view=lambda one: _view(one, "associated"),
    )


@honours("AssociationId")
def disassociate_iam_instance_profile(call: Call, params: Params) -> Result:
    instance = _require(call, params["AssociationId"])
    INSTANCES.put(call.tx, replace(instance, profile=None))
    return {"IamInstanceProfileAssociation": _view(instance, "disassociating")}


def operations(outside: Outside) -> dict[str, Operation]:
    @honours("InstanceId", "IamInstanceProfile")
    def associate_iam_instance_profile(call: Call, params: Params) -> Result:
        instance = INSTANCE.require(call.tx, call.account, params["InstanceId"])
        instances.check_alive(instance)
        if instance.profile is not None:
            raise AwsError("IncorrectState", f"There is an existing association for instance {instance.id}")
        return _associate(call, params, instance)

    @honours("AssociationId", "IamInstanceProfile")
    def replace_iam_instance_profile_association(call: Call, params: Params) -> Result:
        return _associate(call, params, _require(call, params["AssociationId"]))

    def _associate(call: Call, params: Params, instance: Instance) -> Result:
        profile = profile_of(call, outside, params.get("IamInstanceProfile"))
        if profile is None:
            raise AwsError("MissingParameter", "The request must contain the parameter IamInstanceProfile")
        changed = replace(instance, profile=association(call, profile))
        INSTANCES.put(call.tx, changed)
        return {"IamInstanceProfileAssociation": _view(changed, "associating")}

    return {
        "AssociateIamInstanceProfile": associate_iam_instance_profile,
        "ReplaceIamInstanceProfileAssociation": replace_iam_instance_profile_association,
    }


OPERATIONS: dict[str, Operation] = {
    "DescribeIamInstanceProfileAssociations": describe_iam_instance_profile_associations,
    "DisassociateIamInstanceProfile": disassociate_iam_instance_profile,
}
