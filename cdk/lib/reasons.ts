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
    resources: ["ContinuationPolicy"],
    reason:
      "The function invokes the version or alias that it was itself invoked with, which its ARN contains after a colon.",
  },
];

/** Adds the reasons to the resources, so that apps that use cdk-nag get no findings from them. */
export function suppressNagRules(included: CfnInclude): void {
  for (const { rule, resources, reason } of REASONS) {
    for (const name of resources) {
      const resource = included.node.tryFindChild(name) as CfnResource | undefined;
      resource?.addMetadata("cdk_nag", { rules_to_suppress: [{ id: rule, reason }] });
    }
  }
}
