"""Repositories, their settings, policies and tags, as a caller of the API sees them."""

import json

import pytest

from tests.services.ecr.world import HOST

ARN = "arn:aws:ecr:us-east-1:123456789012:repository/web"
GONE = "The repository with name 'gone' does not exist in the registry with id '123456789012'"
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "ecr:*"}],
    }
)
LIFECYCLE = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 3},
                "action": {"type": "expire"},
            }
        ]
    }
)


def test_a_repository_is_what_was_asked_for(account):
    made = account.call(
        "CreateRepository",
        repositoryName="team/shop",
        imageTagMutability="IMMUTABLE",
        imageScanningConfiguration={"scanOnPush": True},
        encryptionConfiguration={"encryptionType": "AES256"},
        tags=[{"Key": "team", "Value": "web"}],
    )["repository"]
    assert made == {
        "repositoryArn": "arn:aws:ecr:us-east-1:123456789012:repository/team/shop",
        "registryId": "123456789012",
        "repositoryName": "team/shop",
        "repositoryUri": f"{HOST}/team/shop",
        "createdAt": account.now,
        "imageTagMutability": "IMMUTABLE",
        "imageScanningConfiguration": {"scanOnPush": True},
        "encryptionConfiguration": {"encryptionType": "AES256"},
    }
    assert account.call("DescribeRepositories", repositoryNames=["team/shop"])["repositories"] == [made]
    tags = account.call("ListTagsForResource", resourceArn=made["repositoryArn"])["tags"]
    assert tags == [{"Key": "team", "Value": "web"}]


REFUSED = [
    (
        "CreateRepository",
        {"repositoryName": "web"},
        "RepositoryAlreadyExistsException",
        "The repository with name 'web' already exists in the registry with id '123456789012'",
    ),
    (
        "CreateRepository",
        {"repositoryName": "new", "encryptionConfiguration": {"encryptionType": "KMS"}},
        "InvalidParameterException",
        "KMS is not supported",
    ),
    ("CreateRepository", {"repositoryName": "new", "registryId": "000000000000"}, "InvalidParameterException", "000"),
    (
        "CreateRepository",
        {"repositoryName": "new", "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION"},
        "InvalidParameterException",
        "Exclusion filters must be given",
    ),
    (
        "PutImageTagMutability",
        {
            "repositoryName": "web",
            "imageTagMutability": "MUTABLE",
            "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "a*"}],
        },
        "InvalidParameterException",
        "can only be given with",
    ),
    (
        "CreateRepository",
        {"repositoryName": "new", "tags": [{"Key": "aws:x", "Value": ""}]},
        "InvalidTagParameterException",
        "reserved",
    ),
    (
        "CreateRepository",
        {"repositoryName": "new", "tags": [{"Key": str(one), "Value": ""} for one in range(51)]},
        "TooManyTagsException",
        "50",
    ),
    ("DescribeRepositories", {"repositoryNames": ["gone"]}, "RepositoryNotFoundException", GONE),
    ("DescribeRepositories", {"repositoryNames": ["web"], "maxResults": 1}, "InvalidParameterException", "maxResults"),
    ("DescribeRepositories", {"nextToken": "?"}, "InvalidParameterException", "nextToken"),
    ("DeleteRepository", {"repositoryName": "gone"}, "RepositoryNotFoundException", GONE),
    ("DeleteRepository", {"repositoryName": "web", "registryId": "000000000000"}, "RepositoryNotFoundException", "000"),
    ("GetRepositoryPolicy", {"repositoryName": "web"}, "RepositoryPolicyNotFoundException", "name 'web'"),
    ("DeleteRepositoryPolicy", {"repositoryName": "web"}, "RepositoryPolicyNotFoundException", "name 'web'"),
    ("GetLifecyclePolicy", {"repositoryName": "web"}, "LifecyclePolicyNotFoundException", "name 'web'"),
    ("DeleteLifecyclePolicy", {"repositoryName": "web"}, "LifecyclePolicyNotFoundException", "name 'web'"),
    ("TagResource", {"resourceArn": "web", "tags": []}, "InvalidParameterException", "Invalid ARN"),
    ("ListTagsForResource", {"resourceArn": ARN + "2"}, "RepositoryNotFoundException", "'web2'"),
    (
        "ListTagsForResource",
        {"resourceArn": ARN.replace("us-east-1", "eu-west-1")},
        "RepositoryNotFoundException",
        "'web'",
    ),
    ("GetAuthorizationToken", {"registryIds": ["000000000000"]}, "InvalidParameterException", "000000000000"),
]


@pytest.mark.parametrize(("operation", "params", "code", "message"), REFUSED)
def test_what_cannot_be_is_refused_in_awss_words(account, operation, params, code, message):
    found = account.refusal(operation, **params)
    assert found[0] == code
    assert message in found[1]


def test_repositories_are_listed_in_pages(account):
    for number in range(5):
        account.call("CreateRepository", repositoryName=f"r{number}")
    first = account.call("DescribeRepositories", maxResults=4)
    second = account.call("DescribeRepositories", maxResults=4, nextToken=first["nextToken"])
    names = [one["repositoryName"] for one in first["repositories"] + second["repositories"]]
    assert names == ["r0", "r1", "r2", "r3", "r4", "web"]
    assert "nextToken" not in second
    assert account.call("DescribeRepositories", registryId="000000000000")["repositories"] == []


def test_a_repository_with_images_is_deleted_by_force_only_and_leaves_nothing(account):
    account.push("web", b"layer", tag="v1")
    account.call("InitiateLayerUpload", repositoryName="web")
    assert account.refusal("DeleteRepository", repositoryName="web") == (
        "RepositoryNotEmptyException",
        "The repository with name 'web' in registry with id '123456789012' cannot be deleted because it still "
        "contains images",
    )
    account.call("DeleteRepository", repositoryName="web", force=True)
    account.look()
    assert account.left() == (0, 0, 0)
    account.call("CreateRepository", repositoryName="web")
    assert account.images("web") == []


def test_settings_are_changed(account):
    account.call("PutImageScanningConfiguration", repositoryName="web", imageScanningConfiguration={"scanOnPush": True})
    filters = [{"filterType": "WILDCARD", "filter": "dev-*"}]
    account.call(
        "PutImageTagMutability",
        repositoryName="web",
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=filters,
    )
    (found,) = account.call("DescribeRepositories")["repositories"]
    assert found["imageScanningConfiguration"] == {"scanOnPush": True}
    assert found["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert found["imageTagMutabilityExclusionFilters"] == filters


def test_policies_are_kept_as_they_were_written(account):
    assert account.call("SetRepositoryPolicy", repositoryName="web", policyText=POLICY)["policyText"] == POLICY
    assert account.call("GetRepositoryPolicy", repositoryName="web")["policyText"] == POLICY
    account.call("PutLifecyclePolicy", repositoryName="web", lifecyclePolicyText=LIFECYCLE)
    assert account.call("GetLifecyclePolicy", repositoryName="web")["lifecyclePolicyText"] == LIFECYCLE
    assert account.call("DeleteRepositoryPolicy", repositoryName="web")["policyText"] == POLICY
    assert account.call("DeleteLifecyclePolicy", repositoryName="web")["lifecyclePolicyText"] == LIFECYCLE
    assert account.refusal("GetRepositoryPolicy", repositoryName="web")[0] == "RepositoryPolicyNotFoundException"


def test_a_lifecycle_policy_says_when_it_was_looked_at_and_not_before(account):
    account.call("PutLifecyclePolicy", repositoryName="web", lifecyclePolicyText=LIFECYCLE)
    assert "lastEvaluatedAt" not in account.call("GetLifecyclePolicy", repositoryName="web")
    account.look()
    assert account.call("GetLifecyclePolicy", repositoryName="web")["lastEvaluatedAt"] <= account.now


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "{}", '{"Statement": []}', '{"Statement": [1]}', "[" * 5000),
        POLICY.replace("2012", "2011"),
        POLICY.replace("Allow", "Maybe"),
        POLICY.replace('"Principal"', '"Somebody"'),
        POLICY.replace('"Action": "ecr:*"', '"Action": 1'),
    ],
)
def test_what_is_no_policy_is_refused(account, text):
    assert account.refusal("SetRepositoryPolicy", repositoryName="web", policyText=text) == (
        "InvalidParameterException",
        "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'",
    )


def test_tags_are_added_and_removed(account):
    account.call("TagResource", resourceArn=ARN, tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    account.call("TagResource", resourceArn=ARN, tags=[{"Key": "a", "Value": "3"}])
    account.call("UntagResource", resourceArn=ARN, tagKeys=["b", "never"])
    assert account.call("ListTagsForResource", resourceArn=ARN)["tags"] == [{"Key": "a", "Value": "3"}]


def test_the_registry_is_the_accounts(account):
    assert account.call("DescribeRegistry") == {
        "registryId": "123456789012",
        "replicationConfiguration": {"rules": []},
    }
