"""How instances of burstable types spend credits.

Recorded only: nothing counts credits, and an instance may use its processors as long as it likes.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.aws.filters import Field, matching
from aftershock.services.ec2.records.instance import INSTANCES, Instance
from aftershock.services.ec2.rules import instance_types, instances
from aftershock.services.ec2.rules.parameters import honours

from .describing import paged
from .instances import chosen

CHOICES = ("standard", "unlimited")


@honours("InstanceIds", "Filters", "MaxResults", "NextToken")
def describe_instance_credit_specifications(call: Call, params: Params) -> Result:
    found = [one for one in chosen(call, params.get("InstanceIds")) if one.cpu_credits]
    fields: Mapping[str, Field[Instance]] = {"instance-id": lambda one: one.id}
    return paged(
        params,
        matching(found, params.get("Filters"), fields=fields),
        key=lambda one: one.id,
        ids="InstanceIds",
        answer="InstanceCreditSpecifications",
        view=lambda one: {"InstanceId": one.id, "CpuCredits": one.cpu_credits},
    )


# Repeating it is doing it once, whatever token comes with it.
@honours("InstanceCreditSpecifications", "ClientToken")
def modify_instance_credit_specification(call: Call, params: Params) -> Result:
    """Each instance on its own: what cannot be changed is told, and the others are changed."""
    changed: list[Result] = []
    kept: list[Result] = []
    for one in params["InstanceCreditSpecifications"]:
        told: Result = {"InstanceId": one.get("InstanceId")}
        try:
            _change(call, one.get("InstanceId") or "", one.get("CpuCredits"))
        except AwsError as error:
            if error.code not in TOLD:
                raise
            kept.append({**told, "Error": {"Code": error.code, "Message": error.message}})
        else:
            changed.append(told)
    return {"SuccessfulInstanceCreditSpecifications": changed, "UnsuccessfulInstanceCreditSpecifications": kept}


NOT_BURSTABLE = "InstanceCreditSpecification.NotSupported"
TOLD = ("InvalidInstanceID.Malformed", "InvalidInstanceID.NotFound", "IncorrectInstanceState", NOT_BURSTABLE)


def _change(call: Call, instance_id: str, wanted: str | None) -> None:
    (instance,) = chosen(call, [instance_id])
    instances.check_alive(instance)
    if not instance_types.known()[instance.instance_type].burstable:
        raise AwsError(
            NOT_BURSTABLE, f"The instance type {instance.instance_type} of {instance.id} has no CPU credits."
        )
    if wanted not in CHOICES:
        raise AwsError("InvalidParameterValue", f"Invalid value for CpuCredits: {wanted}")
    INSTANCES.put(call.tx, replace(instance, cpu_credits=wanted))


OPERATIONS: dict[str, Operation] = {
    "DescribeInstanceCreditSpecifications": describe_instance_credit_specifications,
    "ModifyInstanceCreditSpecification": modify_instance_credit_specification,
}
