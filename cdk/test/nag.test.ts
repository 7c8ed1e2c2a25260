// Checks the stack with the rule pack AwsSolutions of cdk-nag. Each finding must be suppressed by an entry of REASONS,
// and each entry of REASONS must suppress a finding.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Aspects, type Stack } from "aws-cdk-lib";
import { Annotations, Match } from "aws-cdk-lib/assertions";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as iam from "aws-cdk-lib/aws-iam";
import * as lambda from "aws-cdk-lib/aws-lambda";
import * as s3 from "aws-cdk-lib/aws-s3";
import { AwsSolutionsChecks, type INagLogger, type NagLoggerSuppressedData } from "cdk-nag";
import { AllJobs, type LabelLakeProps } from "../lib/props";
import { REASONS } from "../lib/reasons";
import { lake } from "./lake";

/** Properties of the stacks to check. Together, the stacks create every resource that REASONS mentions. */
const VARIANTS: { [name: string]: (stack: Stack) => LabelLakeProps } = {
  "with default settings": () => ({}),
  "with a queue, e-mail, tracing, tables of all jobs, videos and a VPC": (stack) => ({
    videos: { bucket: s3.Bucket.fromBucketName(stack, "Videos", "videos") },
    queueConcurrency: 20,
    alarmEmail: "data@example.com",
    tracing: lambda.Tracing.ACTIVE,
    allJobs: AllJobs.DAILY,
    vpc: ec2.Vpc.fromVpcAttributes(stack, "Network", {
      vpcId: "vpc-0123456789abcdef0",
      availabilityZones: ["us-east-1a"],
      privateSubnetIds: ["subnet-0123456789abcdef1"],
    }),
    securityGroups: [ec2.SecurityGroup.fromSecurityGroupId(stack, "Group", "sg-0123456789abcdef0")],
  }),
};

/** Logger that records the findings that REASONS suppresses. */
class SuppressedFindings implements INagLogger {
  readonly findings = new Set<string>();
  onSuppressed({ ruleId, resource }: NagLoggerSuppressedData): void {
    this.findings.add(`${ruleId} ${resource.node.id}`);
  }
  onCompliance(): void {}
  onNonCompliance(): void {}
  onError(): void {}
  onSuppressedError(): void {}
  onNotApplicable(): void {}
}

/** Returns the findings that are not suppressed, and records the others in `suppressed`. */
function openFindings(stack: Stack, suppressed: SuppressedFindings): string[] {
  Aspects.of(stack).add(new AwsSolutionsChecks({ additionalLoggers: [suppressed] }));
  const annotations = Annotations.fromStack(stack);
  const rules = Match.stringLikeRegexp("AwsSolutions|CdkNag");
  const found = [...annotations.findError("*", rules), ...annotations.findWarning("*", rules)];
  return found.map(({ id, entry }) => `${id} ${entry.data}`);
}

/** Suppressed findings of all variants: the tests of the variants fill it, and the test after them reads it. */
const suppressed = new SuppressedFindings();

for (const [name, props] of Object.entries(VARIANTS)) {
  test(`suppresses every finding ${name}`, () => {
    assert.deepEqual(openFindings(lake(props).stack, suppressed), []);
  });
}

test("has no reason that suppresses nothing", () => {
  const expected = REASONS.flatMap(({ rule, resources }) => resources.map((resource) => `${rule} ${resource}`));
  assert.deepEqual([...suppressed.findings].sort(), expected.sort());
});

test("reports a wildcard permission that has no reason", () => {
  const { stack, lake: labelLake } = lake();
  labelLake.publishRole.addToPrincipalPolicy(new iam.PolicyStatement({ actions: ["sns:*"], resources: ["*"] }));
  assert.match(openFindings(stack, new SuppressedFindings()).join(), /PublishRole.*AwsSolutions-IAM5/);
});
