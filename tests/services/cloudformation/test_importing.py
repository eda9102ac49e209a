"""What is there already becomes the stack's, and is nobody's loss when that fails."""

import pytest

KEPT = """
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    DeletionPolicy: %s
    Properties:
      BucketName: kept-by-somebody
      VersioningConfiguration: {Status: Enabled}
  Word:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: !GetAtt Bucket.Arn}
"""
BROKEN = """
  Broken:
    Type: AWS::EC2::SecurityGroup
    DependsOn: Word
    Properties: {GroupDescription: x, VpcId: vpc-00000000000000000}
"""


def ask(cloud, template, **params):
    given = {"StackName": "web", "ChangeSetName": "next", "ChangeSetType": "CREATE"} | params
    return cloud.cfn("CreateChangeSet", TemplateBody=template, ImportExistingResources=True, **given)


def execute(cloud):
    cloud.cfn("ExecuteChangeSet", StackName="web", ChangeSetName="next")
    cloud.drive()


@pytest.mark.parametrize("policy", ["Retain", "RetainExceptOnCreate"])
def test_what_is_there_is_imported_and_becomes_what_the_template_says(cloud, policy):
    cloud.ask("s3", "CreateBucket", Bucket="kept-by-somebody")
    ask(cloud, KEPT % policy)
    shown = cloud.cfn("DescribeChangeSet", StackName="web", ChangeSetName="next")
    assert shown["ImportExistingResources"]
    changes = {one["ResourceChange"]["LogicalResourceId"]: one["ResourceChange"] for one in shown["Changes"]}
    assert (changes["Bucket"]["Action"], changes["Bucket"]["PhysicalResourceId"]) == ("Import", "kept-by-somebody")
    assert changes["Word"]["Action"] == "Add"
    execute(cloud)
    assert cloud.status() == "CREATE_COMPLETE", cloud.events()
    assert cloud.resources() == {"Bucket": "IMPORT_COMPLETE", "Word": "CREATE_COMPLETE"}
    assert cloud.ask("s3", "GetBucketVersioning", Bucket="kept-by-somebody")["Status"] == "Enabled"
    # As on AWS a DeletionPolicy cannot be updated by itself.
    cloud.update(KEPT.replace("%s", "Delete").replace("Enabled", "Suspended"))
    assert cloud.resources()["Bucket"] == "UPDATE_COMPLETE"
    cloud.cfn("DeleteStack", StackName="web")
    cloud.drive()
    assert cloud.ask("s3", "ListBuckets")["Buckets"] == []


@pytest.mark.parametrize("policy", ["Retain", "RetainExceptOnCreate"])
def test_a_rollback_leaves_what_was_there_before(cloud, policy):
    cloud.ask("s3", "CreateBucket", Bucket="kept-by-somebody")
    ask(cloud, KEPT % policy + BROKEN)
    execute(cloud)
    assert cloud.status() == "ROLLBACK_COMPLETE", cloud.events()
    assert [one["Name"] for one in cloud.ask("s3", "ListBuckets")["Buckets"]] == ["kept-by-somebody"]
    assert ("Bucket", "DELETE_SKIPPED", "") in cloud.events()


def test_an_update_that_is_taken_back_lets_it_go_again(cloud):
    cloud.create("Resources: {Other: {Type: 'AWS::SSM::Parameter', Properties: {Type: String, Value: x}}}")
    cloud.ask("s3", "CreateBucket", Bucket="kept-by-somebody")
    ask(cloud, KEPT % "Retain" + BROKEN, ChangeSetType="UPDATE")
    execute(cloud)
    assert cloud.status() == "UPDATE_ROLLBACK_COMPLETE", cloud.events()
    assert [one["Name"] for one in cloud.ask("s3", "ListBuckets")["Buckets"]] == ["kept-by-somebody"]
    assert cloud.resources()["Other"].endswith("_COMPLETE")


def test_what_is_not_there_is_made(cloud):
    ask(cloud, KEPT % "Retain")
    execute(cloud)
    assert cloud.resources() == {"Bucket": "CREATE_COMPLETE", "Word": "CREATE_COMPLETE"}


def test_what_went_in_between_is_not_said_to_be_there(cloud):
    cloud.ask("s3", "CreateBucket", Bucket="kept-by-somebody")
    ask(cloud, KEPT % "Retain")
    cloud.ask("s3", "DeleteBucket", Bucket="kept-by-somebody")
    execute(cloud)
    assert cloud.status() == "ROLLBACK_COMPLETE"
    failed = [one for one in cloud.events() if one[1] == "IMPORT_FAILED"]
    assert failed == [
        (
            "Bucket",
            "IMPORT_FAILED",
            "Resource of type 'AWS::S3::Bucket' with identifier 'kept-by-somebody' was not found.",
        )
    ]


def test_what_may_be_deleted_or_is_anothers_is_not_imported(cloud):
    cloud.create(KEPT % "Retain", name="owner")
    given = {
        "StackName": "web",
        "ChangeSetName": "next",
        "ChangeSetType": "CREATE",
        "ImportExistingResources": True,
    }
    refused = cloud.refused("CreateChangeSet", TemplateBody=KEPT % "Delete", **given)
    assert refused[0] == "ValidationError" and "DeletionPolicy" in refused[1]
    refused = cloud.refused("CreateChangeSet", TemplateBody=KEPT % "Retain", **given)
    assert refused[1].startswith("kept-by-somebody already exists in stack arn:aws:cloudformation:")
