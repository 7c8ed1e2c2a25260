// Tests what the construct adds to the template: values from other resources, code, grants, and error messages.
import assert from "node:assert/strict";
import { test } from "node:test";
import { App, Duration, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as iam from "aws-cdk-lib/aws-iam";
import * as kms from "aws-cdk-lib/aws-kms";
import * as lambda from "aws-cdk-lib/aws-lambda";
import * as s3 from "aws-cdk-lib/aws-s3";
import * as sns from "aws-cdk-lib/aws-sns";
import * as subscriptions from "aws-cdk-lib/aws-sns-subscriptions";
import * as sqs from "aws-cdk-lib/aws-sqs";
import { LabelLake } from "../lib";
import type { LabelLakeProps } from "../lib/props";
import { code, lake, synthesized } from "./lake";

function everythingInTheStack(stack: Stack): LabelLakeProps {
  const vpc = new ec2.Vpc(stack, "Network");
  return {
    bucket: new s3.Bucket(stack, "Videos", { encryptionKey: new kms.Key(stack, "Key") }),
    topic: new sns.Topic(stack, "JobsDone"),
    alarmTopic: new sns.Topic(stack, "Alarms"),
    vpc,
    securityGroups: [new ec2.SecurityGroup(stack, "Group", { vpc })],
  };
}

test("accepts bucket, key, topics and network of the same stack", () => {
  const made = lake(everythingInTheStack);
  const template = synthesized(made.stack);
  // CloudFormation rejects conditions that refer to resources.
  assert.equal(template.Conditions, undefined);
  assert.deepEqual(Object.keys(template.Parameters), ["BootstrapVersion"]);
  const { Function, Bucket, Topic } = template.Resources;
  assert.deepEqual([Bucket, Topic], [undefined, undefined]);
  assert.deepEqual(
    Function.Properties.Environment.Variables.OUTPUT_BUCKET,
    made.stack.resolve(made.lake.bucket.bucketName),
  );
  assert.equal(Function.Properties.VpcConfig.SubnetIds.length, 2);
  const statements: any[] = template.Resources.FunctionRole.Properties.Policies[0].PolicyDocument.Statement;
  const useKey = statements.find(({ Sid }) => Sid === "UseBucketKey");
  assert.deepEqual(useKey.Resource, made.stack.resolve(made.lake.bucket.encryptionKey?.keyArn));
  const { TopicArn } = template.Resources.FunctionSubscription.Properties;
  assert.deepEqual(TopicArn, made.stack.resolve(made.lake.topic.topicArn));
});

test("accepts a bucket of another stack", () => {
  const made = lake((stack) => ({ bucket: new s3.Bucket(new Stack(stack.node.root, "videos"), "Videos") }));
  const { Function } = synthesized(made.stack).Resources;
  const [name] = Object.keys(Function.Properties.Environment.Variables.OUTPUT_BUCKET);
  // An import or a parameter, depending on the version of the CDK.
  assert.match(name, /^(Fn::ImportValue|Fn::GetStackOutput|Ref)$/);
});

test("exposes its resources for grants and subscriptions", () => {
  const made = lake();
  const role = new iam.Role(made.stack, "Reader", { assumedBy: new iam.ServicePrincipal("lambda.amazonaws.com") });
  made.lake.bucket.grantRead(role);
  made.lake.publishRole.grantPassRole(role);
  made.lake.deadLetterQueue.grantConsumeMessages(role);
  made.lake.function.grantInvoke(role);
  made.lake.topic.grantPublish(role);
  role.addManagedPolicy(made.lake.readerPolicy);
  made.lake.readyTopic.addSubscription(new subscriptions.SqsSubscription(new sqs.Queue(made.stack, "Ready")));
  made.lake.function.addToRolePolicy(new iam.PolicyStatement({ actions: ["s3:GetObject"], resources: ["*"] }));
  const template = Template.fromStack(made.stack);
  const attribute = (name: string) => ({ "Fn::GetAtt": [name, "Arn"] });
  const [{ Properties: reader }] = Object.values(template.findResources("AWS::IAM::Policy")).filter(({ Properties }) =>
    Properties.Roles[0].Ref?.startsWith("Reader"),
  );
  const resources = reader.PolicyDocument.Statement.map(({ Resource }: any) => [Resource].flat()[0]);
  assert.deepEqual(resources.slice(1), [
    attribute("RekognitionRole"),
    attribute("FailedQueue"),
    attribute("Function"),
    { Ref: "Topic" },
  ]);
  template.hasResourceProperties("AWS::SNS::Subscription", { Protocol: "sqs", TopicArn: { Ref: "ReadyTopic" } });
  assert.deepEqual(made.stack.resolve(made.lake.database.ref), { Ref: "Database" });
  template.hasResourceProperties("AWS::IAM::Role", { ManagedPolicyArns: [{ Ref: "ReaderPolicy" }] });
});

test("starts jobs for the videos of a bucket of the same stack", () => {
  const made = lake((stack) => {
    const bucket = new s3.Bucket(stack, "Videos", { encryptionKey: new kms.Key(stack, "Key") });
    bucket.enableEventBridgeNotification();
    return { videos: { bucket } };
  });
  const user = new iam.User(made.stack, "Sender");
  made.lake.videoQueue?.grantSendMessages(user);
  made.lake.starter?.grantInvoke(user);
  const { Function, Starter, VideoRule, StarterRole, ...resources } = synthesized(made.stack).Resources;
  // Both functions have the same program.
  assert.deepEqual(Starter.Properties.Code, Function.Properties.Code);
  assert.equal(Starter.Properties.Handler, "starter");
  const [[bucket]] = Object.entries<any>(resources).filter(([, { Type }]) => Type === "AWS::S3::Bucket");
  assert.ok(JSON.stringify(VideoRule.Properties.EventPattern).includes(JSON.stringify({ Ref: bucket })));
  const statements: any[] = StarterRole.Properties.Policies[0].PolicyDocument.Statement;
  assert.ok(statements.some(({ Sid }) => Sid === "UseVideoKey"));
  const [policy]: any[] = Object.values<any>(resources).filter(({ Properties }) => Properties?.Users);
  const granted = policy.Properties.PolicyDocument.Statement.map(({ Resource }: any) => [Resource].flat()[0]);
  const attribute = (name: string) => ({ "Fn::GetAtt": [name, "Arn"] });
  assert.deepEqual(granted, [attribute("VideoQueue"), attribute("Starter")]);
});

test("has no starter without videos", () => {
  const made = lake();
  assert.deepEqual([made.lake.starter, made.lake.videoQueue], [undefined, undefined]);
  assert.equal(synthesized(made.stack).Resources.Starter, undefined);
});

test("links to the console of the stack's partition", () => {
  const url = (region?: string): string => {
    const stack = new Stack(new App(), "lake", { env: { region } });
    new LabelLake(stack, "Lake", { code: code() });
    return JSON.stringify(synthesized(stack).Outputs.DashboardUrl.Value);
  };
  assert.match(url(), /console\.aws\.amazon\.com/);
  assert.match(url("us-gov-west-1"), /console\.amazonaws-us-gov\.com/);
});

test("deploys the program in `code`", () => {
  const { Function } = synthesized(lake().stack).Resources;
  assert.match(Function.Properties.Code.S3Key, /^[0-9a-f]{64}\.zip$/);
  const bucket = (stack: Stack): s3.IBucket => s3.Bucket.fromBucketName(stack, "Builds", "builds");
  const fromBucket = lake((stack) => ({ code: lambda.Code.fromBucket(bucket(stack), "arm64.zip") }));
  assert.deepEqual(synthesized(fromBucket.stack).Resources.Function.Properties.Code, {
    S3Bucket: "builds",
    S3Key: "arm64.zip",
  });
  assert.throws(() => lake(() => ({ code: lambda.Code.fromInline("pass") })), /must be a zip or a directory/);
});

test("adapts the threshold of the alarm to the timeout", () => {
  const { Function, FunctionNearTimeout } = synthesized(lake(() => ({ timeout: Duration.minutes(5) })).stack).Resources;
  assert.equal(Function.Properties.Timeout, 300);
  assert.equal(FunctionNearTimeout.Properties.Threshold, 298_000);
});

test("applies a permissions boundary of the CDK to its roles", () => {
  const made = lake();
  const policy = iam.ManagedPolicy.fromManagedPolicyName(made.stack, "Boundary", "boundary");
  iam.PermissionsBoundary.of(made.lake).apply(policy);
  const roles = Template.fromStack(made.stack).findResources("AWS::IAM::Role");
  assert.deepEqual(Object.keys(roles).sort(), ["FunctionRole", "RekognitionRole"]);
  for (const { Properties } of Object.values(roles)) {
    assert.deepEqual(Properties.PermissionsBoundary, made.stack.resolve(policy.managedPolicyArn));
  }
});

test("rejects values that the template rejects, with the template's description", () => {
  const rejects = (props: LabelLakeProps, message: RegExp): void => assert.throws(() => lake(() => props), message);
  rejects({ prefix: "lake/" }, /OutputPrefix cannot be "lake\/"\. Prefix of the lake in the bucket, without a slash/);
  rejects({ queueConcurrency: 1 }, /MaximumConcurrency cannot be 1/);
  rejects({ memorySize: 20_480 }, /MemorySize cannot be 20480/);
  rejects({ logLevel: lambda.ApplicationLogLevel.FATAL }, /LogLevel cannot be "FATAL".* Allowed values: TRACE, DEBUG/);
  rejects({ aggregateBy: [] }, /AggregateBy cannot be ""/);
  const videos = (more: object): LabelLakeProps => ({
    videos: { bucket: s3.Bucket.fromBucketName(new Stack(), "Videos", "videos"), ...more },
  });
  rejects(videos({ suffixes: ["*.mp4"] }), /VideoSuffixes cannot be "\*\.mp4"/);
  rejects(videos({ suffixes: [] }), /VideoSuffixes cannot be ""/);
  rejects(videos({ minConfidence: 101 }), /MinConfidence cannot be "101"/);
  rejects(videos({ jobTag: "my job" }), /JobTag cannot be "my job"/);
});

test("requires security groups with a VPC", () => {
  const network = (stack: Stack): LabelLakeProps => ({ vpc: new ec2.Vpc(stack, "Network") });
  assert.throws(() => lake(network), /vpc and securityGroups must be set together/);
});

test("rejects a second lake in a stack", () => {
  const { stack } = lake();
  assert.throws(() => new LabelLake(stack, "Second", { code: code() }), /already has a lake/);
});
