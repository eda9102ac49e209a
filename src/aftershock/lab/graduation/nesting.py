"""Where a nested stack's template lies: AWS reads it from its own addresses, not from those on this machine."""

from urllib.parse import urlsplit

from .findings import Finding, Level
from .template import Template

AWS = ".amazonaws.com"


def checked(template: Template) -> list[Finding]:
    return [
        Finding(
            Level.ERROR,
            "not-on-aws",
            one.logical_id,
            one.line,
            f"AWS does not find {url}; `aws cloudformation package` puts it into a bucket of yours, and names that",
        )
        for one in template.of("AWS::CloudFormation::Stack")
        if isinstance(url := one.properties.get("TemplateURL"), str) and not _of_aws(url)
    ]


def _of_aws(url: str) -> bool:
    split = urlsplit(url)
    return split.scheme == "https" and (split.hostname or "").endswith(AWS)
