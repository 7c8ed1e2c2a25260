import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CfnResource, Stack } from "aws-cdk-lib";
import type * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import type * as glue from "aws-cdk-lib/aws-glue";
import * as iam from "aws-cdk-lib/aws-iam";
import * as lambda from "aws-cdk-lib/aws-lambda";
import * as s3 from "aws-cdk-lib/aws-s3";
import * as sns from "aws-cdk-lib/aws-sns";
import * as sqs from "aws-cdk-lib/aws-sqs";
import { CfnInclude } from "aws-cdk-lib/cloudformation-include";
import { Construct } from "constructs";
import { resolveConditions, type Template } from "./conditions";
import { parameterValues } from "./parameters";
import { cargoLambda } from "./program";
import type { LabelLakeProps } from "./props";
import { suppressRules } from "./reasons";

const TEMPLATE_FILE = join(__dirname, "..", "..", "template.json");

/** Stacks that already have a lake. */
const STACKS = new WeakSet<Stack>();

/**
 * Exports results of Rekognition Video label detection to Parquet on S3, ready for Athena. Contains a topic, a function,
 * the lake, Glue tables, an Athena workgroup with saved queries, alarms and a dashboard.
 *
 * The resources are those of template.yaml, with the same logical IDs. Their names start with the name of the stack, so
 * a stack can have only one lake.
 */
export class LabelLake extends Construct {
  /** The function that exports jobs. */
  readonly function: lambda.IFunction;
  /** Topic that Rekognition publishes completed jobs to: `SNSTopicArn` of `NotificationChannel`. */
  readonly topic: sns.ITopic;
  /**
   * Role that Rekognition publishes with: `RoleArn` of `NotificationChannel`. Users who start jobs need
   * permission to pass it: `grantPassRole`.
   */
  readonly publishRole: iam.IRole;
  /** Topic with a notification for each job that is ready to be queried. */
  readonly readyTopic: sns.ITopic;
  /** Bucket of the lake. */
  readonly bucket: s3.IBucket;
  /** Glue database with the tables. */
  readonly database: glue.CfnDatabase;
  /** Queue of events that failed. `label-lake replay` delivers them again. */
  readonly deadLetterQueue: sqs.IQueue;

  constructor(scope: Construct, id: string, props: LabelLakeProps = {}) {
    super(scope, id);
    const stack = Stack.of(this);
    if (STACKS.has(stack)) {
      throw new Error("the stack already has a lake; names are derived from the stack's name, so create another stack");
    }
    STACKS.add(stack);
    const included = include(this, props);
    const resource = <T extends CfnResource>(name: string): T => included.getResource(name) as T;
    const role = (name: string, of: string): iam.IRole =>
      iam.Role.fromRoleArn(this, name, resource<iam.CfnRole>(of).attrArn);

    const architecture = props.architecture ?? lambda.Architecture.ARM_64;
    const cfnFunction = resource<lambda.CfnFunction>("Function");
    useCode(this, cfnFunction, props.code ?? cargoLambda(architecture));
    if (props.timeout) {
      cfnFunction.timeout = props.timeout.toSeconds();
      // The function continues a job in another invocation five seconds before the timeout. The alarm fires if only two
      // of these are left.
      resource<cloudwatch.CfnAlarm>("FunctionNearTimeout").threshold = props.timeout.toMilliseconds() - 2000;
    }
    suppressRules(included);

    this.function = lambda.Function.fromFunctionAttributes(this, "Function", {
      functionArn: cfnFunction.attrArn,
      role: role("FunctionRole", "FunctionRole"),
      architecture,
      sameEnvironment: true,
    });
    this.topic = props.topic ?? sns.Topic.fromTopicArn(this, "Topic", resource<sns.CfnTopic>("Topic").ref);
    this.publishRole = role("PublishRole", "RekognitionRole");
    this.readyTopic = sns.Topic.fromTopicArn(this, "ReadyTopic", resource<sns.CfnTopic>("ReadyTopic").ref);
    this.bucket =
      props.bucket ??
      s3.Bucket.fromBucketAttributes(this, "Bucket", {
        bucketName: resource<s3.CfnBucket>("Bucket").ref,
        encryptionKey: props.encryptionKey,
      });
    this.database = resource<glue.CfnDatabase>("Database");
    this.deadLetterQueue = sqs.Queue.fromQueueArn(
      this,
      "DeadLetterQueue",
      resource<sqs.CfnQueue>("FailedQueue").attrArn,
    );
  }
}

/** Adds the resources of the template for the properties to the construct. */
function include(scope: Construct, props: LabelLakeProps): CfnInclude {
  const template: Template = JSON.parse(readFileSync(TEMPLATE_FILE, "utf8"));
  const parameters = parameterValues(template.Parameters, props);
  // CfnInclude reads files only.
  const folder = mkdtempSync(join(tmpdir(), "label-lake-"));
  try {
    const templateFile = join(folder, "template.json");
    writeFileSync(templateFile, JSON.stringify(resolveConditions(template, parameters)));
    return new CfnInclude(scope, "Template", { templateFile, parameters });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Makes the function run the code. */
function useCode(scope: Construct, cfnFunction: lambda.CfnFunction, code: lambda.Code): void {
  const { s3Location } = code.bind(scope);
  if (!s3Location) {
    throw new Error("code must be a zip or a directory, not an image and not inline code");
  }
  cfnFunction.code = {
    s3Bucket: s3Location.bucketName,
    s3Key: s3Location.objectKey,
    s3ObjectVersion: s3Location.objectVersion,
  };
  code.bindToResource(cfnFunction);
}
