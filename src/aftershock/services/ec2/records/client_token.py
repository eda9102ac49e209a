"""Client tokens: what a repeated request has made before."""

from datetime import datetime

from msgspec import Struct

from aftershock.store import Table


class ClientToken(Struct, frozen=True, kw_only=True):
    id: str  # the account, the operation and the caller's token
    digest: str  # of the parameters
    resource_id: str
    used_at: datetime

    # Written by the controller of client tokens.
    gone_at: datetime | None = None  # when no instance of what it made was first seen to be left


CLIENT_TOKENS = Table("ec2_client_token", ClientToken)
