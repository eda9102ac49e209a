"""Buckets in stacks, and what the CDK asks of an account before it deploys there."""

import json

BUCKET = """
Resources:
  Kept:
    Type: AWS::S3::Bucket
    Properties:
      BucketEncryption:
        ServerSideEncryptionConfiguration: [{ServerSideEncryptionByDefault: {SSEAlgorithm: AES256}}]
      PublicAccessBlockConfiguration: {BlockPublicAcls: true, BlockPublicPolicy: "true"}
      VersioningConfiguration: {Status: Enabled}
      LifecycleConfiguration:
        Rules:
          - {Id: old, Status: Enabled, NoncurrentVersionExpiration: {NoncurrentDays: 30}}
          - Status: Enabled
            Prefix: tmp/
            ExpirationInDays: 1
            AbortIncompleteMultipartUpload: {DaysAfterInitiation: 1}
      CorsConfiguration: {CorsRules: [{AllowedMethods: [GET], AllowedOrigins: ["*"], MaxAge: 60, Id: any}]}
      Tags: [{Key: team, Value: web}]
  Policy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Kept
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - {Effect: Deny, Principal: "*", Action: "s3:*", Resource: !Sub "${Kept.Arn}/*",
             Condition: {Bool: {"aws:SecureTransport": "false"}}}
Outputs:
  Name: {Value: !Ref Kept}
  Host: {Value: !GetAtt Kept.RegionalDomainName}
"""


def test_a_bucket_comes_with_all_that_is_said_of_it_changes_and_goes(cloud):
    cloud.create(BUCKET)
    assert cloud.status() == "CREATE_COMPLETE", cloud.events()
    name = cloud.outputs()["Name"]
    assert name == name.lower()
    assert name.startswith("web-kept-")
    assert cloud.outputs()["Host"] == f"{name}.s3.us-east-1.amazonaws.com"
    assert cloud.ask("s3", "GetBucketVersioning", Bucket=name) == {"Status": "Enabled"}
    rules = cloud.ask("s3", "GetBucketLifecycleConfiguration", Bucket=name)["Rules"]
    assert rules[1]["Expiration"] == {"Days": 1}
    assert cloud.ask("s3", "GetBucketCors", Bucket=name)["CORSRules"][0]["MaxAgeSeconds"] == 60
    assert cloud.ask("s3", "GetBucketTagging", Bucket=name)["TagSet"] == [{"Key": "team", "Value": "web"}]
    policy = json.loads(cloud.ask("s3", "GetBucketPolicy", Bucket=name)["Policy"])
    assert policy["Statement"][0]["Resource"] == f"arn:aws:s3:::{name}/*"

    bare = BUCKET.replace("Status: Enabled}\n      Life", "Status: Suspended}\n      Life").replace(
        "Value: web", "Value: shop"
    )
    bare = bare.replace("      CorsConfiguration", "      #")
    cloud.update(bare)
    assert cloud.status() == "UPDATE_COMPLETE", cloud.events()
    assert cloud.ask("s3", "GetBucketVersioning", Bucket=name) == {"Status": "Suspended"}
    assert cloud.ask("s3", "GetBucketTagging", Bucket=name)["TagSet"] == [{"Key": "team", "Value": "shop"}]
    stack_id = cloud.stack()["StackId"]
    cloud.cfn("DeleteStack", StackName="web")
    cloud.drive()
    assert cloud.status(stack_id) == "DELETE_COMPLETE", cloud.events(stack_id)
    assert cloud.ask("s3", "ListBuckets").get("Buckets", []) == []


def test_a_bucket_that_is_there_is_nobody_elses(cloud):
    cloud.ask("s3", "CreateBucket", Bucket="taken")
    cloud.create("Resources: {Kept: {Type: AWS::S3::Bucket, Properties: {BucketName: taken}}}")
    assert ("Kept", "CREATE_FAILED", "taken already exists") in cloud.events()
    assert [one["Name"] for one in cloud.ask("s3", "ListBuckets")["Buckets"]] == ["taken"]


def test_a_bucket_with_something_in_it_is_not_deleted(cloud):
    cloud.create("Resources: {Kept: {Type: AWS::S3::Bucket}}")
    cloud.ask("s3", "PutObject", Bucket=cloud.physical("Kept"), Key="a", Body=b"x")
    cloud.cfn("DeleteStack", StackName="web")
    cloud.drive()
    assert cloud.status() == "DELETE_FAILED"
    (why,) = [reason for name, status, reason in cloud.events() if (name, status) == ("Kept", "DELETE_FAILED")]
    assert why.startswith("The bucket you tried to delete is not empty (Status Code: 409; Error Code: BucketNotEmpty")


# What `cdk bootstrap` asks for, in our words, but for the repository of container images.
TOOLKIT = """
Parameters:
  TrustedAccounts: {Type: CommaDelimitedList, Default: ""}
  Qualifier: {Type: String, Default: hnb659fds, AllowedPattern: "[A-Za-z0-9_-]{1,10}"}
  KmsKeyId: {Type: String, Default: AWS_MANAGED_KEY}
Conditions:
  NewKey: !Equals ["", !Ref KmsKeyId]
  ManagedKey: !Equals [AWS_MANAGED_KEY, !Ref KmsKeyId]
  Trusted: !Not [!Equals ["", !Join ["", !Ref TrustedAccounts]]]
Resources:
  Key: {Type: AWS::KMS::Key, Condition: NewKey, Properties: {KeyPolicy: {Statement: []}}}
  Staging:
    Type: AWS::S3::Bucket
    UpdateReplacePolicy: Retain
    DeletionPolicy: Retain
    Properties:
      BucketName: !Sub "cdk-${Qualifier}-assets-${AWS::AccountId}-${AWS::Region}"
      AccessControl: Private
      BucketEncryption:
        ServerSideEncryptionConfiguration:
          - ServerSideEncryptionByDefault:
              SSEAlgorithm: AES256
              KMSMasterKeyID: !If [NewKey, !Sub "${Key.Arn}", !If [ManagedKey, !Ref "AWS::NoValue", !Ref KmsKeyId]]
      VersioningConfiguration: {Status: Enabled}
  Deploy:
    Type: AWS::IAM::Role
    Properties:
      RoleName: !Sub "cdk-${Qualifier}-deploy-role-${AWS::AccountId}-${AWS::Region}"
      AssumeRolePolicyDocument:
        Statement:
          - {Action: sts:AssumeRole, Effect: Allow, Principal: {AWS: !Ref AWS::AccountId}}
          - !If
            - Trusted
            - {Action: sts:AssumeRole, Effect: Allow, Principal: {AWS: !Ref TrustedAccounts}}
            - !Ref AWS::NoValue
  Execute:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement: [{Action: sts:AssumeRole, Effect: Allow, Principal: {Service: cloudformation.amazonaws.com}}]
        Version: "2012-10-17"
      ManagedPolicyArns: [!Sub "arn:${AWS::Partition}:iam::aws:policy/AdministratorAccess"]
  Version:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Name: !Sub "/cdk-bootstrap/${Qualifier}/version", Value: "21"}
Outputs:
  BucketName: {Value: !Sub "${Staging}"}
  BucketDomainName: {Value: !Sub "${Staging.RegionalDomainName}"}
  Version: {Value: !GetAtt Version.Value}
"""


def test_what_the_cdk_needs_of_an_account_is_made(cloud):
    cloud.create(TOOLKIT, name="CDKToolkit", Capabilities=["CAPABILITY_NAMED_IAM"])
    assert cloud.status("CDKToolkit") == "CREATE_COMPLETE", cloud.events("CDKToolkit")
    assert cloud.outputs("CDKToolkit") == {
        "BucketName": "cdk-hnb659fds-assets-123456789012-us-east-1",
        "BucketDomainName": "cdk-hnb659fds-assets-123456789012-us-east-1.s3.us-east-1.amazonaws.com",
        "Version": "21",
    }
