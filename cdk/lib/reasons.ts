import { CfnResource } from "aws-cdk-lib";
import { CfnInclude } from "aws-cdk-lib/cloudformation-include";

/** Why a rule of cdk-nag is not followed. */
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
      "It is the dead-letter queue: of the subscription and of the function, where the rule does not look for one.",
  },
  {
    rule: "AwsSolutions-S1",
    resources: ["Bucket"],
    reason:
      "Server access logs need a second bucket, and each organisation has its own. The lake is private, and " +
      "CloudTrail can log its data events.",
  },
  {
    rule: "AwsSolutions-IAM5",
    resources: ["FunctionRole"],
    reason:
      "GetLabelDetection, X-Ray and the network interfaces of a VPC take no resource; keys of the lake begin with " +
      "its prefix and go on with job and label.",
  },
  {
    rule: "AwsSolutions-IAM5",
    resources: ["ContinuationPolicy"],
    reason:
      "The function invokes the version or alias that it was invoked as, which is behind the colon of its own name.",
  },
];

/** Writes the reasons where cdk-nag looks for them, so that apps that use it are not asked again. */
export function giveReasons(included: CfnInclude): void {
  for (const { rule, resources, reason } of REASONS) {
    for (const name of resources) {
      const resource = included.node.tryFindChild(name) as CfnResource | undefined;
      resource?.addMetadata("cdk_nag", { rules_to_suppress: [{ id: rule, reason }] });
    }
  }
}
