"""Security policies of HTTPS listeners.

Source: "Security policies for your Application Load Balancer".
"""

from dataclasses import dataclass
from typing import Any

SUPPORTED = "application"  # the only type here that has listeners with TLS
DEFAULT = "ELBSecurityPolicy-2016-08"  # AWS: of a listener that is made through the API without any

_TLS13 = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
_ECDHE_GCM = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
)
_ECDHE_CBC = (
    "ECDHE-ECDSA-AES128-SHA256",
    "ECDHE-RSA-AES128-SHA256",
    "ECDHE-ECDSA-AES256-SHA384",
    "ECDHE-RSA-AES256-SHA384",
)
_ECDHE_SHA1 = (
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-RSA-AES256-SHA",
    "ECDHE-ECDSA-AES256-SHA",
)
_RSA = ("AES128-GCM-SHA256", "AES128-SHA256", "AES256-GCM-SHA384", "AES256-SHA256")
_RSA_SHA1 = ("AES128-SHA", "AES256-SHA")


@dataclass(frozen=True, slots=True)
class Policy:
    protocols: tuple[str, ...]
    ciphers: tuple[str, ...]


_TLS12 = ("TLSv1.2",)
_BOTH = ("TLSv1.2", "TLSv1.3")
_FORWARD_SECRET = (*_ECDHE_GCM, *_ECDHE_CBC, *_ECDHE_SHA1)
_EVERY = (*_FORWARD_SECRET, *_RSA, *_RSA_SHA1)
POLICIES: dict[str, Policy] = {
    "ELBSecurityPolicy-2015-05": Policy(("TLSv1", "TLSv1.1", "TLSv1.2"), _EVERY),
    "ELBSecurityPolicy-2016-08": Policy(("TLSv1", "TLSv1.1", "TLSv1.2"), _EVERY),
    "ELBSecurityPolicy-TLS-1-1-2017-01": Policy(("TLSv1.1", "TLSv1.2"), _EVERY),
    "ELBSecurityPolicy-TLS-1-2-2017-01": Policy(_TLS12, (*_ECDHE_GCM, *_ECDHE_CBC, *_RSA)),
    "ELBSecurityPolicy-TLS-1-2-Ext-2018-06": Policy(_TLS12, _EVERY),
    "ELBSecurityPolicy-FS-2018-06": Policy(("TLSv1", "TLSv1.1", "TLSv1.2"), _FORWARD_SECRET),
    "ELBSecurityPolicy-FS-1-1-2019-08": Policy(("TLSv1.1", "TLSv1.2"), _FORWARD_SECRET),
    "ELBSecurityPolicy-FS-1-2-2019-08": Policy(_TLS12, _FORWARD_SECRET),
    "ELBSecurityPolicy-FS-1-2-Res-2019-08": Policy(_TLS12, (*_ECDHE_GCM, *_ECDHE_CBC)),
    "ELBSecurityPolicy-FS-1-2-Res-2020-10": Policy(_TLS12, _ECDHE_GCM),
    "ELBSecurityPolicy-TLS13-1-2-2021-06": Policy(_BOTH, (*_TLS13, *_ECDHE_GCM, *_ECDHE_CBC)),
    "ELBSecurityPolicy-TLS13-1-2-Res-2021-06": Policy(_BOTH, (*_TLS13, *_ECDHE_GCM)),
    "ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06": Policy(_BOTH, (*_TLS13, *_ECDHE_GCM, *_ECDHE_CBC, *_RSA)),
    "ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06": Policy(_BOTH, (*_TLS13, *_EVERY)),
    "ELBSecurityPolicy-TLS13-1-1-2021-06": Policy(("TLSv1.1", *_BOTH), (*_TLS13, *_EVERY)),
    "ELBSecurityPolicy-TLS13-1-0-2021-06": Policy(("TLSv1", "TLSv1.1", *_BOTH), (*_TLS13, *_EVERY)),
    "ELBSecurityPolicy-TLS13-1-3-2021-06": Policy(("TLSv1.3",), _TLS13),
}


def view(name: str) -> dict[str, Any]:
    policy = POLICIES[name]
    return {
        "Name": name,
        "SslProtocols": [*policy.protocols],
        "Ciphers": [{"Name": cipher, "Priority": number} for number, cipher in enumerate(policy.ciphers, 1)],
        "SupportedLoadBalancerTypes": [SUPPORTED],
    }
