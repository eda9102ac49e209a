"""Route 53's refusals, in AWS's words.

Sources: the service model's own descriptions; cloudfoundry/bosh-bootloader#310, aws/aws-sdk-java#1996,
boto/boto3#1475, barnybug/cli53#213 and #257 (change batches); agorapulse/grails-aws-sdk#95 (what a record set needs);
gomodules/dns#7, danpilch/aws-dyndns#3, kubernetes-sigs/external-dns#1176, #4792 and #2362, hashicorp/terraform#18482,
ministryofjustice/cloud-platform#4294 (values and names); gruntwork-io/cloud-nuke#743, saltstack/salt#40655,
infrablocks/terraform-aws-base-networking#4, hashicorp/terraform#1827 (zones); aws/aws-sdk-php#1527 and #1528 (checks).
"""

from collections.abc import Sequence

from aftershock.aws.errors import AwsError


def invalid_input(message: str) -> AwsError:
    return AwsError("InvalidInput", message)


def invalid_batch(messages: Sequence[str]) -> AwsError:
    return AwsError("InvalidChangeBatch", f"[{', '.join(messages)}]")


def fatal(code: str, explained: str, value: str) -> str:
    return f"FATAL problem: {code} ({explained}) encountered with '{value}'"


def invalid_domain_name(problem: str) -> AwsError:
    return AwsError("InvalidDomainName", problem)


def no_such_zone(zone_id: str) -> AwsError:
    return AwsError("NoSuchHostedZone", f"No hosted zone found with ID: {zone_id}", status=404)


def no_such_change(change_id: str) -> AwsError:
    return AwsError("NoSuchChange", f"A change with the specified change ID {change_id} does not exist.", status=404)


def no_such_health_check(check_id: str) -> AwsError:
    return AwsError("NoSuchHealthCheck", f"A health check with id {check_id} does not exist.", status=404)


def zone_exists() -> AwsError:
    text = "A hosted zone has already been created with the specified caller reference."
    return AwsError("HostedZoneAlreadyExists", text, status=409)


def zone_not_empty() -> AwsError:
    text = "The specified hosted zone contains non-required resource record sets and so cannot be deleted."
    return AwsError("HostedZoneNotEmpty", text)


def check_exists() -> AwsError:
    text = (
        "A health check with the specified caller reference was created earlier, with other settings, "
        "or has been deleted."
    )
    return AwsError("HealthCheckAlreadyExists", text, status=409)


def invalid_vpc() -> AwsError:
    text = (
        "The VPC ID that you specified either isn't a valid ID or the current account is not authorized to access "
        "this VPC."
    )
    return AwsError("InvalidVPCId", text)


def conflicting_domain(vpc_id: str, region: str, name: str) -> AwsError:
    text = (
        f"The VPC that you chose, {vpc_id} in region {region}, is already associated with another private hosted zone "
        f"that has an overlapping name space, {name}."
    )
    return AwsError("ConflictingDomainExists", text)


def public_zone(zone_id: str, vpc_id: str) -> AwsError:
    text = f"Attempting to associate public zone: {zone_id} with vpc: {vpc_id}"
    return AwsError("PublicZoneVPCAssociation", text)
