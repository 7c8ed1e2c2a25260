import type { Duration, Size } from "aws-cdk-lib";
import type * as ec2 from "aws-cdk-lib/aws-ec2";
import type * as kms from "aws-cdk-lib/aws-kms";
import type * as lambda from "aws-cdk-lib/aws-lambda";
import type * as logs from "aws-cdk-lib/aws-logs";
import type * as s3 from "aws-cdk-lib/aws-s3";
import type * as sns from "aws-cdk-lib/aws-sns";

/** Aggregations of a job, each with its own table. */
export enum Aggregation {
  /** Detections by time, in the table `label_detections`. */
  TIMESTAMPS = "TIMESTAMPS",
  /** Segments of the video in which a label is visible, in the table `label_segments`. */
  SEGMENTS = "SEGMENTS",
}

/** Properties of the lake. All are optional; the defaults create everything that is needed. */
export interface LabelLakeProps {
  /**
   * An existing bucket in this account and region for the lake. Its policy and life cycle are not changed. For
   * notifications of jobs that are ready, it must send events to EventBridge: `bucket.enableEventBridgeNotification()`.
   * @default - a bucket is created, and retained when the stack is deleted
   */
  readonly bucket?: s3.IBucket;

  /**
   * Prefix of the lake in the bucket, without a slash at either end.
   * @default - no prefix
   */
  readonly prefix?: string;

  /**
   * KMS key that encrypts the bucket.
   * @default - the key of `bucket` if the CDK knows it, else encryption with keys of S3
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * Name of the Glue database to create. It must be unique in the account and region.
   * @default "label_lake"
   */
  readonly databaseName?: string;

  /**
   * Aggregations to export.
   * @default [Aggregation.TIMESTAMPS]
   */
  readonly aggregateBy?: Aggregation[];

  /**
   * Existing standard topic that Rekognition publishes your jobs to.
   * @default - a topic is created
   */
  readonly topic?: sns.ITopic;

  /**
   * Puts an SQS queue between topic and function, and limits the number of concurrent exports to this value, from 2 to
   * 1000. Use it if more jobs complete at the same time than the quota of GetLabelDetection allows to fetch. 12 suits a
   * quota of 20 calls per second (us-east-1, us-west-2, eu-west-1), 3 suits a quota of 5.
   * @default - no queue; the topic invokes the function
   */
  readonly queueConcurrency?: number;

  /**
   * E-mail address that is notified of failures. AWS asks it to confirm the subscription.
   * @default - no notifications, unless `alarmTopic` is set
   */
  readonly alarmEmail?: string;

  /**
   * Topic that is notified of failures, instead of an address. Its policy must allow CloudWatch to publish.
   * @default - no notifications, unless `alarmEmail` is set
   */
  readonly alarmTopic?: sns.ITopic;

  /**
   * The program for `architecture`: a zip with `bootstrap`, such as `lambda.Code.fromAsset("label-lake-arm64.zip")`, or
   * the result of `cargoLambda()`.
   * @default - built with cargo-lambda from the checkout that contains this construct
   */
  readonly code?: lambda.Code;

  /**
   * Processor of the function.
   * @default lambda.Architecture.ARM_64
   */
  readonly architecture?: lambda.Architecture;

  /**
   * Memory of the function in MB, which also determines its CPU share. The memory that an export needs depends on the
   * largest label of a job, not on the length of the video.
   * @default - as in template.yaml
   */
  readonly memorySize?: number;

  /**
   * Timeout of an invocation. A longer export is continued in another invocation, and each continuation writes a
   * checkpoint. The threshold of the alarm on invocations near the timeout is adapted.
   * @default - 15 minutes, the maximum
   */
  readonly timeout?: Duration;

  /**
   * Reserved concurrency, the maximum number of concurrent exports. They share the account's quota of
   * GetLabelDetection. 0 stops the function.
   * @default - no reserved concurrency
   */
  readonly reservedConcurrentExecutions?: number;

  /**
   * Minimum level of the function's log lines. FATAL is not allowed, because it would hide all errors.
   * @default lambda.ApplicationLogLevel.INFO
   */
  readonly logLevel?: lambda.ApplicationLogLevel;

  /**
   * Retention of the function's log.
   * @default logs.RetentionDays.ONE_MONTH
   */
  readonly logRetention?: logs.RetentionDays;

  /**
   * Tracing with X-Ray. ACTIVE samples invocations.
   * @default lambda.Tracing.PASS_THROUGH
   */
  readonly tracing?: lambda.Tracing;

  /**
   * Limit for the data that a query in the workgroup scans. Athena cancels queries that exceed it.
   * @default - 100 GB, which costs about half a dollar
   */
  readonly scanLimit?: Size;

  /**
   * Makes Athena filter partitions with a partition index. Set it after you have created the index (docs/QUERYING.md).
   * @default false
   */
  readonly partitionIndex?: boolean;

  /**
   * VPC that the function runs in. Its subnets need access to Rekognition, S3, Glue and Lambda, through endpoints or a
   * NAT gateway.
   * @default - no VPC
   */
  readonly vpc?: ec2.IVpc;

  /**
   * Subnets of `vpc`.
   * @default - the private subnets
   */
  readonly vpcSubnets?: ec2.SubnetSelection;

  /**
   * Security groups of the function in `vpc`. They must allow outbound HTTPS.
   * @default - none; required with `vpc`
   */
  readonly securityGroups?: ec2.ISecurityGroup[];

  /**
   * Grants the function's role permissions in Lake Formation. Set it if Lake Formation governs the catalog. The
   * deploying user must be a data lake administrator.
   * @default false
   */
  readonly lakeFormation?: boolean;
}
