// Checks that the construct creates exactly the resources of the SAM template, for any properties.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Size, type Stack } from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as kms from "aws-cdk-lib/aws-kms";
import * as lambda from "aws-cdk-lib/aws-lambda";
import * as logs from "aws-cdk-lib/aws-logs";
import * as s3 from "aws-cdk-lib/aws-s3";
import * as sns from "aws-cdk-lib/aws-sns";
import { Aggregation, AllJobs } from "../lib";
import type { LabelLakeProps } from "../lib/props";
import { lake, synthesized } from "./lake";
import { resolved } from "./resolved";

const TEMPLATE = JSON.parse(readFileSync(join(__dirname, "..", "..", "template.json"), "utf8"));
const KEY = "arn:aws:kms:us-east-1:123456789012:key/0b6b1c2d-1111-4222-8333-444455556666";
const TOPIC = "arn:aws:sns:us-east-1:123456789012:AmazonRekognition-jobs";
const ALARMS = "arn:aws:sns:us-east-1:123456789012:alarms";

const VARIANTS: { [name: string]: [(stack: Stack) => LabelLakeProps, { [parameter: string]: string }] } = {
  "with default settings": [() => ({}), {}],
  "with existing resources": [
    (stack) => ({
      bucket: s3.Bucket.fromBucketName(stack, "B", "videos"),
      prefix: "team/lake",
      encryptionKey: kms.Key.fromKeyArn(stack, "K", KEY),
      topic: sns.Topic.fromTopicArn(stack, "T", TOPIC),
      alarmTopic: sns.Topic.fromTopicArn(stack, "A", ALARMS),
    }),
    {
      ExistingBucket: "videos",
      OutputPrefix: "team/lake",
      BucketKeyArn: KEY,
      ExistingTopicArn: TOPIC,
      AlarmTopicArn: ALARMS,
    },
  ],
  "with a bucket of videos": [
    (stack) => ({ videos: { bucket: s3.Bucket.fromBucketName(stack, "W", "videos") } }),
    { VideoBucket: "videos" },
  ],
  "with a queue and all other properties": [
    (stack) => ({
      encryptionKey: kms.Key.fromKeyArn(stack, "K", KEY),
      databaseName: "labels",
      aggregateBy: [Aggregation.SEGMENTS, Aggregation.TIMESTAMPS],
      queueConcurrency: 20,
      alarmEmail: "data@example.com",
      architecture: lambda.Architecture.X86_64,
      memorySize: 512,
      reservedConcurrentExecutions: 20,
      logLevel: lambda.ApplicationLogLevel.DEBUG,
      logRetention: logs.RetentionDays.ONE_YEAR,
      tracing: lambda.Tracing.ACTIVE,
      scanLimit: Size.gibibytes(1),
      partitionIndex: true,
      allJobs: AllJobs.HOURLY,
      vpc: ec2.Vpc.fromVpcAttributes(stack, "V", {
        vpcId: "vpc-1",
        availabilityZones: ["us-east-1a", "us-east-1b"],
        privateSubnetIds: ["subnet-0123456789abcdef1", "subnet-0123456789abcdef2"],
      }),
      securityGroups: [ec2.SecurityGroup.fromSecurityGroupId(stack, "S", "sg-0123456789abcdef0")],
      lakeFormation: true,
      videos: {
        bucket: s3.Bucket.fromBucketName(stack, "W", "videos"),
        suffixes: [".mp4", ".m4v", "_raw.MOV"],
        encryptionKey: kms.Key.fromKeyArn(stack, "L", KEY),
        minConfidence: 72.5,
        includeLabels: ["Dog", "Street Light"],
        excludeLabels: ["Person"],
        jobTag: "archive",
      },
    }),
    {
      BucketKeyArn: KEY,
      DatabaseName: "labels",
      AggregateBy: "TIMESTAMPS,SEGMENTS",
      UseQueue: "Yes",
      MaximumConcurrency: "20",
      AlarmEmail: "data@example.com",
      Architecture: "x86_64",
      MemorySize: "512",
      ReservedConcurrency: "20",
      LogLevel: "DEBUG",
      LogRetentionDays: "365",
      Tracing: "Active",
      ScanLimitBytes: "1073741824",
      PartitionIndex: "Yes",
      AllJobs: "Hourly",
      SubnetIds: "subnet-0123456789abcdef1,subnet-0123456789abcdef2",
      SecurityGroupIds: "sg-0123456789abcdef0",
      LakeFormation: "Yes",
      VideoBucket: "videos",
      VideoSuffixes: ".mp4,.m4v,_raw.MOV",
      VideoBucketKeyArn: KEY,
      MinConfidence: "72.5",
      IncludeLabels: "Dog,Street Light",
      ExcludeLabels: "Person",
      JobTag: "archive",
    },
  ],
};

for (const [name, [props, parameters]] of Object.entries(VARIANTS)) {
  test(`equals the SAM template ${name}`, () => {
    const actual = resolved(synthesized(lake(props).stack), {});
    const expected = resolved(TEMPLATE, parameters);
    for (const one of [actual, expected]) {
      for (const name of ["Function", "Starter"]) {
        delete (one[name] as any)?.Properties.Code;
      }
    }
    assert.deepEqual(actual, expected);
  });
}

test("has a property for each parameter", () => {
  // The CDK sets these with PermissionsBoundary.of(lake).apply(...) and with aspects.
  const setByCdk = ["PermissionsBoundary", "RolePath"];
  const tested = new Set(Object.values(VARIANTS).flatMap(([, parameters]) => Object.keys(parameters)));
  assert.deepEqual([...tested, ...setByCdk].sort(), Object.keys(TEMPLATE.Parameters).sort());
});
