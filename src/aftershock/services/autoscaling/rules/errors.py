"""Auto Scaling's refusals, in AWS's words (texts printed by the service, collected from public issue threads)."""

from aftershock.aws.errors import AwsError


def validation(message: str) -> AwsError:
    return AwsError("ValidationError", message)


def unsupported(parameter: str) -> AwsError:
    return validation(f"The parameter {parameter} is not supported in this region.")


def no_such_group(name: str) -> AwsError:
    return validation(f"AutoScalingGroup name not found - AutoScalingGroup {name} not found")


def group_exists(name: str) -> AwsError:
    return AwsError(
        "AlreadyExists", f"AutoScalingGroup by this name already exists - A group with the name {name} already exists"
    )


def no_such_configuration(name: str) -> AwsError:
    return validation(f"Launch configuration name not found - Launch configuration {name} not found")


def no_such_instance(instance_id: str) -> AwsError:
    return validation(f"Instance Id not found - No managed instance found for instance ID: {instance_id}")


def not_in_group(instance_id: str, group: str) -> AwsError:
    return validation(f"The instance {instance_id} is not part of Auto Scaling group {group}.")


def wrong_state(instance_id: str, wanted: str) -> AwsError:
    return validation(f"The instance {instance_id} is not in {wanted}.")


def limit(what: str, most: int) -> AwsError:
    return AwsError("LimitExceeded", f"You have exceeded the limit of {most} {what}.")


def in_progress(message: str) -> AwsError:
    return AwsError("ScalingActivityInProgress", message)


def in_use(message: str) -> AwsError:
    return AwsError("ResourceInUse", message)


def below_min(minimum: int) -> AwsError:
    return validation(
        f"Currently, desiredSize equals minSize ({minimum}). Terminating instance without replacement will violate "
        "group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min "
        "size."
    )
