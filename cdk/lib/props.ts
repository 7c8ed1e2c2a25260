import type { Duration, Size } from "aws-cdk-lib";
import type * as ec2 from "aws-cdk-lib/aws-ec2";
import type * as kms from "aws-cdk-lib/aws-kms";
import type * as lambda from "aws-cdk-lib/aws-lambda";
import type * as logs from "aws-cdk-lib/aws-logs";
import type * as s3 from "aws-cdk-lib/aws-s3";
import type * as sns from "aws-cdk-lib/aws-sns";

/** The way in which Rekognition aggregates the results of a job. Each aggregation fills its own table. */
export enum Aggregation {
  /** Labels by timestamp, in the table `label_detections`. */
  TIMESTAMPS = "TIMESTAMPS",
  /** Segments of the video in which a label is visible, in the table `label_segments`. */
  SEGMENTS = "SEGMENTS",
}

/** How often jobs are taken into the tables of all jobs. */
export enum AllJobs {
  DAILY = "Daily",
  HOURLY = "Hourly",
}

/** Videos for which the stack starts label detection jobs. */
export interface Videos {
  /**
   * Existing bucket in this account and region. A job is started for each new video in it. The bucket has to send events
   * to EventBridge: call `bucket.enableEventBridgeNotification()`.
   */
  readonly bucket: s3.IBucket;

  /**
   * Ends of the keys of videos, in lower or upper case. Other objects in the bucket are ignored.
   * @default [".mp4", ".mov"]
   */
  readonly suffixes?: string[];

  /**
   * KMS key that encrypts the videos. Set it for a bucket whose key the CDK does not know.
   * @default - the key of `bucket` if the CDK knows it, else no KMS key
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * Lowest confidence of a label to return, from 0 to 100.
   * @default - 50, the default of Rekognition
   */
  readonly minConfidence?: number;

  /**
   * Labels to detect, 100 at most.
   * @default - all labels
   */
  readonly includeLabels?: string[];

  /**
   * Labels to leave out, 100 at most.
   * @default - none
   */
  readonly excludeLabels?: string[];

  /**
   * Tag of the jobs, in their completion messages.
   * @default - no tag
   */
  readonly jobTag?: string;
}

/** Properties of the lake. All are optional: by default, the construct creates all resources that it needs. */
export interface LabelLakeProps {
  /**
   * An existing bucket in this account and region for the lake. The construct does not change the bucket's policy or
   * its lifecycle rules. `LabelLake.readyTopic` works only if the bucket sends events to EventBridge: call
   * `bucket.enableEventBridgeNotification()`.
   * @default - a bucket is created; it is retained when the stack is deleted
   */
  readonly bucket?: s3.IBucket;

  /**
   * Prefix of the lake in the bucket, without a slash at either end.
   * @default - no prefix
   */
  readonly prefix?: string;

  /**
   * KMS key that encrypts the bucket. Set it for an existing bucket whose key the CDK does not know.
   * @default - the key of `bucket` if the CDK knows it, else no KMS key (SSE-S3)
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * Name of the Glue database to create. It must be unique in the account and region.
   * @default "label_lake"
   */
  readonly databaseName?: string;

  /**
   * Aggregations to fetch and export for each job.
   * @default [Aggregation.TIMESTAMPS]
   */
  readonly aggregateBy?: Aggregation[];

  /**
   * Existing SNS standard topic to which Rekognition publishes the completion of your jobs.
   * @default - a topic is created
   */
  readonly topic?: sns.ITopic;

  /**
   * Maximum number of concurrent exports, from 2 to 1000. Puts an SQS queue between topic and function, in which other
   * jobs wait. Set it if so many jobs complete at the same time that the quota of GetLabelDetection does not suffice.
   * Use 12 for a quota of 20 calls per second (us-east-1, us-west-2, eu-west-1), and 3 for a quota of 5.
   * @default - no queue: the topic invokes the function directly
   */
  readonly queueConcurrency?: number;

  /**
   * Starts a label detection job for each new video in a bucket, as soon as Rekognition has a free slot. Rekognition bills
   * each job; docs/OPERATIONS.md has the costs.
   * @default - you start the jobs yourself
   */
  readonly videos?: Videos;

  /**
   * E-mail address to notify of failures. AWS sends it a request to confirm the subscription.
   * @default - no notifications, unless `alarmTopic` is set
   */
  readonly alarmEmail?: string;

  /**
   * SNS topic to notify of failures, instead of an e-mail address. Its policy must allow CloudWatch to publish.
   * @default - no notifications, unless `alarmEmail` is set
   */
  readonly alarmTopic?: sns.ITopic;

  /**
   * Code of the function, compiled for `architecture`: a zip file that contains `bootstrap`, such as
   * `lambda.Code.fromAsset("label-lake-arm64.zip")`, or the result of `cargoLambda()`.
   * @default - the program in this package; in a checkout, it is built with cargo-lambda
   */
  readonly code?: lambda.Code;

  /**
   * CPU architecture of the function.
   * @default lambda.Architecture.ARM_64
   */
  readonly architecture?: lambda.Architecture;

  /**
   * Memory of the function in MB. Lambda gives it CPU in proportion. An export needs memory for the label of the job
   * with the most rows, regardless of the length of the video.
   * @default 256
   */
  readonly memorySize?: number;

  /**
   * Timeout of an invocation. An export that takes longer saves a checkpoint and continues in another invocation. The
   * alarm `FunctionNearTimeout` adapts to this timeout.
   * @default - 15 minutes, the maximum
   */
  readonly timeout?: Duration;

  /**
   * Reserved concurrency of the function, which is also the maximum number of concurrent exports. All exports share the
   * account's quota of GetLabelDetection. 0 stops the function: events then go to the dead-letter queue. With
   * `queueConcurrency`, use at least that value.
   * @default - no reserved concurrency
   */
  readonly reservedConcurrentExecutions?: number;

  /**
   * Lowest level of log lines that the function writes. FATAL is rejected, because it would hide all errors.
   * @default lambda.ApplicationLogLevel.INFO
   */
  readonly logLevel?: lambda.ApplicationLogLevel;

  /**
   * Retention period of the function's log lines.
   * @default logs.RetentionDays.ONE_MONTH
   */
  readonly logRetention?: logs.RetentionDays;

  /**
   * Tracing with X-Ray. ACTIVE traces a sample of the invocations.
   * @default lambda.Tracing.PASS_THROUGH
   */
  readonly tracing?: lambda.Tracing;

  /**
   * Maximum amount of data that a query in the Athena workgroup may scan. Athena cancels queries that exceed it.
   * @default - 100 GB, which costs about half a dollar
   */
  readonly scanLimit?: Size;

  /**
   * Makes Athena use a partition index of the Glue tables. Create the index first, as described in docs/QUERYING.md. It
   * is worthwhile from about 10,000 partitions.
   * @default false
   */
  readonly partitionIndex?: boolean;

  /**
   * Keeps the tables `all_detections`, `all_segments` and `all_jobs`, which answer questions over thousands of jobs in
   * seconds. docs/OPERATIONS.md says what this costs.
   * @default - these tables are not kept
   */
  readonly allJobs?: AllJobs;

  /**
   * VPC in which the function runs. Its subnets need a route to Rekognition, S3, Glue and Lambda, through endpoints or
   * a NAT gateway.
   * @default - the function does not run in a VPC
   */
  readonly vpc?: ec2.IVpc;

  /**
   * Subnets of `vpc` in which the function runs.
   * @default - the private subnets of `vpc`
   */
  readonly vpcSubnets?: ec2.SubnetSelection;

  /**
   * Security groups of the function in `vpc`. They must allow outbound HTTPS.
   * @default - none; required with `vpc`
   */
  readonly securityGroups?: ec2.ISecurityGroup[];

  /**
   * Grants the function's role access to the tables in Lake Formation. Set it to true if Lake Formation governs the
   * Glue data catalog. You have to deploy the stack as a data lake administrator.
   * @default false
   */
  readonly lakeFormation?: boolean;
}
