import { Token } from "aws-cdk-lib";
import type { Parameter, Value, Values } from "./conditions";
import { Aggregation, type LabelLakeProps } from "./props";

/** Converts properties to parameters of the template. `undefined` leaves a parameter at its default. */
function given(props: LabelLakeProps): { [parameter: string]: Value | undefined } {
  const key = props.encryptionKey ?? props.bucket?.encryptionKey;
  const { videos } = props;
  return {
    ExistingBucket: props.bucket?.bucketName,
    OutputPrefix: props.prefix,
    BucketKeyArn: key?.keyArn,
    DatabaseName: props.databaseName,
    AggregateBy: props.aggregateBy && inOrder(props.aggregateBy).join(","),
    ExistingTopicArn: props.topic?.topicArn,
    UseQueue: yes(props.queueConcurrency !== undefined),
    MaximumConcurrency: props.queueConcurrency,
    VideoBucket: videos?.bucket.bucketName,
    VideoSuffixes: videos?.suffixes,
    VideoBucketKeyArn: (videos?.encryptionKey ?? videos?.bucket.encryptionKey)?.keyArn,
    MinConfidence: videos?.minConfidence?.toString(),
    IncludeLabels: videos?.includeLabels,
    ExcludeLabels: videos?.excludeLabels,
    JobTag: videos?.jobTag,
    AlarmEmail: props.alarmEmail,
    AlarmTopicArn: props.alarmTopic?.topicArn,
    Architecture: props.architecture?.name,
    MemorySize: props.memorySize,
    ReservedConcurrency: props.reservedConcurrentExecutions,
    LogLevel: props.logLevel,
    LogRetentionDays: props.logRetention,
    Tracing: props.tracing,
    ScanLimitBytes: props.scanLimit?.toBytes(),
    PartitionIndex: yes(props.partitionIndex),
    AllJobs: props.allJobs,
    SubnetIds: props.vpc?.selectSubnets(props.vpcSubnets).subnetIds,
    SecurityGroupIds: props.securityGroups?.map((group) => group.securityGroupId),
    LakeFormation: yes(props.lakeFormation),
  };
}

/** Returns the value of every parameter. Throws an error if a value violates the rules of the template. */
export function parameterValues(parameters: { [name: string]: Parameter }, props: LabelLakeProps): Values {
  if ((props.vpc === undefined) !== (props.securityGroups === undefined)) {
    throw new Error("vpc and securityGroups must be set together");
  }
  const values: Values = {};
  for (const [name, parameter] of Object.entries(parameters)) {
    const { Type, Default } = parameter;
    values[name] = Type === "CommaDelimitedList" ? String(Default).split(",").filter(Boolean) : Default;
  }
  for (const [name, value] of Object.entries(given(props))) {
    if (value !== undefined) {
      check(name, parameters[name], value);
      values[name] = value;
    }
  }
  return values;
}

function check(name: string, rules: Parameter, value: Value): void {
  if (Array.isArray(value)) {
    // CloudFormation applies the rules to each item of a list, and has a single empty item in an empty list.
    for (const item of value.length > 0 ? value : [""]) {
      check(name, rules, item);
    }
    return;
  }
  if (Token.isUnresolved(value)) {
    return;
  }
  const allowed =
    (rules.AllowedValues?.map(String).includes(String(value)) ?? true) &&
    new RegExp(rules.AllowedPattern ?? "").test(String(value)) &&
    (rules.MinValue === undefined || Number(value) >= rules.MinValue) &&
    (rules.MaxValue === undefined || Number(value) <= rules.MaxValue);
  if (!allowed) {
    const values = rules.AllowedValues ? ` Allowed values: ${rules.AllowedValues.join(", ")}.` : "";
    throw new Error(`${name} cannot be ${JSON.stringify(value)}. ${rules.Description}${values}`);
  }
}

const inOrder = (chosen: Aggregation[]): Aggregation[] =>
  [Aggregation.TIMESTAMPS, Aggregation.SEGMENTS].filter((aggregation) => chosen.includes(aggregation));

const yes = (value: boolean | undefined): string | undefined =>
  value === undefined ? undefined : value ? "Yes" : "No";
