"""IAM's refusals, in AWS's words (answers recorded from AWS: localstack/localstack, tests/aws/services/iam)."""

from aftershock.aws.errors import AwsError


def no_such(title: str, name: str) -> AwsError:
    """`title` is "user", "role", "group" or "Instance Profile"."""
    if title == "Instance Profile":
        return AwsError("NoSuchEntity", f"Instance Profile {name} cannot be found.", status=404)
    return AwsError("NoSuchEntity", f"The {title} with name {name} cannot be found.", status=404)


def exists(title: str, name: str) -> AwsError:
    if title == "Instance Profile":
        return AwsError("EntityAlreadyExists", f"Instance Profile {name} already exists.", status=409)
    if title == "policy":
        text = f"A policy called {name} already exists. Duplicate names are not allowed."
        return AwsError("EntityAlreadyExists", text, status=409)
    return AwsError("EntityAlreadyExists", f"{title.capitalize()} with name {name} already exists.", status=409)


def no_such_deletion(task_id: str) -> AwsError:
    return AwsError("NoSuchEntity", f"The deletion task {task_id} cannot be found.", status=404)


def no_such_inline_policy(title: str, name: str) -> AwsError:
    return AwsError("NoSuchEntity", f"The {title} policy with name {name} cannot be found.", status=404)


def no_such_policy(arn: str) -> AwsError:
    return AwsError("NoSuchEntity", f"Policy {arn} was not found.", status=404)


def not_attachable(arn: str) -> AwsError:
    return AwsError("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.", status=404)


def no_such_version(arn: str, version: str) -> AwsError:
    text = f"Policy {arn} version {version} does not exist or is not attachable."
    return AwsError("NoSuchEntity", text, status=404)


def no_such_access_key(access_key_id: str) -> AwsError:
    return AwsError("NoSuchEntity", f"The Access Key with id {access_key_id} cannot be found.", status=404)


def delete_conflict(message: str) -> AwsError:
    return AwsError("DeleteConflict", message, status=409)


def quota(name: str, limit: int) -> AwsError:
    return AwsError("LimitExceeded", f"Cannot exceed quota for {name}: {limit}", status=409)


def limit_exceeded(message: str) -> AwsError:
    return AwsError("LimitExceeded", message, status=409)


def invalid_input(message: str) -> AwsError:
    return AwsError("InvalidInput", message)


def invalid_arn(arn: str) -> AwsError:
    return invalid_input(f"ARN {arn} is not valid.")


def validation(message: str) -> AwsError:
    return AwsError("ValidationError", message)


def malformed(message: str) -> AwsError:
    return AwsError("MalformedPolicyDocument", message)


def protected(role: str) -> AwsError:
    text = f"Cannot perform the operation on the protected role '{role}' - this role is only modifiable by AWS"
    return AwsError("UnmodifiableEntity", text)


def access_denied(message: str) -> AwsError:
    return AwsError("AccessDenied", message, status=403)


def no_such_role_in_profile(role: str, profile: str) -> AwsError:
    return AwsError("NoSuchEntity", f"Role {role} in Instance Profile {profile} cannot be found.", status=404)


def no_such_alias(alias: str) -> AwsError:
    return AwsError("NoSuchEntity", f"The account alias {alias} does not exist.", status=404)


def no_boundary(title: str, name: str) -> AwsError:
    return AwsError("NoSuchEntity", f"The {title} with name {name} does not have a permissions boundary.", status=404)


def service_role_policy() -> AwsError:
    return AwsError("PolicyNotAttachable", "Cannot attach a Service Role Policy to a Customer Role.")
