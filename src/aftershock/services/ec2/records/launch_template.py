"""Launch templates and their numbered versions."""

from datetime import datetime
from typing import Any

from msgspec import Struct

from aftershock.store import Table

from .resource import Resource


class LaunchTemplate(Resource, frozen=True, kw_only=True):
    name: str
    created_at: datetime
    created_by: str
    default_version: int = 1
    latest_version: int = 1  # numbers are never used again


class LaunchTemplateVersion(Struct, frozen=True, kw_only=True):
    template_id: str
    number: int
    description: str | None = None
    created_at: datetime
    created_by: str
    data: dict[str, Any]  # in the words of the service model, as it was given

    @property
    def id(self) -> str:
        return f"{self.template_id} {self.number:09}"


LAUNCH_TEMPLATES = Table(
    "ec2_launch_template",
    LaunchTemplate,
    indexes={
        "name": lambda template: f"{template.account} {template.name}",
    },
)
LAUNCH_TEMPLATE_VERSIONS = Table(
    "ec2_launch_template_version", LaunchTemplateVersion, indexes={"template": lambda version: version.template_id}
)
