"""CloudFormation's refusals, in AWS's words."""

from aftershock.aws.errors import AwsError


class TemplateError(Exception):
    """What is wrong with a template, in AWS's words; an operation answers it as a ValidationError."""


def invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)


def no_stack(name: str) -> AwsError:
    return invalid(f"Stack with id {name} does not exist")


def no_stack_named(name: str) -> AwsError:
    return invalid(f"Stack [{name}] does not exist")


def not_supported(name: str) -> AwsError:
    return invalid(f"The parameter {name} is not supported in this region.")


def already_exists(name: str) -> AwsError:
    return AwsError("AlreadyExistsException", f"Stack [{name}] already exists")


def lacks_capabilities(names: list[str]) -> AwsError:
    return AwsError("InsufficientCapabilitiesException", f"Requires capabilities : [{', '.join(names)}]")


def no_change_set(name: str) -> AwsError:
    return AwsError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist", status=404)
