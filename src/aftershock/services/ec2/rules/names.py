"""The DNS names of addresses."""


def private_dns_name(region: str, address: str) -> str:
    """AWS: us-east-1 has the domain "ec2.internal", every other region "<region>.compute.internal"."""
    return f"ip-{address.replace('.', '-')}.{internal_domain(region)}"


def internal_domain(region: str) -> str:
    return "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"


def public_dns_name(region: str, address: str) -> str:
    domain = "compute-1" if region == "us-east-1" else f"{region}.compute"
    return f"ec2-{address.replace('.', '-')}.{domain}.amazonaws.com"
