// Checks the stack with cdk-nag's rule pack AwsSolutions: every finding has a reason, and every reason has a finding.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Aspects, type Stack } from "aws-cdk-lib";
import { Annotations, Match } from "aws-cdk-lib/assertions";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as iam from "aws-cdk-lib/aws-iam";
import * as lambda from "aws-cdk-lib/aws-lambda";
import { AwsSolutionsChecks, type INagLogger, type NagLoggerSuppressedData } from "cdk-nag";
import type { LabelLakeProps } from "../lib/props";
import { REASONS } from "../lib/reasons";
import { lake } from "./lake";

const VARIANTS: { [name: string]: (stack: Stack) => LabelLakeProps } = {
  "with default settings": () => ({}),
  "with a queue, e-mail, tracing and a VPC": (stack) => ({
    queueConcurrency: 20,
    alarmEmail: "data@example.com",
    tracing: lambda.Tracing.ACTIVE,
    vpc: ec2.Vpc.fromVpcAttributes(stack, "Network", {
      vpcId: "vpc-0123456789abcdef0",
      availabilityZones: ["us-east-1a"],
      privateSubnetIds: ["subnet-0123456789abcdef1"],
    }),
    securityGroups: [ec2.SecurityGroup.fromSecurityGroupId(stack, "Group", "sg-0123456789abcdef0")],
  }),
};

/** Records the suppressed findings. */
class Suppressed implements INagLogger {
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

function findings(stack: Stack, suppressed: Suppressed): string[] {
  Aspects.of(stack).add(new AwsSolutionsChecks({ additionalLoggers: [suppressed] }));
  const annotations = Annotations.fromStack(stack);
  const rules = Match.stringLikeRegexp("AwsSolutions|CdkNag");
  const found = [...annotations.findError("*", rules), ...annotations.findWarning("*", rules)];
  return found.map(({ id, entry }) => `${id} ${entry.data}`);
}

const suppressed = new Suppressed();

for (const [name, props] of Object.entries(VARIANTS)) {
  test(`has a reason for every finding ${name}`, () => {
    assert.deepEqual(findings(lake(props).stack, suppressed), []);
  });
}

test("has a finding for every reason", () => {
  const given = REASONS.flatMap(({ rule, resources }) => resources.map((resource) => `${rule} ${resource}`));
  assert.deepEqual([...suppressed.findings].sort(), given.sort());
});

test("finds a role with a wildcard", () => {
  const made = lake();
  made.lake.publishRole.addToPrincipalPolicy(new iam.PolicyStatement({ actions: ["sns:*"], resources: ["*"] }));
  assert.match(findings(made.stack, new Suppressed()).join(), /PublishRole.*AwsSolutions-IAM5/);
});
