"""The control plane's program: the store, the controllers and the doors, around what `wiring` has connected.

The keeper runs it as `python -m aftershock.region` inside the region.  It may be killed at any moment: machines,
resolver and doors go on, and its successor finds everything as it is.
"""

import gc

if __name__ == "__main__":
    gc.disable()  # what is loaded stays, so to look through it for garbage again and again only delays the start

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import uvicorn
from msgspec import Struct

from aftershock.aws.call import Call, Operation, Principal, Tx
from aftershock.aws.errors import AwsError
from aftershock.aws.ids import new_id
from aftershock.clock import Clock
from aftershock.control import Loop
from aftershock.engines.certificates import CertificateAuthority, Issued
from aftershock.gateway import Credential, Gateway, Inside
from aftershock.services import autoscaling, ec2, elbv2, iam, ssm
from aftershock.store import Store, Table
from aftershock.wire import Models, Secret
from aftershock.wiring import (
    ACCOUNT,
    BADGES,
    ENDPOINTS,
    LINKS,
    MORE_HOSTS,
    REGION,
    ROLES,
    TABLES,
    Engines,
    Wiring,
    catalogue,
)

log = logging.getLogger(__name__)

GROUND = Path("/run/aftershock/ground.json")
RESET_TIMEOUT_S = 60.0
# On AWS the credentials of an instance are good for about six hours.
ROLE_SESSION_S, RENEWED_BEFORE_S = 6 * 3600, 300
# Longer than clients keep an idle connection for their next request, so that none is cut under a request.
KEEP_ALIVE_S = 75
# Told to end, a server waits so long for its clients, of whom one with an idle TLS connection would take 30 s.  The
# keeper has patience for 5 s.
LEAVE_S = 2
BACKLOG = 1024  # connections that wait while the control plane is busy


class Opened(Struct, frozen=True):
    """The account, once it has what a fresh one has; what its owner deletes afterwards stays deleted."""

    id: str
    ground: str  # on which its machines and networks were last seen; see `ground_id`


OPENED = Table("account", Opened)


class Region:
    """The control plane: records, controllers, and the doors to them."""

    def __init__(self, state: Path, cache: Path, *, pace: float) -> None:
        self._state = state
        self._clock = Clock(pace)
        self._engines = Engines.at(state, cache, ssm.Sealer.at(state / "ssm.key"))
        self._store = Store(state / "region.db", (OPENED, *TABLES), ec2.MIGRATIONS)
        self._loop = Loop()
        models = Models()
        hosts = models.hosts(catalogue(), REGION)
        services: dict[str, Mapping[str, Operation]] = {}  # filled when those are there who ask by it
        inside = Inside(
            store=self._store, models=models, services=services, clock=self._clock, region=REGION, account=ACCOUNT
        )
        wiring = Wiring(self._engines, self._clock, lambda name: inside.of(name, role=ROLES[name]), hosts)
        services |= wiring.operations()
        self._certificate, authority = certificate(self._engines.authority, hosts, self._clock.now())
        self._loop.add(
            *wiring.controllers(
                self._store,
                self._loop.wake,
                credentials_of=self._credentials_of,
                authority=authority,
                ground=ground_id(),
            )
        )
        self._store.after_commit.append(self._loop.changed)
        gateway = partial(
            Gateway,
            store=self._store,
            models=models,
            services=services,
            authenticate=authenticate,
            clock=self._clock,
            region=REGION,
            health=self.health,
            badges=BADGES,
            links=LINKS,
            data=wiring.data,
            sites=wiring.sites,
        )
        self._door = gateway(acts={"reset": self.reset})
        self._endpoints = gateway(acts={})  # who is on an instance has AWS, and not the region itself

    async def serve(self, api: socket.socket) -> None:
        """Serve until told to end by SIGTERM."""
        self._engines.objects.open()
        self._engines.layers.open()
        await self._engines.network.ensure_outside()
        self._open_account()
        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        with listening(80) as http, listening(443) as https:
            servers = {
                "door": (Server(self._door), api),
                "http": (Server(self._endpoints), http),
                "https": (Server(self._endpoints, self._certificate), https),
            }
            async with asyncio.TaskGroup() as tasks:
                control = tasks.create_task(self._loop.run(), name="control")
                for name, (server, listener) in servers.items():
                    tasks.create_task(server.serve(sockets=[listener]), name=name)
                await ended.wait()
                for server, _ in servers.values():
                    server.should_exit = True
                control.cancel()
        self._store.close()

    def _open_account(self) -> None:
        """Give a fresh account its first key and its default VPC, and tell the clients the key."""
        with self._store.transaction() as tx:
            now = self._clock.now()
            key_id, secret = iam.ensure_root_key(tx, ACCOUNT, now)
            opened = OPENED.get(tx, ACCOUNT)
            if opened is None:
                self._fill_account(tx, now)
            elif opened.ground != ground_id():
                ec2.ground_is_new(tx)
                elbv2.ground_is_new(tx)
                autoscaling.ground_is_new(tx, now)
                OPENED.put(tx, Opened(ACCOUNT, ground_id()))
            ec2.base_image(tx, self._engines.images.base_name(), REGION, now)
        write_credentials(self._state / "credentials.json", key_id, secret)

    def _fill_account(self, tx: Tx, now: datetime) -> None:
        ec2.default_vpc(self._as_root(tx, now))
        ec2.base_image(tx, self._engines.images.base_name(), REGION, now)
        OPENED.put(tx, Opened(ACCOUNT, ground_id()))

    def _as_root(self, tx: Tx, now: datetime) -> Call:
        root = Principal(account=ACCOUNT, arn=f"arn:aws:iam::{ACCOUNT}:root", user_id=ACCOUNT, access_key_id="")
        return Call(principal=root, region=REGION, request_id="region", now=now, tx=tx, new_id=new_id)

    def _credentials_of(self, account: str, profile_arn: str, instance_id: str) -> ec2.RoleCredentials | None:
        """What the metadata service answers: the instance's session of the role in its profile, renewed in time.

        AWS: "We make new credentials available at least five minutes before the expiration of the old".
        """
        now = self._clock.now()
        with self._store.transaction() as tx:
            profile = iam.instance_profile(tx, account, profile_arn)
            if profile is None or profile.role is None or not iam.trusts(profile.role, "ec2.amazonaws.com"):
                return None
            role = profile.role
            session = iam.current_role_session(tx, role, instance_id, now, at_least_s=RENEWED_BEFORE_S)
            session = session or iam.issue_role_session(tx, role, instance_id, ROLE_SESSION_S, now)
        return ec2.RoleCredentials(
            role=role.name,
            access_key_id=session.id,
            secret_access_key=session.secret,
            session_token=session.token,
            issued_at=session.issued_at,
            expires_at=session.expires_at,
        )

    def health(self) -> Mapping[str, Any]:
        """How far the region is: ready when an instance can be run."""
        progress = self._engines.images.base_progress()
        built = progress is not None and progress.fraction >= 1
        with self._store.snapshot() as tx:
            routed, available = ec2.is_routed(tx), ec2.is_base_image_available(tx)
        if not built:
            phase = f"base image: {progress.phase}" if progress else "base image"
            fraction = progress.fraction if progress else 0.0
        elif not available:  # it was built a moment ago, perhaps by another region, and the records do not say so yet
            phase, fraction = "base image", 1.0
        else:
            phase, fraction = ("ready", 1.0) if routed else ("network", 0.0)
        return {
            "ready": built and available and routed,
            "phase": phase,
            "fraction": fraction,
            "version": version("aftershock"),
        }

    async def reset(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        """Empty the account: answers when nothing of what it had is left, and a fresh default VPC is there.

        The root's access keys stay, so that whoever asked can go on.

        Raises:
            AwsError: something could not be removed in time; the message says what, and why.
        """
        with self._store.transaction() as tx:
            self._store.clear(tx, keep=[iam.ACCESS_KEYS.name])
            iam.forget_keys_of_users(tx, ACCOUNT)
            self._fill_account(tx, self._clock.now())
        await self._loop.resync()
        try:
            async with asyncio.timeout(RESET_TIMEOUT_S):
                while left := self._unsettled():
                    await asyncio.sleep(0.02)
        except TimeoutError:
            reasons = "; ".join(f"{kind} {key}: {reason}" for (kind, key), reason in sorted(left.items())[:5])
            raise AwsError(
                "ServiceUnavailable", f"The account is empty, but not settled: {reasons}", status=503
            ) from None
        return {"Account": ACCOUNT}

    def _unsettled(self) -> dict[tuple[str, str], str]:
        """What is still to be done; a base image that takes its time to be built does not count."""
        progress = self._engines.images.base_progress()
        built = progress is not None and progress.fraction >= 1
        due = self._loop.due()
        return {pair: reason for pair, reason in due.items() if built or pair[0] != ec2.BASE_IMAGE_KIND}


def ground_id() -> str:
    """The region's first process: another one means that nothing of what ran before is left.

    proc(5): the 22nd field of stat is "the time the process started after system boot".
    """
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    started = Path("/proc/1/stat").read_text().rpartition(")")[2].split()[19]
    return f"{boot} {started}"


def certificate(authority: CertificateAuthority, hosts: Iterable[str], now: datetime) -> tuple[Issued, bytes]:
    """What the endpoints prove themselves with, and the authority that vouches for it, PEM."""
    authority.ensure(now)
    issued = authority.issue("endpoints", sorted({*hosts, *MORE_HOSTS, f"*.{REGION}.amazonaws.com"}), now)
    return issued, authority.certificate.read_bytes()


def listening(port: int) -> socket.socket:
    """A port of the endpoints' address, which the internet segment has from `Network.ensure_outside` on."""
    return socket.create_server((ENDPOINTS, port), backlog=BACKLOG)


class Server(uvicorn.Server):
    """One of several servers in this process: signals are not its business."""

    def __init__(self, gateway: Gateway, certificate: Issued | None = None) -> None:
        """With a certificate it speaks TLS."""
        config = uvicorn.Config(
            gateway,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            date_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=LEAVE_S,
            ssl_certfile=certificate.chain if certificate else None,
            ssl_keyfile=certificate.key if certificate else None,
        )
        super().__init__(config)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def authenticate(tx: Tx, access_key_id: str, now: datetime) -> Credential | None:
    """An access key of IAM's that is good now, or a session's that was."""
    key = iam.find_key(tx, access_key_id, now)
    if key is None or not key.active:
        return None
    return Credential(Secret(key.secret, key.session_token, key.expired), key.principal)


def write_credentials(path: Path, key_id: str, secret: str) -> None:
    """The account's first key for the clients on the host, in the form of AWS's `credential_process`."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"Version": 1, "AccessKeyId": key_id, "SecretAccessKey": secret}, file)
    draft.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m aftershock.region", description=__doc__.partition("\n")[0])
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--api-fd", type=int, required=True, help="the listening socket of the API door")
    options = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("botocore").setLevel(logging.ERROR)  # it warns of each deprecated endpoint that is passed over
    ground = json.loads(GROUND.read_text())
    region = Region(options.state, options.cache, pace=ground["pace"])
    gc.freeze()  # nor is it ever looked through later, which would take 50 ms each time
    gc.enable()
    if sys.version_info < (3, 12):  # from there on it is the usual one; before, each program costs a thread
        asyncio.set_child_watcher(asyncio.PidfdChildWatcher())
    with socket.socket(fileno=options.api_fd) as api, asyncio.Runner() as runner:
        # Not uvloop: a program that leaves a child behind with its standard output, as conmon does, never ends for it.
        runner.run(region.serve(api))


if __name__ == "__main__":
    main()
