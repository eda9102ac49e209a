"""Key pairs.  The private key is answered to whoever asked for it, and kept nowhere."""

from collections.abc import Mapping

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.ec2.records.key_pair import KEY_PAIRS, KeyPair
from aftershock.services.ec2.records.kinds import KEY_PAIR
from aftershock.services.ec2.rules import keys, tags
from aftershock.services.ec2.rules.parameters import honours

from .describing import Path, describe

MAX_NAME = 255  # AWS: "Constraints: Up to 255 ASCII characters"
MAX_PAIRS = 5000  # AWS: "Key pairs per Region: 5,000"


@honours("KeyName", "KeyType", "TagSpecifications", only={"KeyFormat": "pem"})
def create_key_pair(call: Call, params: Params) -> Result:
    _check_name(call, params["KeyName"])
    made = keys.generate(params.get("KeyType", "rsa"))
    pair = _put(call, params, made.public)
    return {**_made(pair), "KeyMaterial": made.private_pem}


@honours("KeyName", "PublicKeyMaterial", "TagSpecifications")
def import_key_pair(call: Call, params: Params) -> Result:
    _check_name(call, params["KeyName"])
    return _made(_put(call, params, keys.imported(params["PublicKeyMaterial"])))


def _check_name(call: Call, name: str) -> None:
    if not name.strip():
        raise AwsError("MissingParameter", "The request must contain the parameter KeyName")
    if not name.isascii() or len(name) > MAX_NAME:
        raise AwsError("InvalidParameterValue", f"Value ({name}) for parameter KeyName is invalid.")
    if _named(call, name) is not None:
        raise AwsError("InvalidKeyPair.Duplicate", f"The keypair '{name}' already exists.")
    if len(KEY_PAIR.every(call.tx, call.account)) >= MAX_PAIRS:
        raise AwsError("KeyPairLimitExceeded", "The maximum number of key pairs has been reached.")


def _put(call: Call, params: Params, public: keys.PublicKey) -> KeyPair:
    pair = KeyPair(
        id=call.new_id("key"),
        account=call.account,
        region=call.region,
        tags=tags.specified(params.get("TagSpecifications"), "key-pair", by=call.principal)["key-pair"],
        name=params["KeyName"],
        kind=public.kind,
        public_key=f"{public.line} {params['KeyName']}",
        fingerprint=public.fingerprint,
        created_at=call.now,
    )
    KEY_PAIRS.put(call.tx, pair)
    return pair


def _made(pair: KeyPair) -> Result:
    return {
        "KeyName": pair.name,
        "KeyPairId": pair.id,
        "KeyFingerprint": pair.fingerprint,
        "Tags": tags.view(pair.tags) or None,
    }


def _named(call: Call, name: str) -> KeyPair | None:
    return next((pair for pair in KEY_PAIRS.where(call.tx, "name", name) if pair.account == call.account), None)


@honours("KeyName", "KeyPairId")
def delete_key_pair(call: Call, params: Params) -> Result:
    """AWS: deleting what is not there is no error, by whichever of the two it is named."""
    name, pair_id = params.get("KeyName"), params.get("KeyPairId")
    if name is None and pair_id is None:
        raise AwsError("MissingParameter", "The request must contain the parameter KeyName or KeyPairId")
    by_id = KEY_PAIR.get(call.tx, call.account, pair_id) if pair_id is not None else None
    by_name = _named(call, name) if name is not None else None
    if by_id and by_name and by_id.id != by_name.id:
        raise AwsError("InvalidParameterCombination", "KeyName and KeyPairId name two different key pairs.")
    pair = by_id or by_name
    if pair is not None:
        KEY_PAIRS.forget(call.tx, pair.id)
    return {"Return": True, "KeyPairId": pair.id if pair else None}


FILTERS: Mapping[str, Path] = {
    "fingerprint": ("KeyFingerprint",),
    "key-name": ("KeyName",),
    "key-pair-id": ("KeyPairId",),
}


@honours("KeyNames", "KeyPairIds", "IncludePublicKey", "Filters")
def describe_key_pairs(call: Call, params: Params) -> Result:
    ids = list(params.get("KeyPairIds") or ())
    for name in params.get("KeyNames") or ():
        pair = _named(call, name)
        if pair is None:
            raise AwsError("InvalidKeyPair.NotFound", f"The key pair '{name}' does not exist")
        ids.append(pair.id)
    with_key = params.get("IncludePublicKey", False)
    return describe(
        call,
        {**params, "KeyPairIds": ids},
        KEY_PAIR,
        ids="KeyPairIds",
        answer="KeyPairs",
        filters=FILTERS,
        view=lambda pair: _view(pair, with_key=with_key),
    )


def _view(pair: KeyPair, *, with_key: bool) -> Result:
    return {
        "KeyPairId": pair.id,
        "KeyName": pair.name,
        "KeyType": pair.kind,
        "KeyFingerprint": pair.fingerprint,
        "PublicKey": pair.public_key if with_key else None,
        "CreateTime": pair.created_at,
        "Tags": tags.view(pair.tags),
    }


OPERATIONS: dict[str, Operation] = {
    "CreateKeyPair": create_key_pair,
    "DeleteKeyPair": delete_key_pair,
    "DescribeKeyPairs": describe_key_pairs,
    "ImportKeyPair": import_key_pair,
}
