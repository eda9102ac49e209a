"""The certificates of a listener beside its default one."""

from typing import Any

from msgspec.structs import replace

from aftershock.aws.call import Call, Params, Result
from aftershock.services.elbv2.records.listener import LISTENERS, Listener
from aftershock.services.elbv2.rules import errors, quotas
from aftershock.services.elbv2.rules.paging import page
from aftershock.services.elbv2.rules.parameters import honours

from .found import Handler, Sources, require_listener, touch


@honours("ListenerArn", "Certificates.CertificateArn")
def add_listener_certificates(sources: Sources, call: Call, params: Params) -> Result:
    listener = _require_secure(call, params["ListenerArn"])
    arns = _arns(params)
    for arn in arns:
        if sources.outside.certificate(call.tx, call.account, arn) is None:
            raise errors.no_certificate(arn)
    after = tuple(dict.fromkeys((*listener.more_certificates, *arns)))
    siblings = LISTENERS.where(call.tx, "load_balancer", listener.load_balancer)
    elsewhere = sum(len(one.more_certificates) for one in siblings if one.arn != listener.arn)
    quotas.require_within("TooManyCertificates", elsewhere + len(after), quotas.CERTIFICATES)
    _put(call, listener, after)
    return {"Certificates": [{"CertificateArn": arn, "IsDefault": False} for arn in arns]}


@honours("ListenerArn", "Certificates.CertificateArn")
def remove_listener_certificates(sources: Sources, call: Call, params: Params) -> Result:
    listener = _require_secure(call, params["ListenerArn"])
    arns = _arns(params)
    for arn in arns:
        if arn == listener.certificate and arn not in listener.more_certificates:
            raise errors.not_permitted(f"The default certificate '{arn}' of a listener cannot be removed")
    _put(call, listener, tuple(arn for arn in listener.more_certificates if arn not in arns))
    return {}


def describe_listener_certificates(sources: Sources, call: Call, params: Params) -> Result:
    """AWS: a default certificate that is in the list as well "appears twice"."""
    listener = require_listener(call, params["ListenerArn"])
    of_default = [(listener.certificate, True)] if listener.certificate else []
    found = [*of_default, *((arn, False) for arn in listener.more_certificates)]
    shown, marker = page(params, found, key=lambda one: f"{'0' if one[1] else '1'} {one[0]}")
    told = [{"CertificateArn": arn, "IsDefault": is_default} for arn, is_default in shown]
    return {"Certificates": told, "NextMarker": marker}


def _require_secure(call: Call, arn: str) -> Listener:
    listener = require_listener(call, arn)
    if listener.protocol != "HTTPS":
        raise errors.configuration("Certificates can only be specified for listeners with the protocol HTTPS or TLS")
    return listener


def _arns(params: Params) -> tuple[str, ...]:
    given: list[Any] = params["Certificates"]
    arns = tuple(dict.fromkeys(one.get("CertificateArn") or "" for one in given))
    if not arns or not all(arns):
        raise errors.invalid("A certificate ARN must be specified")
    return arns


def _put(call: Call, listener: Listener, certificates: tuple[str, ...]) -> None:
    if certificates != listener.more_certificates:
        LISTENERS.put(call.tx, replace(listener, more_certificates=certificates))
        touch(call, listener.load_balancer)


OPERATIONS: dict[str, Handler] = {
    "AddListenerCertificates": add_listener_certificates,
    "RemoveListenerCertificates": remove_listener_certificates,
    "DescribeListenerCertificates": describe_listener_certificates,
}
