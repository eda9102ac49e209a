"""Repositories in stacks, as the CDK asks for one before it deploys anything."""

import json

import pytest

from aftershock.aws.errors import AwsError

REPOSITORY = """
Parameters:
  Qualifier: {Type: String, Default: hnb659fds}
Resources:
  Assets:
    Type: AWS::ECR::Repository
    Properties:
      ImageTagMutability: IMMUTABLE
      ImageScanningConfiguration: {ScanOnPush: true}
      LifecyclePolicy:
        LifecyclePolicyText: |
          {"rules": [{
            "rulePriority": 1,
            "description": "There should be none without a tag; but if there is, a year is enough",
            "selection": {
              "tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 365
            },
            "action": {"type": "expire"}
          }]}
      RepositoryName: !Sub "cdk-${Qualifier}-container-assets-${AWS::AccountId}-${AWS::Region}"
      RepositoryPolicyText:
        Version: "2012-10-17"
        Statement:
          - Sid: FunctionsFetchTheirImages
            Effect: Allow
            Principal: {Service: lambda.amazonaws.com}
            Action: ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
            Condition:
              StringLike:
                "aws:sourceArn": !Sub "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:*"
      Tags: [{Key: team, Value: web}]
Outputs:
  Name: {Value: !Ref Assets}
  Arn: {Value: !GetAtt Assets.Arn}
  Uri: {Value: !GetAtt Assets.RepositoryUri}
"""
NAME = "cdk-hnb659fds-container-assets-123456789012-us-east-1"


def test_a_repository_comes_with_all_that_is_said_of_it_changes_and_goes(cloud):
    cloud.create(REPOSITORY)
    assert cloud.status() == "CREATE_COMPLETE", cloud.events()
    assert cloud.outputs() == {
        "Name": NAME,
        "Arn": f"arn:aws:ecr:us-east-1:123456789012:repository/{NAME}",
        "Uri": f"123456789012.dkr.ecr.us-east-1.amazonaws.com/{NAME}",
    }
    (found,) = cloud.ask("ecr", "DescribeRepositories")["repositories"]
    assert (found["imageTagMutability"], found["imageScanningConfiguration"]) == ("IMMUTABLE", {"scanOnPush": True})
    policy = json.loads(cloud.ask("ecr", "GetRepositoryPolicy", repositoryName=NAME)["policyText"])
    source = policy["Statement"][0]["Condition"]["StringLike"]["aws:sourceArn"]
    assert source == "arn:aws:lambda:us-east-1:123456789012:function:*"
    lifecycle = json.loads(cloud.ask("ecr", "GetLifecyclePolicy", repositoryName=NAME)["lifecyclePolicyText"])
    assert lifecycle["rules"][0]["selection"]["countNumber"] == 365

    head, _, _ = REPOSITORY.partition("      RepositoryPolicyText")
    changed = head.replace("IMMUTABLE", "MUTABLE").replace("true", "false").replace("365", "7")
    cloud.update(changed + "      Tags: [{Key: stage, Value: test}]\n")
    assert cloud.status() == "UPDATE_COMPLETE", cloud.events()
    (found,) = cloud.ask("ecr", "DescribeRepositories")["repositories"]
    assert (found["imageTagMutability"], found["imageScanningConfiguration"]) == ("MUTABLE", {"scanOnPush": False})
    assert '"countNumber": 7' in cloud.ask("ecr", "GetLifecyclePolicy", repositoryName=NAME)["lifecyclePolicyText"]
    tags = cloud.ask("ecr", "ListTagsForResource", resourceArn=found["repositoryArn"])["tags"]
    assert tags == [{"Key": "stage", "Value": "test"}]
    cloud.create("Resources: {Other: {Type: AWS::ECR::Repository}}", name="other")
    assert cloud.physical("Other", "other").startswith("other-other-")

    for name in ("web", "other"):
        stack_id = cloud.stack(name)["StackId"]
        cloud.cfn("DeleteStack", StackName=name)
        cloud.drive()
        assert cloud.status(stack_id) == "DELETE_COMPLETE", cloud.events(stack_id)
    assert cloud.ask("ecr", "DescribeRepositories")["repositories"] == []


def test_a_repository_without_its_policies_any_more_has_none(cloud):
    cloud.create(REPOSITORY)
    head, _, _ = REPOSITORY.partition("      LifecyclePolicy")
    cloud.update(f"{head}      RepositoryName: {NAME}\n")
    assert cloud.status() == "UPDATE_COMPLETE", cloud.events()
    for operation, code in (("GetRepositoryPolicy", "RepositoryPolicy"), ("GetLifecyclePolicy", "LifecyclePolicy")):
        with pytest.raises(AwsError) as caught:
            cloud.ask("ecr", operation, repositoryName=NAME)
        assert caught.value.code == f"{code}NotFoundException"


def image_in(cloud, name):
    """Something that a repository is not empty with: a list of no images."""
    empty = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}
    cloud.ask("ecr", "PutImage", repositoryName=name, imageManifest=json.dumps(empty), imageTag="v1")


def test_a_repository_with_images_is_deleted_if_that_was_said(cloud):
    cloud.create("Resources: {Kept: {Type: AWS::ECR::Repository}}")
    image_in(cloud, cloud.physical("Kept"))
    cloud.cfn("DeleteStack", StackName="web")
    cloud.drive()
    assert cloud.status() == "DELETE_FAILED"
    emptied = "Resources: {Gone: {Type: AWS::ECR::Repository, Properties: {EmptyOnDelete: true}}}"
    stack_id = cloud.create(emptied, name="emptied")
    image_in(cloud, cloud.physical("Gone", "emptied"))
    cloud.cfn("DeleteStack", StackName="emptied")
    cloud.drive()
    assert cloud.status(stack_id) == "DELETE_COMPLETE", cloud.events(stack_id)


def test_what_is_not_honoured_fails_and_leaves_nothing(cloud):
    keyed = "{EncryptionConfiguration: {EncryptionType: KMS}}"
    cloud.create(f"Resources: {{Keyed: {{Type: AWS::ECR::Repository, Properties: {keyed}}}}}")
    (why,) = [reason for name, status, reason in cloud.events() if (name, status) == ("Keyed", "CREATE_FAILED")]
    assert "KMS is not supported in this region" in why
    assert cloud.ask("ecr", "DescribeRepositories")["repositories"] == []
