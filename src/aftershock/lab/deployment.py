"""A site's stack: made and updated from templates, as any client of CloudFormation does."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .clients import Clients

ASK_EVERY_S = 0.1
WITHIN_S = 120.0


class DeploymentError(Exception):
    """The stack did not come where it was to; the message has CloudFormation's own reasons."""


@dataclass(frozen=True, slots=True)
class Stack:
    clients: Clients
    name: str

    def deploy(self, template: str, parameters: Mapping[str, str]) -> None:
        """Have the stack as the template says.  Parameters that are not given get their defaults.

        Raises:
            DeploymentError
        """
        from botocore.exceptions import ClientError  # noqa: PLC0415  # slow to import

        cloudformation = self.clients("cloudformation")
        asked = {
            "StackName": self.name,
            "TemplateBody": template,
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        }
        try:
            if self.described() is None:
                cloudformation.create_stack(**asked)
            else:
                cloudformation.update_stack(**asked)
        except ClientError as error:
            if "No updates are to be performed" in str(error):
                return
            raise DeploymentError(str(error)) from error
        status = self._settled()
        if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            raise DeploymentError(f"the stack {self.name} is {status}: {'; '.join(self._failures()) or 'no reason'}")

    def described(self) -> dict[str, Any] | None:
        from botocore.exceptions import ClientError  # noqa: PLC0415  # slow to import

        try:
            found = self.clients("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        stack: dict[str, Any] = found[0]
        return stack

    def output(self, key: str) -> str:
        """
        Raises:
            DeploymentError: the template has no such output.
        """
        outputs = (self.described() or {}).get("Outputs", [])
        for one in outputs:
            if one["OutputKey"] == key:
                return str(one["OutputValue"])
        raise DeploymentError(f"the stack {self.name} has no output {key}")

    def physical_id(self, logical_id: str) -> str:
        found = self.clients("cloudformation").describe_stack_resource(
            StackName=self.name, LogicalResourceId=logical_id
        )
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def remove(self) -> None:
        """Have no such stack.

        Raises:
            DeploymentError
        """
        stack = self.described()
        if stack is None:
            return
        if stack["StackStatus"].startswith("UPDATE_"):  # which may be under way, and is not deleted then
            self._settled()
        self.clients("cloudformation").delete_stack(StackName=self.name)
        if (status := self._settled()) != "":
            raise DeploymentError(f"the stack {self.name} is {status}: {'; '.join(self._failures()) or 'no reason'}")

    def _settled(self) -> str:
        """Its status when nothing is in progress any more; "" when it is gone."""
        deadline = time.monotonic() + WITHIN_S
        while True:
            stack = self.described()
            status = str(stack["StackStatus"]) if stack else ""
            if not status.endswith("_IN_PROGRESS"):
                return status
            if time.monotonic() > deadline:
                raise DeploymentError(f"the stack {self.name} is still {status} after {WITHIN_S:.0f} s")
            time.sleep(ASK_EVERY_S)

    def _failures(self) -> list[str]:
        events = self.clients("cloudformation").describe_stack_events(StackName=self.name)["StackEvents"]
        return [
            f"{one['LogicalResourceId']}: {one.get('ResourceStatusReason', one['ResourceStatus'])}"
            for one in events
            if one["ResourceStatus"].endswith("_FAILED")
        ]
