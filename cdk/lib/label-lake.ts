import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CfnResource, Stack } from "aws-cdk-lib";
import { CfnInclude } from "aws-cdk-lib/cloudformation-include";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import * as glue from "aws-cdk-lib/aws-glue";
import * as iam from "aws-cdk-lib/aws-iam";
import * as lambda from "aws-cdk-lib/aws-lambda";
import * as s3 from "aws-cdk-lib/aws-s3";
import * as sns from "aws-cdk-lib/aws-sns";
import * as sqs from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { parameterValues } from "./parameters";
import { cargoLambda } from "./program";
import { LabelLakeProps } from "./props";
import { giveReasons } from "./reasons";
import { settled, Template } from "./settled";

const TEMPLATE_FILE = join(__dirname, "..", "..", "template.json");

/** Those that have a lake. */
const STACKS = new WeakSet<Stack>();

/**
 * Results of Rekognition Video label detection as Parquet on S3, ready for Athena: topic, function, lake, Glue tables,
 * Athena workgroup with saved queries, alarms, dashboard.
 *
 * Its resources are those of template.yaml, under the same logical ids and with names made of the stack's name. So a
 * stack has one lake.
 */
export class LabelLake extends Construct {
  /** Exports a job. */
  readonly function: lambda.IFunction;
  /** Rekognition publishes here that a job is done: `SNSTopicArn` of `NotificationChannel`. */
  readonly topic: sns.ITopic;
  /** Rekognition publishes with this role: `RoleArn` of `NotificationChannel`. Let who starts jobs pass it. */
  readonly publishRole: iam.IRole;
  /** Tells of each job that is ready to be queried. */
  readonly readyTopic: sns.ITopic;
  /** Holds the lake. */
  readonly bucket: s3.IBucket;
  /** Holds the tables. */
  readonly database: glue.CfnDatabase;
  /** Whatever was given up waits here; `label-lake replay` delivers it again. */
  readonly deadLetterQueue: sqs.IQueue;

  constructor(scope: Construct, id: string, props: LabelLakeProps = {}) {
    super(scope, id);
    const stack = Stack.of(this);
    if (STACKS.has(stack)) {
      throw new Error("a stack has one lake: its names are made of the stack's name");
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
      // Two of the five seconds that a job has for handing itself on are left.
      resource<cloudwatch.CfnAlarm>("FunctionNearTimeout").threshold = props.timeout.toMilliseconds() - 2000;
    }
    giveReasons(included);

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

/** The template's resources, for these properties, below the construct. */
function include(scope: Construct, props: LabelLakeProps): CfnInclude {
  const template: Template = JSON.parse(readFileSync(TEMPLATE_FILE, "utf8"));
  const parameters = parameterValues(template.Parameters, props);
  // CfnInclude takes nothing but files.
  const folder = mkdtempSync(join(tmpdir(), "label-lake-"));
  try {
    const templateFile = join(folder, "template.json");
    writeFileSync(templateFile, JSON.stringify(settled(template, parameters)));
    return new CfnInclude(scope, "Template", { templateFile, parameters });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function useCode(scope: Construct, cfnFunction: lambda.CfnFunction, code: lambda.Code): void {
  const { s3Location } = code.bind(scope);
  if (!s3Location) {
    throw new Error("code has to be a zip or a folder: the function is no image and no script");
  }
  cfnFunction.code = {
    s3Bucket: s3Location.bucketName,
    s3Key: s3Location.objectKey,
    s3ObjectVersion: s3Location.objectVersion,
  };
  code.bindToResource(cfnFunction);
}
