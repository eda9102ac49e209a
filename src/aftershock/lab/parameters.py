"""The parameters that an experiment's template is given in this region."""

from .experiment import Written
from .site import Site

MINUTE_S = 60


def given(said: Written, site: Site) -> dict[str, str]:
    found = dict(said.parameters)
    if said.subnets:
        found["Subnets"] = site.subnets(said.subnets)
    for name, each_second in said.per_second.items():
        found[name] = f"{each_second * site.paced(MINUTE_S):g}"
    return found
