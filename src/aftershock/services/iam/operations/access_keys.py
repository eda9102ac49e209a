"""Long-term access keys of users and of the account's root."""

import msgspec

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.ids import new_access_key_id, new_secret
from aftershock.services.iam.records import ACCESS_KEYS, AccessKey, User, owner_key
from aftershock.services.iam.rules import errors, quotas

from .kinds import USER
from .named import listed
from .users import calling_user


def create_access_key(call: Call, params: Params) -> Result:
    user = _user(call, params)
    if len(_keys(call, user)) >= quotas.ACCESS_KEYS_PER_USER:
        raise errors.quota("AccessKeysPerUser", quotas.ACCESS_KEYS_PER_USER)
    key = AccessKey(
        id=new_access_key_id("AKIA"),
        secret=new_secret(),
        account=call.account,
        user_id=user.id if user else None,
        created_at=call.now,
    )
    ACCESS_KEYS.put(call.tx, key)
    return {"AccessKey": {**view(key, user), "SecretAccessKey": key.secret}}


def list_access_keys(call: Call, params: Params) -> Result:
    user = _user(call, params)
    return listed(params, "AccessKeyMetadata", _keys(call, user), lambda key: key.id, lambda key: view(key, user))


def update_access_key(call: Call, params: Params) -> Result:
    key = _key(call, params)
    if params["Status"] == "Expired":
        raise errors.invalid_input("The status of an access key can be set to Active or Inactive only.")
    ACCESS_KEYS.put(call.tx, msgspec.structs.replace(key, active=params["Status"] == "Active"))
    return {}


def delete_access_key(call: Call, params: Params) -> Result:
    ACCESS_KEYS.forget(call.tx, _key(call, params).id)
    return {}


def _user(call: Call, params: Params) -> User | None:
    """AWS: "If you do not specify a user name, IAM determines the user name implicitly based on the access key"."""
    return USER.named_in(call, params) if "UserName" in params else calling_user(call)


def _keys(call: Call, user: User | None) -> list[AccessKey]:
    return ACCESS_KEYS.where(call.tx, "owner", owner_key(call.account, user.id if user else None))


def _key(call: Call, params: Params) -> AccessKey:
    for key in _keys(call, _user(call, params)):
        if key.id == params["AccessKeyId"]:
            return key
    raise errors.no_such_access_key(params["AccessKeyId"])


def view(key: AccessKey, user: User | None) -> Result:
    return {
        "UserName": user.name if user else None,
        "AccessKeyId": key.id,
        "Status": "Active" if key.active else "Inactive",
        "CreateDate": key.created_at,
    }


OPERATIONS: dict[str, Operation] = {
    "CreateAccessKey": create_access_key,
    "ListAccessKeys": list_access_keys,
    "UpdateAccessKey": update_access_key,
    "DeleteAccessKey": delete_access_key,
}
