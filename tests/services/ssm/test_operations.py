from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aftershock.aws.call import Tx
from aftershock.services import ssm
from tests.services.modelled import Modelled

ACCOUNT = "123456789012"
AMI = "ami-0123456789abcdef0"
PUBLIC = "/aws/service/debian/release/12/latest/amd64"
ARN = f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter"


class Store(Modelled):
    image: str | None = AMI

    def __init__(self, directory: Path) -> None:
        sealer = ssm.Sealer.at(directory / "ssm.key")
        operations = ssm.operations(base_image=self._base_image, sealer=sealer)
        super().__init__(directory / "region.db", "ssm", operations, list(ssm.TABLES))

    def _base_image(self, tx: Tx) -> str | None:
        return self.image

    def put(self, name: str, value: str = "v", **more: Any) -> dict[str, Any]:
        if "Overwrite" not in more:
            more.setdefault("Type", "String")
        return self.call("PutParameter", Name=name, Value=value, **more)

    def get(self, name: str, **more: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.call("GetParameter", Name=name, **more)["Parameter"]
        return found

    def names(self, operation: str, **params: Any) -> list[str]:
        return [one["Name"] for one in self.call(operation, **params)["Parameters"]]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.store.close()


# ---------------------------------------------------------------- put, get, delete


@pytest.mark.parametrize(("name", "arn"), [("plain", f"{ARN}/plain"), ("/a/b", f"{ARN}/a/b")])
def test_a_parameter_is_got_as_it_was_put(store: Store, name: str, arn: str) -> None:
    assert store.put(name, "text") == {"Version": 1, "Tier": "Standard"}
    expected = {
        "Name": name,
        "Type": "String",
        "Value": "text",
        "Version": 1,
        "LastModifiedDate": store.now,
        "ARN": arn,
        "DataType": "text",
    }
    assert store.get(name) == expected
    assert store.get(arn) == expected


def test_a_parameter_is_overwritten_only_when_asked(store: Store) -> None:
    store.put("a", "1", Description="first", AllowedPattern=r"\d")
    assert store.refusal("PutParameter", Name="a", Value="2", Type="String") == (
        "ParameterAlreadyExists",
        "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
    )
    assert store.put("a", "2", Overwrite=True)["Version"] == 2
    assert store.get("a")["Value"] == "2"
    (described,) = store.call("DescribeParameters")["Parameters"]
    assert (described["Description"], described["AllowedPattern"], described["Version"]) == ("first", r"\d", 2)
    assert described["LastModifiedUser"] == f"arn:aws:iam::{ACCOUNT}:root"


def test_overwriting_what_is_not_there_makes_it(store: Store) -> None:
    assert store.put("a", "1", Type="StringList", Overwrite=True)["Version"] == 1


@pytest.mark.parametrize(
    ("params", "code", "beginning"),
    [
        ({"Type": None}, "ValidationException", "A parameter type is required when you create a parameter."),
        ({"Value": ""}, "ValidationException", "1 validation error detected: Value '' at 'value'"),
        ({"Value": "x" * 4097}, "ValidationException", "Standard tier parameters support"),
        ({"Name": "/ssm/a"}, "ValidationException", "Parameter name: can't be prefixed"),
        ({"Policies": "[]"}, "ValidationException", "The parameter Policies is not supported"),
        ({"DataType": "Text"}, "ValidationException", "The following data type is not supported: Text"),
        ({"DataType": "aws:ec2:image"}, "ValidationException", "The value of a parameter of the data type"),
        ({"KeyId": "alias/aws/ssm"}, "ValidationException", "KeyId is required for SecureString"),
        ({"Type": "SecureString", "KeyId": "alias/mine"}, "InvalidKeyId", "The key alias/mine does not exist"),
        (
            {"AllowedPattern": r"^\d+$"},
            "ParameterPatternMismatchException",
            r"Parameter value, cannot be validated against allowedPattern: ^\d+$",
        ),
        ({"AllowedPattern": "("}, "InvalidAllowedPatternException", "The request doesn't meet"),
        ({"Tags": [{"Key": "aws:x", "Value": ""}]}, "ValidationException", "The tag key aws:x is invalid"),
        (
            {"Overwrite": True, "Tags": [{"Key": "a", "Value": ""}]},
            "ValidationException",
            "Invalid request: tags and overwrite can't be used together.",
        ),
    ],
)
def test_what_cannot_be_put_is_refused(store: Store, params: dict[str, Any], code: str, beginning: str) -> None:
    asked = {"Name": "a", "Value": "v", "Type": "String", **params}
    refusal = store.refusal("PutParameter", **{name: value for name, value in asked.items() if value is not None})
    assert refusal[0] == code
    assert refusal[1].startswith(beginning)
    assert store.names("DescribeParameters") == []


def test_a_parameter_keeps_its_type(store: Store) -> None:
    store.put("a")
    refusal = store.refusal("PutParameter", Name="a", Value="v", Type="SecureString", Overwrite=True)
    assert refusal[0] == "HierarchyTypeMismatchException"


def test_a_secure_string_is_sealed_until_it_is_asked_for_in_the_open(store: Store, tmp_path: Path) -> None:
    store.put("/db/password", "correct horse", Type="SecureString")
    store.put("/db/password", "battery staple", Overwrite=True)
    assert "battery" not in store.get("/db/password")["Value"]
    assert store.get("/db/password", WithDecryption=True)["Value"] == "battery staple"
    assert store.get("/db/password:1", WithDecryption=True)["Value"] == "correct horse"
    history = store.call("GetParameterHistory", Name="/db/password", WithDecryption=True)["Parameters"]
    assert [one["Value"] for one in history] == ["correct horse", "battery staple"]
    assert {one["KeyId"] for one in history} == {"alias/aws/ssm"}
    below = store.call("GetParametersByPath", Path="/db", WithDecryption=True)["Parameters"]
    assert below[0]["Value"] == "battery staple"
    for file in tmp_path.glob("region.db*"):
        assert b"staple" not in file.read_bytes()


def test_several_are_got_at_once_and_the_unknown_are_named(store: Store) -> None:
    store.put("a", "1")
    store.put("b", "2")
    names = ["b", "missing", "a:1", "a:7", "bad name", "b"]
    answer = store.call("GetParameters", Names=names)
    shown = [(one["Name"], one["Value"], one.get("Selector")) for one in answer["Parameters"]]
    assert shown == [("b", "2", None), ("a", "1", ":1")]
    assert answer["InvalidParameters"] == ["missing", "a:7", "bad name"]


def test_what_is_deleted_is_gone_and_begins_anew(store: Store) -> None:
    store.put("a", "1")
    store.put("a", "2", Overwrite=True)
    store.call("DeleteParameter", Name="a")
    assert store.refusal("GetParameter", Name="a") == ("ParameterNotFound", "Parameter a not found.")
    assert store.refusal("DeleteParameter", Name="a")[0] == "ParameterNotFound"
    store.put("a", "3")
    assert len(store.call("GetParameterHistory", Name="a")["Parameters"]) == 1
    answer = store.call("DeleteParameters", Names=["a", "b"])
    assert answer == {"DeletedParameters": ["a"], "InvalidParameters": ["b"]}


@pytest.mark.parametrize(
    "name", [f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/a", "arn:aws:ssm:us-east-1:999999999999:parameter/a"]
)
def test_the_arn_of_another_place_finds_nothing(store: Store, name: str) -> None:
    store.put("a")
    assert store.refusal("GetParameter", Name=name)[0] == "ParameterNotFound"


# ---------------------------------------------------------------- versions and labels


def test_a_hundred_versions_are_kept(store: Store) -> None:
    store.put("a", "1")
    for number in range(2, 102):
        store.put("a", str(number), Overwrite=True)
    first = store.call("GetParameterHistory", Name="a", MaxResults=50)
    second = store.call("GetParameterHistory", Name="a", MaxResults=50, NextToken=first["NextToken"])
    numbers = [one["Version"] for one in first["Parameters"] + second["Parameters"]]
    assert numbers == list(range(2, 102))
    assert "NextToken" not in second
    assert store.refusal("GetParameter", Name="a:1") == (
        "ParameterVersionNotFound",
        "Systems Manager could not find version 1 of a. Verify the version and try again.",
    )
    store.call("LabelParameterVersion", Name="a", ParameterVersion=2, Labels=["keep"])
    refusal = store.refusal("PutParameter", Name="a", Value="x", Overwrite=True)
    assert refusal[0] == "ParameterMaxVersionLimitExceeded"
    assert "Version 2, the oldest version, can't be deleted" in refusal[1]


def test_a_label_sits_on_one_version(store: Store) -> None:
    store.put("a", "1")
    store.put("a", "2", Overwrite=True)
    label = store.call("LabelParameterVersion", Name="a", Labels=["prod", "9bad", "aws-bad"])
    assert label == {"InvalidLabels": ["9bad", "aws-bad"], "ParameterVersion": 2}
    assert store.get("a:prod")["Value"] == "2"
    store.call("LabelParameterVersion", Name="a", ParameterVersion=1, Labels=["prod"])
    got = store.get("a:prod")
    assert (got["Value"], got["Selector"]) == ("1", ":prod")
    history = store.call("GetParameterHistory", Name="a")["Parameters"]
    assert [one["Labels"] for one in history] == [["prod"], []]
    removed = store.call("UnlabelParameterVersion", Name="a", ParameterVersion=1, Labels=["prod", "never"])
    assert removed == {"RemovedLabels": ["prod"], "InvalidLabels": ["never"]}
    assert store.refusal("GetParameter", Name="a:prod")[0] == "ParameterVersionNotFound"


def test_a_version_has_ten_labels_at_most(store: Store) -> None:
    store.put("a")
    store.call("LabelParameterVersion", Name="a", Labels=[f"l{number}" for number in range(10)])
    refusal = store.refusal("LabelParameterVersion", Name="a", Labels=["more"])
    assert refusal[0] == "ParameterVersionLabelLimitExceeded"


def test_what_is_not_there_cannot_be_labelled(store: Store) -> None:
    assert store.refusal("LabelParameterVersion", Name="a", Labels=["x"])[0] == "ParameterNotFound"
    store.put("a")
    refusal = store.refusal("LabelParameterVersion", Name="a", ParameterVersion=2, Labels=["x"])
    assert refusal[0] == "ParameterVersionNotFound"


# ---------------------------------------------------------------- listings


@pytest.fixture
def tree(store: Store) -> Store:
    for name in ("top", "/app/db/host", "/app/db/port", "/app/name", "/other"):
        store.put(name)
    store.put("/app/db/password", "secret", Type="SecureString", Tags=[{"Key": "team", "Value": "db"}])
    store.put("/app/hosts", "a,b", Type="StringList", Tier="Advanced")
    return store


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"Path": "/app"}, ["/app/hosts", "/app/name"]),
        ({"Path": "/app/"}, ["/app/hosts", "/app/name"]),
        ({"Path": "/app/db"}, ["/app/db/host", "/app/db/password", "/app/db/port"]),
        ({"Path": "/"}, ["/other", "top"]),
        ({"Path": "/nothing"}, []),
        (
            {"Path": "/app", "Recursive": True},
            ["/app/db/host", "/app/db/password", "/app/db/port", "/app/hosts", "/app/name"],
        ),
        (
            {"Path": "/", "Recursive": True, "ParameterFilters": [{"Key": "Type", "Values": ["SecureString"]}]},
            ["/app/db/password"],
        ),
        (
            {
                "Path": "/",
                "Recursive": True,
                "ParameterFilters": [{"Key": "Type", "Option": "BeginsWith", "Values": ["StringList"]}],
            },
            ["/app/hosts"],
        ),
    ],
)
def test_parameters_by_path(tree: Store, params: dict[str, Any], expected: list[str]) -> None:
    assert tree.names("GetParametersByPath", **params) == expected


def test_by_path_a_label_chooses_the_version(tree: Store) -> None:
    tree.put("/app/name", "new", Overwrite=True)
    tree.call("LabelParameterVersion", Name="/app/name", ParameterVersion=1, Labels=["prod"])
    label = [{"Key": "Label", "Values": ["prod"]}]
    (found,) = tree.call("GetParametersByPath", Path="/app", ParameterFilters=label)["Parameters"]
    assert (found["Name"], found["Version"], found["Value"]) == ("/app/name", 1, "v")


def test_by_path_comes_in_pages_of_ten(store: Store) -> None:
    for number in range(12):
        store.put(f"/p/{number:02}")
    first = store.call("GetParametersByPath", Path="/p")
    assert len(first["Parameters"]) == 10
    assert store.names("GetParametersByPath", Path="/p", NextToken=first["NextToken"]) == ["/p/10", "/p/11"]
    refusal = store.refusal("GetParametersByPath", Path="/p", NextToken="nonsense")
    assert refusal == ("InvalidNextToken", "The specified token isn't valid.")


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([{"Key": "Name", "Values": ["top", "/other"]}], ["/other", "top"]),
        (
            [
                {"Key": "Name", "Option": "BeginsWith", "Values": ["/app/d"]},
                {"Key": "Type", "Values": ["SecureString"]},
            ],
            ["/app/db/password"],
        ),
        ([{"Key": "Name", "Option": "Contains", "Values": ["ort"]}], ["/app/db/port"]),
        ([{"Key": "Path", "Values": ["/app"]}], ["/app/hosts", "/app/name"]),
        (
            [{"Key": "Path", "Option": "Recursive", "Values": ["/app/db"]}],
            ["/app/db/host", "/app/db/password", "/app/db/port"],
        ),
        ([{"Key": "KeyId", "Values": ["alias/aws/ssm"]}], ["/app/db/password"]),
        ([{"Key": "Tier", "Values": ["Advanced"]}], ["/app/hosts"]),
        ([{"Key": "tag:team", "Values": ["db"]}], ["/app/db/password"]),
        ([{"Key": "tag:team"}], ["/app/db/password"]),
        ([{"Key": "tag:team", "Values": ["web"]}], []),
        ([{"Key": "DataType", "Values": ["aws:ec2:image"]}], []),
    ],
)
def test_descriptions_are_filtered(tree: Store, filters: list[dict[str, Any]], expected: list[str]) -> None:
    assert tree.names("DescribeParameters", ParameterFilters=filters) == expected


@pytest.mark.parametrize(
    ("operation", "one", "expected"),
    [
        (
            "DescribeParameters",
            {"Key": "Label", "Values": ["x"]},
            (
                "InvalidFilterKey",
                "The following filter key is not valid: Label. "
                "Valid filter keys include: [Path, Name, Type, KeyId, Tier, DataType].",
            ),
        ),
        (
            "GetParametersByPath",
            {"Key": "Name", "Values": ["x"]},
            (
                "InvalidFilterKey",
                "The following filter key is not valid: Name. Valid filter keys include: [Type, KeyId].",
            ),
        ),
        (
            "DescribeParameters",
            {"Key": "Name"},
            ("InvalidFilterValue", "The following filter values are missing : null for filter key Name."),
        ),
        (
            "DescribeParameters",
            {"Key": "Type", "Values": ["Text"]},
            (
                "InvalidFilterOption",
                "The following filter value is not valid: Text. "
                "Valid values include: [String, StringList, SecureString].",
            ),
        ),
        (
            "DescribeParameters",
            {"Key": "Type", "Option": "Contains", "Values": ["String"]},
            (
                "InvalidFilterOption",
                "The following filter option is not valid: Contains. Valid options include: [BeginsWith, Equals].",
            ),
        ),
        (
            "DescribeParameters",
            {"Key": "Path", "Option": "Equals", "Values": ["/a"]},
            (
                "InvalidFilterOption",
                "The following filter option is not valid: Equals. Valid options include: [Recursive, OneLevel].",
            ),
        ),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(
    store: Store, operation: str, one: dict[str, Any], expected: tuple[str, str]
) -> None:
    params = {"Path": "/"} if operation == "GetParametersByPath" else {}
    assert store.refusal(operation, **params, ParameterFilters=[one]) == expected


def test_a_filter_is_given_once(store: Store) -> None:
    one = {"Key": "Name", "Values": ["x"]}
    assert store.refusal("DescribeParameters", ParameterFilters=[one, one])[0] == "InvalidFilterKey"
    both = store.refusal("DescribeParameters", ParameterFilters=[one], Filters=[one])
    assert both == ("ValidationException", "You can use either Filters or ParameterFilters in a single request.")


def test_older_filters_take_the_beginning_of_a_name(tree: Store) -> None:
    assert tree.names("DescribeParameters", Filters=[{"Key": "Name", "Values": ["/app/db/p"]}]) == [
        "/app/db/password",
        "/app/db/port",
    ]


# ---------------------------------------------------------------- tags


def test_tags_of_a_parameter(store: Store) -> None:
    store.put("a", Tags=[{"Key": "x", "Value": "1"}])
    named = {"ResourceType": "Parameter", "ResourceId": "a"}
    store.call("AddTagsToResource", **named, Tags=[{"Key": "x", "Value": "2"}, {"Key": "y", "Value": ""}])
    store.put("a", "2", Overwrite=True)
    expected = [{"Key": "x", "Value": "2"}, {"Key": "y", "Value": ""}]
    assert store.call("ListTagsForResource", **named)["TagList"] == expected
    store.call("RemoveTagsFromResource", **named, TagKeys=["x"])
    assert store.call("ListTagsForResource", **named)["TagList"] == expected[1:]
    many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    assert store.refusal("AddTagsToResource", **named, Tags=many)[0] == "TooManyTagsError"
    unknown = {"ResourceType": "Parameter", "ResourceId": "b"}
    assert store.refusal("ListTagsForResource", **unknown)[0] == "InvalidResourceId"
    document = {"ResourceType": "Document", "ResourceId": "a"}
    assert store.refusal("ListTagsForResource", **document)[0] == "InvalidResourceType"


# ---------------------------------------------------------------- public parameters


def test_the_base_image_is_a_public_parameter(store: Store) -> None:
    assert store.get(PUBLIC) == {
        "Name": PUBLIC,
        "Type": "String",
        "Value": AMI,
        "Version": 1,
        "ARN": f"arn:aws:ssm:us-east-1::parameter{PUBLIC}",
        "DataType": "aws:ec2:image",
    }
    assert store.get(f"arn:aws:ssm:us-east-1::parameter{PUBLIC}")["Value"] == AMI
    assert store.get(f"{PUBLIC}:1")["Selector"] == ":1"
    assert store.refusal("GetParameter", Name=f"{PUBLIC}:2")[0] == "ParameterVersionNotFound"
    assert store.get("/aws/service/debian/release/bookworm/latest/amd64")["Value"] == AMI


def test_public_parameters_are_found_by_their_path_only(store: Store) -> None:
    release = "/aws/service/debian/release"
    assert store.names("GetParametersByPath", Path="/aws/service/debian", Recursive=True) == [
        PUBLIC,
        f"{release}/bookworm/latest/amd64",
    ]
    assert store.names("GetParametersByPath", Path=f"{release}/12/latest") == [PUBLIC]
    assert store.names("GetParametersByPath", Path=release) == []
    secure = [{"Key": "Type", "Values": ["SecureString"]}]
    assert store.names("GetParametersByPath", Path=f"{release}/12/latest", ParameterFilters=secure) == []
    assert store.names("GetParametersByPath", Path="/", Recursive=True) == []
    assert store.names("DescribeParameters") == []


def test_without_an_image_there_is_no_public_parameter(store: Store) -> None:
    store.image = None
    assert store.refusal("GetParameter", Name=PUBLIC)[0] == "ParameterNotFound"
    assert store.names("GetParametersByPath", Path="/aws/service/debian", Recursive=True) == []


@pytest.mark.parametrize(
    "name",
    [
        "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64",
        "/aws/service/canonical/ubuntu/server/22.04/stable/current/amd64/hvm/ebs-gp2/ami-id",
        "/aws/service/debian/release/12/latest/arm64",
    ],
)
def test_images_that_are_not_here_are_not_found(store: Store, name: str) -> None:
    assert store.refusal("GetParameter", Name=name) == ("ParameterNotFound", f"Parameter {name} not found.")


def test_nobody_can_put_over_a_public_parameter(store: Store) -> None:
    refusal = store.refusal("PutParameter", Name=PUBLIC, Value=AMI, Type="String", Overwrite=True)
    assert refusal[0] == "AccessDeniedException"
    assert store.refusal("DeleteParameter", Name=PUBLIC)[0] == "ParameterNotFound"


# ---------------------------------------------------------------- for other services


def test_another_service_reads_what_a_caller_could_and_hears_nothing_of_the_rest(store: Store, tmp_path: Path) -> None:
    store.put("/golden", AMI, DataType="aws:ec2:image")
    store.put("/golden", AMI.replace("0", "1"), Overwrite=True)
    store.put("secret", "hidden", Type="SecureString")
    read = ssm.reader(base_image=store._base_image, sealer=ssm.Sealer.at(tmp_path / "ssm.key"))
    with store.store.snapshot() as tx:
        call = store.context(tx)
        found = {name: read(call, name) for name in ("/golden", "/golden:1", PUBLIC, "secret")}
        missing = [read(call, name) for name in ("/none", "/golden:9", "/golden:none", "not//a name", "/golden:")]
    assert {name: one and (one.value, one.data_type) for name, one in found.items() if name != "secret"} == {
        "/golden": (AMI.replace("0", "1"), "aws:ec2:image"),
        "/golden:1": (AMI, "aws:ec2:image"),
        PUBLIC: (AMI, "aws:ec2:image"),
    }
    assert found["secret"] is not None and "hidden" not in found["secret"].value
    assert missing == [None] * 5
