"""Stage 7: what is always needed is reserved, and costs less."""

from .site import Site
from .zones import ZONES

TYPE = "t2.micro"
YEAR_S = 365 * 24 * 3600


def a_smaller_bill(site: Site) -> None:
    tell = site.teller
    tell.say("Stage 7: the bill, and what it would be if all went on like this for a month:")
    tell.aftershock("bill")
    tell.say(f"The group never has fewer than {len(ZONES)} machines, and so many are reserved for a year:")
    offering = tell.aws(
        *("ec2", "describe-reserved-instances-offerings", "--instance-type", TYPE, "--offering-class", "standard"),
        *("--offering-type", "No Upfront", "--product-description", "Linux/UNIX"),
        *("--min-duration", str(YEAR_S), "--max-duration", str(YEAR_S)),
        query="ReservedInstancesOfferings[?Scope=='Region'].ReservedInstancesOfferingId | [0]",
    )
    tell.aws(
        *("ec2", "purchase-reserved-instances-offering", "--reserved-instances-offering-id", offering),
        *("--instance-count", str(len(ZONES))),
        query="ReservedInstancesId",
    )
    tell.aws(
        *("ec2", "describe-reserved-instances"),
        query="ReservedInstances[].[InstanceType,InstanceCount,OfferingType,State]",
    )
    tell.aftershock("bill")
