"""Looks in the DNS for the proofs of requested certificates, and has the authority issue what is proven."""

import asyncio
from collections.abc import Iterable

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from msgspec.structs import replace

from aftershock.clock import Clock
from aftershock.control import Again, Controller, Done, Outcome
from aftershock.services.acm.outside import Outside
from aftershock.services.acm.records import CERTIFICATES, Certificate
from aftershock.services.acm.rules.pem import private_pem
from aftershock.services.acm.rules.validation import RECHECK_S, TIMEOUT_S, is_proof, needs_proof, plan, proof
from aftershock.store import Change, Store

LEAST_RECHECK_S = 1.0
CURVES: dict[str, type[ec.SECP256R1 | ec.SECP384R1]] = {
    "EC_prime256v1": ec.SECP256R1,
    "EC_secp384r1": ec.SECP384R1,
}


def controllers(store: Store, clock: Clock, outside: Outside) -> tuple[Controller, ...]:
    return (CertificateController(store, clock, outside),)


class CertificateController:
    kind = "acm.certificate"

    def __init__(self, store: Store, clock: Clock, outside: Outside) -> None:
        self._store, self._clock, self._outside = store, clock, outside

    async def keys(self) -> set[str]:
        with self._store.snapshot() as tx:
            return CERTIFICATES.keys(tx)

    def concerned(self, change: Change) -> Iterable[str]:
        if change.table == CERTIFICATES.name:
            return (change.key,)
        if change.table not in self._outside.tables:
            return ()
        with self._store.snapshot() as tx:
            return [one.arn for one in CERTIFICATES.where(tx, "pending", "pending")]

    async def reconcile(self, key: str) -> Outcome:
        with self._store.snapshot() as tx:
            certificate = CERTIFICATES.get(tx, key)
        if certificate is None:
            return Done("deleted")
        now = self._clock.now()
        proven = await self._proven(certificate) if needs_proof(certificate, now) else certificate.proven
        planned = plan(certificate, proven, now, self._clock.paced(TIMEOUT_S))
        after = replace(certificate, proven=proven, reason=planned.reason)
        match planned.step:
            case "issue":
                after = await asyncio.to_thread(self._issued, after)
            case "time out":
                after = replace(after, timed_out=True)
        self._record(certificate, after)
        if planned.again:
            return Again(planned.reason, max(LEAST_RECHECK_S, self._clock.paced(RECHECK_S)))
        return Done(planned.reason)

    async def _proven(self, certificate: Certificate) -> tuple[str, ...]:
        found = []
        for name in certificate.names:
            wanted = proof(certificate.account, name)
            answer = await asyncio.to_thread(self._outside.ask, wanted.name, "CNAME")
            if is_proof(wanted, answer.values):
                found.append(name)
        return tuple(found)

    def _issued(self, certificate: Certificate) -> Certificate:
        now = self._clock.now()
        key = _new_key(certificate.key_algorithm)
        text = self._outside.certify(key.public_key(), certificate.names, now).decode()
        return replace(
            certificate,
            certificate=text,
            chain=self._outside.chain().decode(),
            key=private_pem(key),
            issued_at=now,
            not_after=x509.load_pem_x509_certificate(text.encode()).not_valid_after_utc,
        )

    def _record(self, before: Certificate, after: Certificate) -> None:
        """Unless somebody changed or deleted it meanwhile, who wakes us again."""
        if after == before:
            return
        with self._store.transaction() as tx:
            if CERTIFICATES.get(tx, before.arn) == before:
                CERTIFICATES.put(tx, after)


def _new_key(algorithm: str) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    if algorithm in CURVES:
        return ec.generate_private_key(CURVES[algorithm]())
    return rsa.generate_private_key(public_exponent=65537, key_size=int(algorithm.removeprefix("RSA_")))
