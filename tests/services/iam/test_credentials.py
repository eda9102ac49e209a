from datetime import timedelta

from aftershock.services import iam as service
from tests.services.iam.people import ACCOUNT, EC2_TRUST, People, trusting


def test_the_root_has_one_key_however_often_it_is_asked_for(iam: People) -> None:
    with iam.store.transaction() as tx:
        first = service.ensure_root_key(tx, ACCOUNT, iam.now)
        assert service.ensure_root_key(tx, ACCOUNT, iam.now) == first
    root = iam.become(first[0])
    assert (root.arn, root.user_id) == (f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT)


def test_a_root_without_an_active_key_gets_a_new_one(iam: People) -> None:
    with iam.store.transaction() as tx:
        before = service.ensure_root_key(tx, ACCOUNT, iam.now)
    iam.call("UpdateAccessKey", AccessKeyId=before[0], Status="Inactive")
    with iam.store.transaction() as tx:
        assert service.ensure_root_key(tx, ACCOUNT, iam.now) != before


def test_without_its_users_the_account_keeps_the_keys_of_its_root(iam: People) -> None:
    root_key = iam.call("ListAccessKeys")["AccessKeyMetadata"][0]["AccessKeyId"]
    iam.call("CreateUser", UserName="alice")
    key_id = iam.call("CreateAccessKey", UserName="alice")["AccessKey"]["AccessKeyId"]
    with iam.store.transaction() as tx:
        service.forget_keys_of_users(tx, ACCOUNT)
        assert service.ACCESS_KEYS.keys(tx) == {root_key}
    assert iam.credential(key_id) is None


def test_the_door_finds_a_users_key_with_its_secret(iam: People) -> None:
    iam.call("CreateUser", UserName="alice", Path="/team/")
    key = iam.call("CreateAccessKey", UserName="alice")["AccessKey"]
    found = iam.credential(key["AccessKeyId"])
    assert found is not None
    assert (found.secret, found.active, found.expired) == (key["SecretAccessKey"], True, False)
    assert found.session_token is None
    assert found.principal.arn == f"arn:aws:iam::{ACCOUNT}:user/team/alice"


def test_an_inactive_key_is_known_to_be_inactive_and_a_deleted_one_unknown(iam: People) -> None:
    iam.call("CreateUser", UserName="alice")
    key_id = iam.call("CreateAccessKey", UserName="alice")["AccessKey"]["AccessKeyId"]
    for status, active in (("Inactive", False), ("Active", True)):
        iam.call("UpdateAccessKey", UserName="alice", AccessKeyId=key_id, Status=status)
        found = iam.credential(key_id)
        assert found is not None
        assert found.active == active
    iam.call("DeleteAccessKey", UserName="alice", AccessKeyId=key_id)
    assert iam.credential(key_id) is None
    assert iam.credential("AKIANOBODY") is None


def test_an_instance_gets_credentials_of_its_profiles_role(iam: People) -> None:
    iam.call("CreateRole", RoleName="web", AssumeRolePolicyDocument=EC2_TRUST)
    made = iam.call("CreateInstanceProfile", InstanceProfileName="web", Path="/p/")["InstanceProfile"]
    with iam.store.transaction() as tx:
        empty = service.instance_profile(tx, ACCOUNT, "web")
        assert empty == (made["Arn"], made["InstanceProfileId"], None)
    iam.call("AddRoleToInstanceProfile", InstanceProfileName="web", RoleName="web")
    with iam.store.transaction() as tx:
        for name in ("web", made["Arn"]):
            profile = service.instance_profile(tx, ACCOUNT, name)
            assert profile is not None
            assert profile.role is not None
        for name in ("nothing", made["Arn"].replace("/p/", "/"), f"{made['Arn']}x", "arn:aws:iam::1:role/web"):
            assert service.instance_profile(tx, ACCOUNT, name) is None
        assert profile is not None
        role = profile.role
        assert role is not None
        assert service.trusts(role, "ec2.amazonaws.com")
        assert not service.trusts(role, "lambda.amazonaws.com")
        session = service.issue_role_session(tx, role, "i-0123", 3600, iam.now)
    found = iam.credential(session.id)
    assert found is not None
    assert (found.secret, found.session_token) == (session.secret, session.token)
    assert found.principal.arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/web/i-0123"
    assert found.principal.user_id == f"{role.id}:i-0123"


def test_a_session_is_given_again_while_it_lasts_long_enough(iam: People) -> None:
    iam.call("CreateRole", RoleName="web", AssumeRolePolicyDocument=EC2_TRUST)
    iam.call("CreateInstanceProfile", InstanceProfileName="web")
    iam.call("AddRoleToInstanceProfile", InstanceProfileName="web", RoleName="web")
    with iam.store.transaction() as tx:
        profile = service.instance_profile(tx, ACCOUNT, "web")
        assert profile is not None
        role = profile.role
        assert role is not None
        assert service.current_role_session(tx, role, "i-1", iam.now, at_least_s=0) is None
        issued = service.issue_role_session(tx, role, "i-1", 3600, iam.now)
        assert service.current_role_session(tx, role, "i-1", iam.now, at_least_s=3600) == issued
        assert service.current_role_session(tx, role, "i-1", iam.now, at_least_s=3601) is None
        assert service.current_role_session(tx, role, "i-2", iam.now, at_least_s=0) is None


def test_a_session_expires_and_is_forgotten_a_day_later(iam: People) -> None:
    iam.call("CreateUser", UserName="alice")
    iam.become_user("alice")
    session_id = iam.sts.call("GetSessionToken", DurationSeconds=900)["Credentials"]["AccessKeyId"]
    found = iam.credential(session_id)
    assert found is not None
    assert not found.expired
    iam.now += timedelta(seconds=901)
    found = iam.credential(session_id)
    assert found is not None
    assert found.expired
    iam.sts.now = iam.now + timedelta(days=1, hours=1)
    iam.sts.call("GetSessionToken")
    assert iam.credential(session_id) is None


def test_the_session_of_a_deleted_role_is_worth_nothing(iam: People) -> None:
    iam.call("CreateUser", UserName="alice")
    iam.call("CreateRole", RoleName="r", AssumeRolePolicyDocument=trusting(ACCOUNT))
    root = iam.principal
    iam.become_user("alice")
    arn = f"arn:aws:iam::{ACCOUNT}:role/r"
    session = iam.sts.call("AssumeRole", RoleArn=arn, RoleSessionName="me")["Credentials"]
    assert iam.credential(session["AccessKeyId"]) is not None
    iam.principal = root
    iam.call("DeleteRole", RoleName="r")
    assert iam.credential(session["AccessKeyId"]) is None


def test_the_session_of_a_user_follows_the_user(iam: People) -> None:
    iam.call("CreateUser", UserName="alice")
    root = iam.principal
    key = iam.call("CreateAccessKey", UserName="alice")["AccessKey"]["AccessKeyId"]
    iam.become(key)
    session_id = iam.sts.call("GetSessionToken")["Credentials"]["AccessKeyId"]
    iam.principal = root
    iam.call("UpdateUser", UserName="alice", NewUserName="alicia")
    found = iam.credential(session_id)
    assert found is not None
    assert found.principal.arn == f"arn:aws:iam::{ACCOUNT}:user/alicia"
    iam.call("DeleteAccessKey", UserName="alicia", AccessKeyId=key)
    iam.call("DeleteUser", UserName="alicia")
    assert iam.credential(session_id) is None
