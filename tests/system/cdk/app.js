// WhatIsTheTime.com as people write it with the AWS CDK: a VPC, a group of machines behind a load balancer, a nested
// stack, and a file that is uploaded.  Nothing in it knows where it is deployed.
const cdk = require('aws-cdk-lib');
const autoscaling = require('aws-cdk-lib/aws-autoscaling');
const ec2 = require('aws-cdk-lib/aws-ec2');
const elbv2 = require('aws-cdk-lib/aws-elasticloadbalancingv2');
const assets = require('aws-cdk-lib/aws-s3-assets');
const ssm = require('aws-cdk-lib/aws-ssm');

class Words extends cdk.NestedStack {
  constructor(scope, id, { word }) {
    super(scope, id);
    this.parameter = new ssm.StringParameter(this, 'Word', { stringValue: word });
  }
}

class WhatIsTheTime extends cdk.Stack {
  constructor(scope, id) {
    super(scope, id);
    const word = this.node.getContext('word');
    const vpc = new ec2.Vpc(this, 'Vpc', {
      maxAzs: 2,
      natGateways: 0,
      restrictDefaultSecurityGroup: false,
      subnetConfiguration: [{ name: 'Public', subnetType: ec2.SubnetType.PUBLIC }],
    });
    const userData = ec2.UserData.forLinux();
    userData.addCommands(
      'mkdir -p /srv/www',
      `echo "${word} $(hostname)" >/srv/www/index.html`,
      'systemd-run python3 -m http.server --directory /srv/www 80',
    );
    const group = new autoscaling.AutoScalingGroup(this, 'Group', {
      vpc,
      userData,
      minCapacity: 2,
      maxCapacity: 3,
      instanceType: new ec2.InstanceType('t2.micro'),
      machineImage: ec2.MachineImage.fromSsmParameter('/aws/service/debian/release/12/latest/amd64'),
      updatePolicy: autoscaling.UpdatePolicy.rollingUpdate({ minInstancesInService: 1 }),
    });
    const balancer = new elbv2.ApplicationLoadBalancer(this, 'Balancer', { vpc, internetFacing: true });
    const targets = balancer.addListener('Http', { port: 80 }).addTargets('Machines', {
      port: 80,
      targets: [group],
      deregistrationDelay: cdk.Duration.seconds(20),
      healthCheck: { interval: cdk.Duration.seconds(5), timeout: cdk.Duration.seconds(4), healthyThresholdCount: 2 },
    });
    group.scaleOnRequestCount('Requests', { targetRequestsPerMinute: 600 });
    const words = new Words(this, 'Words', { word });
    const file = new assets.Asset(this, 'Source', { path: __filename });
    new cdk.CfnOutput(this, 'Address', { value: balancer.loadBalancerDnsName });
    new cdk.CfnOutput(this, 'Targets', { value: targets.targetGroupArn });
    new cdk.CfnOutput(this, 'Word', { value: words.parameter.parameterName });
    new cdk.CfnOutput(this, 'File', { value: file.s3ObjectUrl });
  }
}

new WhatIsTheTime(new cdk.App(), 'WhatIsTheTime');
