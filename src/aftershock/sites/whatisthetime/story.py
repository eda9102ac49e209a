"""WhatIsTheTime.com, told stage by stage."""

from aftershock.doors.access import Access
from aftershock.sites.story import Teller

from .addresses import a_bigger_one, one_instance, three_and_the_limit
from .balanced import behind_a_balancer
from .elastic import a_group
from .names import one_name_for_all
from .pack import HERE
from .removal import remove
from .reserved import a_smaller_bill
from .site import DOMAIN, Site
from .zones import in_one_of_three, in_the_only_zone

STAGES = (
    (one_instance,),
    (a_bigger_one,),
    (three_and_the_limit, one_name_for_all),
    (behind_a_balancer,),
    (a_group,),
    (in_the_only_zone, in_one_of_three),
    (a_smaller_bill,),
)


def tell(access: Access, *, stage: int, keep: bool) -> None:
    """Tell the story up to a stage, and leave the site running if `keep`.

    Raises:
        StoryFailed: something came otherwise than told; what was made so far is left, to be looked at.
    """
    site = Site(Teller(access, HERE))
    if remove(site.teller):
        print(flush=True)
    for number, parts in enumerate(STAGES[:stage], start=1):
        if number > 1:
            print(flush=True)
        for part in parts:
            part(site)
    print(flush=True)
    if not keep:
        remove(site.teller)
        return
    site.teller.say("WhatIsTheTime.com is being served. Ask it yourself:")
    hosts = [address for _, address in site.addresses] or [DOMAIN]
    for host in hosts:
        print(f"  curl --proxy {access.proxy} http://{host}/")
    print(f"or set a browser's SOCKS 5 proxy to 127.0.0.1:{access.socks_port} and open it there.")
