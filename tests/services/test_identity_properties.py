"""Whatever passes the service model, every operation answers in the model's words or refuses in AWS's."""

from pathlib import Path
from typing import Any

import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape
from hypothesis import given, settings
from hypothesis import strategies as st

from aftershock.aws.errors import AwsError
from aftershock.services import iam, ssm, sts
from aftershock.wire import Family
from aftershock.wire.validation import check
from tests.services.iam.people import ACCOUNT, DOCUMENT, EC2_TRUST, People, trusting
from tests.services.modelled import Modelled, service_model

TEXTS = [
    "a", "one", "ONE", "/a", "/a/b", "/", "a:1", "a:x", "v1", "v2", "", "x" * 70, "ä", "\u2028",
    DOCUMENT, EC2_TRUST, trusting("*"), "{", "[]", '{"Statement": {}}',
    f"arn:aws:iam::{ACCOUNT}:role/one", f"arn:aws:iam::{ACCOUNT}:policy/one", "arn:aws:iam::aws:policy/ReadOnlyAccess",
    "arn:aws:ssm:us-east-1:123456789012:parameter/a", "arn:::::::::::::::::::", "AKIA0000000000000000",
    "autoscaling.amazonaws.com", "alias/aws/ssm", "tag:a", "Name", "Equals", "(a", "MTph", "String", "text",
]  # fmt: skip
texts = st.sampled_from(TEXTS) | st.text(max_size=12)


def values(shape: Shape, depth: int = 0) -> st.SearchStrategy[Any]:
    match shape:
        case StructureShape():
            required = {name: values(shape.members[name], depth + 1) for name in shape.required_members}
            others = {name: values(one, depth + 1) for name, one in shape.members.items() if name not in required}
            return st.fixed_dictionaries(required, optional=others)
        case ListShape():
            return st.lists(values(shape.member, depth + 1), max_size=3)
        case MapShape():
            return st.dictionaries(values(shape.key), values(shape.value), max_size=2)
    if enum := shape.metadata.get("enum"):
        return st.sampled_from(enum)
    kinds = {"boolean": st.booleans(), "integer": st.integers(-1, 50_000), "long": st.integers(-1, 2**62)}
    return kinds.get(shape.type_name, texts)


SSM = ssm.operations(base_image=lambda tx: "ami-0123456789abcdef0", sealer=ssm.Sealer(bytes(32)))
STS = sts.operations(
    assumable_role=iam.assumable_role,
    issue_role_session=iam.issue_role_session,
    issue_own_session=iam.issue_own_session,
    account_of_key=iam.account_of_key,
)
EVERY = [(service, name) for service, known in (("iam", iam.OPERATIONS), ("ssm", SSM), ("sts", STS)) for name in known]


def furnished(directory: Path, service: str) -> Modelled:
    """An account with one of everything, named as the generated names are."""
    people = People(directory / "iam.db")
    people.call("CreateUser", UserName="one")
    people.call("CreateGroup", GroupName="one")
    people.call("CreateRole", RoleName="one", AssumeRolePolicyDocument=trusting(ACCOUNT))
    people.call("CreateInstanceProfile", InstanceProfileName="one")
    people.call("CreatePolicy", PolicyName="one", PolicyDocument=DOCUMENT)
    if service == "iam":
        return people
    if service == "sts":
        people.become_user("one")
        return people.sts
    people.store.close()
    store = Modelled(directory / "ssm.db", "ssm", SSM, list(ssm.TABLES))
    for name in ("a", "/a", "/a/b"):
        store.call("PutParameter", Name=name, Value="v", Type="String")
    return store


@pytest.mark.parametrize(("service", "operation"), EVERY)
def test_every_operation_answers_or_refuses(service: str, operation: str, tmp_path: Path) -> None:
    account = furnished(tmp_path, service)
    model = service_model(service).operation_model(operation)

    @settings(max_examples=50, deadline=None, database=None)
    @given(params=values(model.input_shape) if model.input_shape else st.just({}))
    def answers_or_refuses(params: dict[str, Any]) -> None:
        try:
            check(model, params, Family.QUERY)
            account.call(operation, **params)
        except AwsError as error:
            assert error.message

    answers_or_refuses()
    account.store.close()
