"""What nobody should deploy to an account with a bill.  Pure, and few: each is a mistake that is really made.

Established tools were looked at: cfn-lint has no security rules, checkov brings some eighty packages, cfn-nag and
cfn-guard are programs of other languages.  Whoever has them runs them on the same file.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .findings import Finding, Level
from .template import Resource, Template, everywhere, reference

EVERYBODY = ("0.0.0.0/0", "::/0")
PUBLIC_PORTS = frozenset({80, 443})
SECRET = re.compile(r"(?i)passw(or)?d|secret|(api|private|access)_?key$|token")
IMPORTANT = frozenset({"Password", "MasterUserPassword", "AuthToken", "SecretString", "SecretAccessKey"})


def checked(template: Template) -> list[Finding]:
    checks = (_open_ports, _metadata, _disks, _policies, _parameters, _secrets, _databases, _buckets, _listeners)
    return list(dict.fromkeys(finding for check in checks for finding in check(template)))


def _finding(level: Level, check: str, resource: Resource, said: str) -> Finding:
    return Finding(level, check, resource.logical_id, resource.line, said)


def _open_ports(template: Template) -> Iterator[Finding]:
    for resource in template.resources:
        if resource.type == "AWS::EC2::SecurityGroup":
            rules = resource.properties.get("SecurityGroupIngress", [])
        elif resource.type == "AWS::EC2::SecurityGroupIngress":
            rules = [resource.properties]
        else:
            continue
        for rule in rules if isinstance(rules, list) else [rules]:
            if isinstance(rule, Mapping) and (opened := _opened(rule)):
                level, said = opened
                yield _finding(level, "open-to-all", resource, said)


def _opened(rule: Mapping[str, Any]) -> tuple[Level, str] | None:
    source = rule.get("CidrIp") or rule.get("CidrIpv6")
    if source not in EVERYBODY:
        return None
    protocol = str(rule.get("IpProtocol", "-1"))
    if protocol in ("icmp", "icmpv6", "1", "58"):
        return None
    if protocol == "-1":
        return Level.ERROR, f"every port is open to {source}"
    first, last = (_port(rule.get(name)) for name in ("FromPort", "ToPort"))
    if first is None or last is None:
        return Level.WARNING, f"ports that only a parameter tells are open to {source}"
    if first == last and first in PUBLIC_PORTS:
        return None
    ports = f"port {first} is" if first == last else f"ports {first} to {last} are"
    return Level.ERROR, f"{ports} open to {source}; let in who needs it, or use Session Manager instead of SSH"


def _port(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def _metadata(template: Template) -> Iterator[Finding]:
    """IMDSv1 hands the instance's credentials to whoever can make it send one GET request."""
    for resource in template.of("AWS::EC2::LaunchTemplate"):
        if not _tokens(resource.properties.get("LaunchTemplateData")):
            yield _finding(Level.WARNING, "metadata-v1", resource, _IMDS)
    for resource in template.of("AWS::EC2::Instance"):
        wanted = resource.properties.get("LaunchTemplate")
        named = wanted.get("LaunchTemplateId") if isinstance(wanted, Mapping) else None
        recipe = template.get(reference(named))
        if not _tokens(resource.properties) and not (recipe and _tokens(recipe.properties.get("LaunchTemplateData"))):
            yield _finding(Level.WARNING, "metadata-v1", resource, _IMDS)
    for resource in template.of("AWS::AutoScaling::LaunchConfiguration"):
        if not _tokens(resource.properties):
            yield _finding(Level.WARNING, "metadata-v1", resource, _IMDS)


_IMDS = "the metadata service answers without a token; set MetadataOptions: {HttpTokens: required}"


def _tokens(properties: Any) -> bool:
    options = properties.get("MetadataOptions") if isinstance(properties, Mapping) else None
    if not isinstance(options, Mapping):
        return False
    return options.get("HttpTokens") == "required" or options.get("HttpEndpoint") == "disabled"


def _disks(template: Template) -> Iterator[Finding]:
    said = "a disk without encryption; set Encrypted: true, or have the account encrypt by default"
    for resource in template.resources:
        if resource.type == "AWS::EC2::Volume" and not _true(resource.properties.get("Encrypted")):
            yield _finding(Level.WARNING, "unencrypted-disk", resource, said)
        for key, value in everywhere(resource.properties):
            if key == "Ebs" and isinstance(value, Mapping) and not _true(value.get("Encrypted")):
                yield _finding(Level.WARNING, "unencrypted-disk", resource, said)


def _true(value: Any) -> bool:
    """What a parameter or a function says is taken to be meant well."""
    return isinstance(value, Mapping) or str(value).lower() == "true"


def _policies(template: Template) -> Iterator[Finding]:
    for resource in template.resources:
        if not resource.type.startswith("AWS::IAM::"):
            continue
        for key, value in everywhere(resource.properties):
            if key != "Statement":
                continue
            for statement in value if isinstance(value, list) else [value]:
                if not isinstance(statement, Mapping) or statement.get("Effect") != "Allow":
                    continue
                if "*" in _list(statement.get("Action")) and "*" in _list(statement.get("Resource")):
                    yield _finding(Level.ERROR, "all-allowed", resource, "every action on every resource is allowed")
                if "*" in _list(_principals(statement.get("Principal"))) and "Condition" not in statement:
                    yield _finding(Level.ERROR, "anybody", resource, "anybody in any account may assume this role")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _principals(value: Any) -> Any:
    return value.get("AWS") if isinstance(value, Mapping) else value


def _parameters(template: Template) -> Iterator[Finding]:
    for name, parameter in template.parameters.items():
        if not isinstance(parameter, Mapping) or not SECRET.search(str(name)):
            continue
        if str(parameter.get("Type", "String")) == "String" and not _true(parameter.get("NoEcho", False)):
            said = "it looks like a secret, and would be shown to whoever may describe the stack; set NoEcho: true"
            yield Finding(Level.WARNING, "secret-shown", str(name), None, said)


def _secrets(template: Template) -> Iterator[Finding]:
    for resource in template.resources:
        for key, value in everywhere(resource.properties):
            if key in IMPORTANT and isinstance(value, str) and not value.startswith("{{resolve:"):
                said = f"{key} stands in the template; take it from Secrets Manager, or from a parameter with NoEcho"
                yield _finding(Level.ERROR, "secret-written", resource, said)


def _databases(template: Template) -> Iterator[Finding]:
    for resource in template.resources:
        if resource.type not in ("AWS::RDS::DBInstance", "AWS::RDS::DBCluster"):
            continue
        if str(resource.properties.get("PubliclyAccessible", "")).lower() == "true":
            yield _finding(Level.ERROR, "public-database", resource, "the database has an address on the internet")
        own = "DBClusterIdentifier" not in resource.properties
        if own and not _true(resource.properties.get("StorageEncrypted", False)):
            yield _finding(Level.WARNING, "unencrypted-disk", resource, "the database's storage is not encrypted")


def _buckets(template: Template) -> Iterator[Finding]:
    for resource in template.of("AWS::S3::Bucket"):
        if str(resource.properties.get("AccessControl", "")).startswith("Public"):
            yield _finding(Level.ERROR, "public-bucket", resource, "everybody may read what is in the bucket")


def _listeners(template: Template) -> Iterator[Finding]:
    for resource in template.of("AWS::ElasticLoadBalancingV2::Listener"):
        if resource.properties.get("Protocol") != "HTTP":
            continue
        actions = resource.properties.get("DefaultActions")
        redirects = any(key == "RedirectConfig" for key, _ in everywhere(actions))
        if not redirects:
            said = "it speaks HTTP, which everybody on the way can read; add an HTTPS listener with a certificate"
            yield _finding(Level.NOTE, "no-tls", resource, said)
