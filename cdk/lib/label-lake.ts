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
import { RegionInfo } from "aws-cdk-lib/region-info";
import { Construct } from "constructs";
import { resolveConditions, type Template } from "./conditions";
import { parameterValues } from "./parameters";
import { defaultProgram } from "./program";
import type { LabelLakeProps } from "./props";
import { suppressNagRules } from "./reasons";

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
  /** Topic to which Rekognition publishes completed jobs. Pass its ARN as `SNSTopicArn` of `NotificationChannel`. */
  readonly topic: sns.ITopic;
  /**
   * Role that Rekognition assumes to publish to the topic. Pass its ARN as `RoleArn` of `NotificationChannel`. Whoever
   * starts jobs needs permission to pass the role; grant it with `publishRole.grantPassRole`.
   */
  readonly publishRole: iam.IRole;
  /** Topic with a notification for each job that is ready to be queried. */
  readonly readyTopic: sns.ITopic;
  /** Bucket of the lake. */
  readonly bucket: s3.IBucket;
  /** Glue database with the tables. */
  readonly database: glue.CfnDatabase;
  /** Policy for people and programs that query the lake: `role.addManagedPolicy(lake.readerPolicy)`. */
  readonly readerPolicy: iam.IManagedPolicy;
  /** Queue of events that failed. `label-lake replay` delivers them again. */
  readonly deadLetterQueue: sqs.IQueue;
  /** Queue of the videos for which no job has been started yet. `undefined` without `videos`. */
  readonly videoQueue?: sqs.IQueue;
  /** The function that starts jobs. `undefined` without `videos`. */
  readonly starter?: lambda.IFunction;

  constructor(scope: Construct, id: string, props: LabelLakeProps = {}) {
    super(scope, id);
    const stack = Stack.of(this);
    if (STACKS.has(stack)) {
      throw new Error(
        "the stack already has a lake; put the second lake in another stack, because resource names start with the " +
          "name of the stack",
      );
    }
    STACKS.add(stack);
    const included = include(this, props);
    const resource = <T extends CfnResource>(logicalId: string): T => included.getResource(logicalId) as T;
    const role = (id: string, logicalId: string): iam.IRole =>
      iam.Role.fromRoleArn(this, id, resource<iam.CfnRole>(logicalId).attrArn);

    const architecture = props.architecture ?? lambda.Architecture.ARM_64;
    const cfnFunction = resource<lambda.CfnFunction>("Function");
    const cfnStarter = props.videos && resource<lambda.CfnFunction>("Starter");
    const functions = cfnStarter ? [cfnFunction, cfnStarter] : [cfnFunction];
    useCode(this, functions, props.code ?? defaultProgram(architecture));
    if (props.timeout) {
      cfnFunction.timeout = props.timeout.toSeconds();
      // A long job is handed over to another invocation five seconds before the timeout. The alarm fires if an
      // invocation is still running two seconds before the timeout.
      resource<cloudwatch.CfnAlarm>("FunctionNearTimeout").threshold = props.timeout.toMilliseconds() - 2000;
    }
    suppressNagRules(included);

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
    this.readerPolicy = iam.ManagedPolicy.fromManagedPolicyArn(
      this,
      "ReaderPolicy",
      resource<iam.CfnManagedPolicy>("ReaderPolicy").ref,
    );
    this.database = resource<glue.CfnDatabase>("Database");
    this.deadLetterQueue = sqs.Queue.fromQueueArn(
      this,
      "DeadLetterQueue",
      resource<sqs.CfnQueue>("FailedQueue").attrArn,
    );
    if (cfnStarter) {
      const videoQueueArn = resource<sqs.CfnQueue>("VideoQueue").attrArn;
      this.videoQueue = sqs.Queue.fromQueueArn(this, "VideoQueue", videoQueueArn);
      this.starter = lambda.Function.fromFunctionAttributes(this, "Starter", {
        functionArn: cfnStarter.attrArn,
        role: role("StarterRole", "StarterRole"),
        architecture,
        sameEnvironment: true,
      });
    }
  }
}

/** Adds the template's resources to the construct, after resolving the template's conditions from the properties. */
function include(scope: Construct, props: LabelLakeProps): CfnInclude {
  const template: Template = JSON.parse(readFileSync(TEMPLATE_FILE, "utf8"));
  const parameters = parameterValues(template.Parameters, props);
  // The region is a token, and its partition unknown, unless the stack sets it.
  const partition = RegionInfo.get(Stack.of(scope).region).partition ?? "";
  const values = { ...parameters, "AWS::Partition": partition };
  // CfnInclude reads the template only from a file, so the resolved template is written to a temporary file.
  const folder = mkdtempSync(join(tmpdir(), "label-lake-"));
  try {
    const templateFile = join(folder, "template.json");
    writeFileSync(templateFile, JSON.stringify(resolveConditions(template, values)));
    return new CfnInclude(scope, "Template", { templateFile, parameters });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Sets the code of the functions, which share it. */
function useCode(scope: Construct, functions: lambda.CfnFunction[], code: lambda.Code): void {
  const { s3Location } = code.bind(scope);
  if (!s3Location) {
    throw new Error("code must be a zip or a directory, not a container image or inline code");
  }
  for (const cfnFunction of functions) {
    cfnFunction.code = {
      s3Bucket: s3Location.bucketName,
      s3Key: s3Location.objectKey,
      s3ObjectVersion: s3Location.objectVersion,
    };
    code.bindToResource(cfnFunction);
  }
}
