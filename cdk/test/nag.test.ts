// cdk-nag's rules of AwsSolutions: no finding without a written reason, no reason without a finding.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Aspects, Stack } from "aws-cdk-lib";
import { Annotations, Match } from "aws-cdk-lib/assertions";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as iam from "aws-cdk-lib/aws-iam";
import * as lambda from "aws-cdk-lib/aws-lambda";
import { AwsSolutionsChecks, INagLogger, NagLoggerSuppressedData } from "cdk-nag";
import { LabelLakeProps } from "../lib/props";
import { REASONS } from "../lib/reasons";
import { lake } from "./lake";

const VARIANTS: { [name: string]: (stack: Stack) => LabelLakeProps } = {
  "with every default": () => ({}),
  "with a queue, mail, traces and a network": (stack) => ({
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

/** Keeps what was excused. */
class Excused implements INagLogger {
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

function findings(stack: Stack, excused: Excused): string[] {
  Aspects.of(stack).add(new AwsSolutionsChecks({ additionalLoggers: [excused] }));
  const annotations = Annotations.fromStack(stack);
  const rules = Match.stringLikeRegexp("AwsSolutions|CdkNag");
  const found = [...annotations.findError("*", rules), ...annotations.findWarning("*", rules)];
  return found.map(({ id, entry }) => `${id} ${entry.data}`);
}

const excused = new Excused();

for (const [name, props] of Object.entries(VARIANTS)) {
  test(`leaves no finding without a reason ${name}`, () => {
    assert.deepEqual(findings(lake(props).stack, excused), []);
  });
}

test("leaves no reason without a finding", () => {
  const given = REASONS.flatMap(({ rule, resources }) => resources.map((resource) => `${rule} ${resource}`));
  assert.deepEqual([...excused.findings].sort(), given.sort());
});

test("would find a role that may do everything", () => {
  const made = lake();
  made.lake.publishRole.addToPrincipalPolicy(new iam.PolicyStatement({ actions: ["sns:*"], resources: ["*"] }));
  assert.match(findings(made.stack, new Excused()).join(), /PublishRole.*AwsSolutions-IAM5/);
});
