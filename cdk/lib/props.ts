import { Duration, Size } from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as kms from "aws-cdk-lib/aws-kms";
import * as lambda from "aws-cdk-lib/aws-lambda";
import * as logs from "aws-cdk-lib/aws-logs";
import * as s3 from "aws-cdk-lib/aws-s3";
import * as sns from "aws-cdk-lib/aws-sns";

/** What to fetch of a job, and so which table it fills. */
export enum Aggregation {
  /** Detections by time: the table `label_detections`. */
  TIMESTAMPS = "TIMESTAMPS",
  /** Parts of the video in which a label is seen: the table `label_segments`. */
  SEGMENTS = "SEGMENTS",
}

/** Everything has a default, and the defaults make all that is needed. */
export interface LabelLakeProps {
  /**
   * A bucket of this account and region for the lake. Its policy and life cycle stay as they are. For notices of jobs
   * that are ready it has to send its events to EventBridge: `bucket.enableEventBridgeNotification()`.
   * @default - a bucket is created, and kept when the stack is deleted
   */
  readonly bucket?: s3.IBucket;

  /**
   * Prefix of the lake in the bucket, without a slash at either end.
   * @default - the bucket itself
   */
  readonly prefix?: string;

  /**
   * The key that encrypts the bucket.
   * @default - the key of `bucket` if the CDK knows of one, or S3's own encryption
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * Name of the Glue database to create. Another stack in this account and region needs another name.
   * @default "label_lake"
   */
  readonly databaseName?: string;

  /**
   * What to fetch of a job.
   * @default [Aggregation.TIMESTAMPS]
   */
  readonly aggregateBy?: Aggregation[];

  /**
   * The standard topic that your Rekognition jobs publish to already.
   * @default - a topic is created
   */
  readonly topic?: sns.ITopic;

  /**
   * Puts an SQS queue between topic and function, and exports at most so many jobs at once, 2 to 1000: for accounts
   * where more jobs end at once than may be fetched at once. 12 suits a quota of 20 calls of GetLabelDetection a
   * second (us-east-1, us-west-2, eu-west-1), 3 one of 5.
   * @default - no queue: the topic invokes the function
   */
  readonly queueConcurrency?: number;

  /**
   * Address that is told when something fails. AWS asks it to confirm.
   * @default - nobody is told, unless `alarmTopic` is given
   */
  readonly alarmEmail?: string;

  /**
   * Topic that is told when something fails, instead of an address. CloudWatch has to be allowed to publish to it.
   * @default - nobody is told, unless `alarmEmail` is given
   */
  readonly alarmTopic?: sns.ITopic;

  /**
   * The program: a zip that holds `bootstrap`, as `lambda.Code.fromAsset("label-lake-arm64.zip")`, or what
   * `cargoLambda()` builds. It has to be for `architecture`.
   * @default - built by cargo-lambda from the checkout that this construct is in
   */
  readonly code?: lambda.Code;

  /**
   * Processor of the function.
   * @default lambda.Architecture.ARM_64
   */
  readonly architecture?: lambda.Architecture;

  /**
   * Memory of the function in MB; the processor comes with it. Memory is bounded by the largest label of a job, not by
   * the length of the video.
   * @default - as in template.yaml
   */
  readonly memorySize?: number;

  /**
   * How long an invocation may take. A job that needs longer is handed on to the next, and each hand-over costs a
   * checkpoint. The alarm on invocations near the timeout follows.
   * @default - 15 minutes, Lambda's longest
   */
  readonly timeout?: Duration;

  /**
   * How many jobs are exported at once, at most. They share the account's quota of GetLabelDetection. 0 stops the
   * function.
   * @default - nothing is reserved
   */
  readonly reservedConcurrentExecutions?: number;

  /**
   * Least level of the function's log lines. Not FATAL, which would hide every error.
   * @default lambda.ApplicationLogLevel.INFO
   */
  readonly logLevel?: lambda.ApplicationLogLevel;

  /**
   * How long log lines are kept.
   * @default logs.RetentionDays.ONE_MONTH
   */
  readonly logRetention?: logs.RetentionDays;

  /**
   * ACTIVE samples invocations with X-Ray.
   * @default lambda.Tracing.PASS_THROUGH
   */
  readonly tracing?: lambda.Tracing;

  /**
   * A query in the workgroup that scans more is stopped.
   * @default - 100 GB, which cost about half a dollar
   */
  readonly scanLimit?: Size;

  /**
   * Whether the tables have a partition index, created as docs/QUERYING.md says: Athena then lets the index filter.
   * @default false
   */
  readonly partitionIndex?: boolean;

  /**
   * The network that the function has to run in. Its subnets need a way to Rekognition, S3, Glue and Lambda: endpoints
   * or a NAT gateway.
   * @default - no VPC
   */
  readonly vpc?: ec2.IVpc;

  /**
   * Which subnets of `vpc`.
   * @default - the private ones
   */
  readonly vpcSubnets?: ec2.SubnetSelection;

  /**
   * Security groups of the function in `vpc`. They have to let HTTPS out.
   * @default - none; needed with `vpc`
   */
  readonly securityGroups?: ec2.ISecurityGroup[];

  /**
   * Whether Lake Formation governs the catalog: the function's role is granted the tables there too. Whoever deploys
   * has to be a data lake administrator.
   * @default false
   */
  readonly lakeFormation?: boolean;
}
