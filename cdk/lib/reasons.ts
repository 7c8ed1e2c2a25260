import type { CfnResource } from "aws-cdk-lib";
import type { CfnInclude } from "aws-cdk-lib/cloudformation-include";

/** The reason for not following a rule of cdk-nag. */
interface Reason {
  readonly rule: string;
  readonly resources: string[];
  readonly reason: string;
}

export const REASONS: Reason[] = [
  {
    rule: "AwsSolutions-SQS3",
    resources: ["FailedQueue"],
    reason:
      "It is itself the dead-letter queue of the subscription and the function, which the rule does not recognize.",
  },
  {
    rule: "AwsSolutions-S1",
    resources: ["Bucket"],
    reason:
      "Server access logs need a second bucket, which depends on the organization. The lake is private, and " +
      "CloudTrail can log its data events.",
  },
  {
    rule: "AwsSolutions-IAM5",
    resources: ["FunctionRole"],
    reason:
      "GetLabelDetection, X-Ray and the network interfaces of a VPC support no resources. Keys of the lake are below " +
      "its prefix and contain job IDs and labels.",
  },
  {
    rule: "AwsSolutions-IAM5",
    resources: ["ReaderPolicy"],
    reason:
      "Keys of the tables are below their prefixes. Listing workgroups and catalogs, and Lake Formation, support no " +
      "resources. Readers may see all tables of the stack's database.",
  },
  {
    rule: "AwsSolutions-IAM5",
    resources: ["AllJobsRole"],
    reason:
      "Keys of the tables are below their prefixes. Athena looks up all tables of the stack's database, and Lake " +
      "Formation supports no resources.",
  },
  {
    rule: "AwsSolutions-IAM5",
    resources: ["StarterRole"],
    reason:
      "StartLabelDetection, X-Ray and the network interfaces of a VPC support no resources. Any object in the bucket of " +
      "videos may be a video.",
  },
  {
    rule: "AwsSolutions-SF1",
    resources: ["AllJobsMachine"],
    reason: "Step Functions keeps the history of each execution of a standard workflow for 90 days without a log.",
  },
  {
    rule: "AwsSolutions-SF2",
    resources: ["AllJobsMachine"],
    reason: "The history of an execution has the times of its statements, which run in Athena and are not traced.",
  },
  {
    rule: "AwsSolutions-IAM5",
    resources: ["ContinuationPolicy"],
    reason:
      "The function invokes the version or alias that it was itself invoked with, which its ARN contains after a colon.",
  },
];

/** Adds the reasons to the resources, so that apps that use cdk-nag get no findings from them. */
export function suppressNagRules(included: CfnInclude): void {
  for (const name of new Set(REASONS.flatMap(({ resources }) => resources))) {
    const rules = REASONS.filter(({ resources }) => resources.includes(name));
    const resource = included.node.tryFindChild(name) as CfnResource | undefined;
    resource?.addMetadata("cdk_nag", { rules_to_suppress: rules.map(({ rule, reason }) => ({ id: rule, reason })) });
  }
}
