"""Breaks the template by changing a word or two at a time, and checks that every such mutation is found."""

import json
import sys

import bucket_template
import release_template
import released
import static

NOTIFIES = "AlarmActions: !If [HasAlarmTopic, [!If [CreateAlarmTopic, !Ref AlarmTopic, !Ref AlarmTopicArn]], []]"
# A composite alarm that notifies instead of one of its two alarms.
COMPOSITE = f"""
  SomethingFailed:
    Type: AWS::CloudWatch::CompositeAlarm
    Properties:
      AlarmRule: !Sub ALARM("${{EventsDropped}}") OR ALARM("${{EventsNotKept}}")
      {NOTIFIES}

  EventsNotKept:
"""

MUTATIONS: tuple[tuple[str, str], ...] = (
    ("FilterPolicyScope: !If [CreateTopic, !Ref AWS::NoValue, MessageBody]", "FilterPolicyScope: MessageBody"),
    ("!Ref AWS::NoValue, MessageBody]", "!Ref AWS::NoValue, MessageBdy]"),
    ("!Ref AWS::NoValue, { API: [StartLabelDetection, LABEL_DETECTION] }]", "!Ref AWS::NoValue, { API: [Faces] }]"),
    (
        "!If [CreateTopic, !Ref AWS::NoValue, { API: [StartLabelDetection, LABEL_DETECTION] }]",
        "{ API: [StartLabelDetection, LABEL_DETECTION] }",
    ),
    ("RedrivePolicy: { deadLetterTargetArn: !GetAtt FailedQueue.Arn }", "RawMessageDelivery: false"),
    (
        "OnFailure: { Type: SQS, Destination: !GetAtt FailedQueue.Arn }",
        "OnSuccess: { Type: SQS, Destination: !GetAtt FailedQueue.Arn }",
    ),
    ("MaximumRetryAttempts: 2", "MaximumRetryAttempts: 0"),
    ("RecursiveLoop: Allow", "RecursiveLoop: Terminate"),
    ("Runtime: provided.al2023", "Runtime: provided.al2"),
    ("Timeout: 900", "Timeout: 901"),
    ("FunctionResponseTypes: [ReportBatchItemFailures]", "FunctionResponseTypes: []"),
    ("VisibilityTimeout: 1800", "VisibilityTimeout: 900"),
    ("- rekognition:GetLabelDetection", "- rekognition:GetLabelDetections"),
    ("- s3:ListBucket", "- s3:ListBuckets"),
    ("                  - glue:BatchGetPartition\n", ""),
    ("- glue:GetTable\n", "- glue:Get*\n"),
    ("table/${DatabaseName}/label_segments", "table/label_segments"),
    (":catalog\n", ":catalogue\n"),
    ("arn:${AWS::Partition}:s3:::${Lake}/${Folder}*", "arn:aws:s3:::${Lake}/${Folder}*"),
    ("- !Sub ${Function.Arn}:*", "- !Sub ${Function}:*"),
    ('Type: bigint, Comment: "Timestamp: milliseconds', 'Type: bigintt, Comment: "Timestamp: milliseconds'),
    ("Name: instance_confidence, Type: float", "Name: instance_confidence, Type: double"),
    ("TableType: EXTERNAL_TABLE", "TableType: MANAGED_TABLE"),
    ("${Folder}label_detections/", "${Folder}label_detections"),
    ("DeletionPolicy: RetainExceptOnCreate", "DeletionPolicy: Delete"),
    ("DeletionPolicy: RetainExceptOnCreate", "DeletionPolicy: Retain"),
    ("    UpdateReplacePolicy: Retain\n", ""),
    ("ExpirationInDays: 15", "ExpirationInDays: 1"),
    ("BlockPublicPolicy: true", "BlockPublicPolicy: false"),
    ('aws:SecureTransport: "false"', 'aws:SecureTransport: "true"'),
    ("RecursiveDeleteOption: true", "RecursiveDeleteOption: false"),
    ("MetricName: AsyncEventsDropped", "MetricName: AsyncEventDropped"),
    ("MetricName: NumberOfNotificationsFailedToRedriveToDlq", "MetricName: NumberOfNotificationsFailedToRedriveToDLQ"),
    ("MetricName: FailedJobs", "MetricName: JobsFailed"),
    ("MetricName: FailedAttempts", "MetricName: FailedJobs"),
    ("      MetricName: Errors\n", "      MetricName: Invocations\n"),
    ('["LabelLake", "FailedAttempts"', '["LabelLake", "FailedJobs"'),
    ("      EvaluationPeriods: 6\n      DatapointsToAlarm: 1\n", "      EvaluationPeriods: 1\n"),
    ("      EvaluationPeriods: 6\n      DatapointsToAlarm: 1\n", "      EvaluationPeriods: 6\n"),
    ("      EvaluationPeriods: 10\n      DatapointsToAlarm: 6\n", "      EvaluationPeriods: 6\n"),
    ("      Period: 900\n      EvaluationPeriods: 3\n", "      Period: 900\n      EvaluationPeriods: 2\n"),
    ("      Period: 60\n      EvaluationPeriods: 5\n", "      Period: 60\n      EvaluationPeriods: 1\n"),
    ("      Period: 60\n      EvaluationPeriods: 5\n", "      Period: 300\n      EvaluationPeriods: 6\n"),
    ("              - athena:GetQueryResultsStream\n", ""),
    ("workgroup/${WorkGroup}\n", "workgroup/*\n"),
    ("${Lake}/${Folder}jobs/*", "${Lake}/${Folder}*"),
    ("database/default\n", "database/primary\n"),
    ("{ StringLike: { s3:prefix: ", "{ StringEquals: { s3:prefix: "),
    ("Value: !Ref ReaderPolicy", "Value: !GetAtt WorkGroup.Arn"),
    ("!If [InGovCloud, console.amazonaws-us-gov.com,", "!If [InGovCloud, us-gov-west-1.console.aws.amazon.com,"),
    ("Namespace: LabelLake", "Namespace: Labellake"),
    (
        "Dimensions: [{ Name: QueueName, Value: !GetAtt FailedQueue.QueueName }]",
        "Dimensions: [{ Name: QueueUrl, Value: !Ref FailedQueue }]",
    ),
    (
        "Dimensions: [{ Name: FunctionName, Value: !Ref Function }]",
        "Dimensions: [{ Name: FunctionName, Value: !GetAtt Function.Arn }]",
    ),
    (
        "            Principal: { Service: events.amazonaws.com }\n",
        "            Principal: { Service: events.amazonaws.com }\n"
        "            Condition: { ArnEquals: { aws:SourceArn: !GetAtt ReadyRule.Arn } }\n",
    ),
    (
        "            Condition: { StringEquals: { aws:SourceAccount: !Ref AWS::AccountId } }\n",
        "",
    ),
    (
        "Condition: { ArnEquals: { aws:SourceArn: !If [CreateTopic, !Ref Topic, !Ref ExistingTopicArn] } }",
        "Condition: { StringEquals: { aws:PrincipalAccount: !Ref AWS::AccountId } }",
    ),
    ("Dimensions: [{ Name: RuleName, Value: !Ref ReadyRule }]", "Dimensions: [{ Name: RuleName, Value: ready }]"),
    ("Threshold: 259200", "Threshold: 604800"),
    # A query of a table that does not exist in every stack.
    (
        "    Condition: KeepsAllJobs\n    Properties:\n      Name: pairs-of-labels\n",
        "    Properties:\n      Name: pairs-of-labels\n",
    ),
    (NOTIFIES, "AlarmActions: []"),
    (NOTIFIES.replace("Alarm", "OK", 1), "OKActions: []"),
    (NOTIFIES, f"ActionsEnabled: false\n      {NOTIFIES}"),
    (NOTIFIES, "AlarmActions: [!Ref ReadyTopic]"),
    (f"      {NOTIFIES}\n\n  EventsNotKept:\n", COMPOSITE),
    ('"${ReadyNotSent.Arn}"${QueueAlarm}', '"${ReadyNotSent.Arn}"'),
    ("ApplicationLogLevel: TRACE", "ApplicationLogLevel: !Ref LogLevel"),
    ("ApplicationLogLevel: TRACE", "ApplicationLogLevel: INFO"),
    ("          RUST_LOG: !Ref LogLevel\n", ""),
    ("RUST_LOG: !Ref LogLevel", "RUST_LOG: INFO"),
    ('["LabelLake", "Pages"', '["LabelLake", "Page"'),
    ("!GetAtt RekognitionRole.Arn", "!GetAtt RekognitionRoles.Arn"),
    ("MessageRetentionPeriod: 1209600", "MessageRetentionPeriod: 345600"),
    # Tables of all jobs.
    ("!If [Hourly, rate(1 hour), rate(1 day)]", "!If [Hourly, rate(1 day), rate(1 hour)]"),
    ("cron(20 3 ? * SUN *)", "cron(20 3 ? * * *)"),
    ('Input: \'{"task": "maintain"}\'', 'Input: \'{"task": "maintenance"}\''),
    ("    DependsOn: [AllJobsExecutionPolicy]\n", ""),
    ("        RoleArn: !GetAtt AllJobsScheduleRole.Arn\n", "        RoleArn: !GetAtt AllJobsRole.Arn\n"),
    ("      StateMachineType: STANDARD\n", "      StateMachineType: EXPRESS\n"),
    ("s3://${Lake}${Folder}\n", "s3://${Lake}/${Folder}\n"),
    ('!If [HasPrefix, !Sub "/${OutputPrefix}", ""]', '!If [HasPrefix, !Sub "${OutputPrefix}", ""]'),
    ('"Database": "${Database}"', '"Database": "${DatabaseName}s"'),
    ("WHEN MATCHED THEN DELETE", "WHEN MATCHED THEN UPDATE SET job_id = s.job_id"),
    ('"Next": "HasFinished"', '"Next": "HasFinish"'),
    ("Principal: { Service: scheduler.amazonaws.com }", "Principal: { Service: events.amazonaws.com }"),
    ("                  - glue:CreateTable\n", ""),
    ("                  - s3:AbortMultipartUpload\n", "                  - s3:*\n"),
    ("- states:ListExecutions\n", "- states:ListExecution\n"),
    (
        "                  - HasPrefix\n                  - { StringLike",
        "                  - Governed\n                  - { StringLike",
    ),
    ("[^/\"'\\\\*?", '[^/"*?'),
    ("table/${DatabaseName}/all_detections", "table/${DatabaseName}/*"),
    ("${Lake}/${Folder}all/*", "${Lake}/${Folder}*"),
    ("                - KeepsAllJobs\n                - !Sub\n", "                - Hourly\n                - !Sub\n"),
    ("projection.job_id.type: injected", "projection.job_id.type: enum"),
    ("        Name: label_segments_by_job\n", "        Name: label_segments_by_jobs\n"),
    ("    Condition: KeepsAllJobs\n", ""),
    ("    Type: AWS::Scheduler::Schedule\n    Condition: KeepsAllJobs\n", "    Type: AWS::Scheduler::Schedule\n"),
    ("MetricName: ExecutionsFailed", "MetricName: ExecutionsTimedOut"),
    ("MetricName: ExecutionsSucceeded", "MetricName: ExecutionsSucceed"),
    ("TreatMissingData: missing", "TreatMissingData: notBreaching"),
    ("ComparisonOperator: LessThanThreshold", "ComparisonOperator: GreaterThanThreshold"),
    ("      Period: 86400\n", "      Period: 3600\n"),
    (NOTIFIES.replace("Alarm", "InsufficientData", 1), "InsufficientDataActions: []"),
    ('!If [KeepsAllJobs, !Sub \', "${AllJobsFailed.Arn}", "${AllJobsMissing.Arn}"\', ""]', '""'),
    # Starting jobs.
    ("    Type: AWS::Events::Rule\n    Condition: StartsVideos\n", "    Type: AWS::Events::Rule\n"),
    ("    Type: AWS::SQS::Queue\n    Condition: StartsVideos\n", "    Type: AWS::SQS::Queue\n"),
    ("    Condition: StartsVideos\n    Value: !Ref Starter\n", "    Value: !Ref Starter\n"),
    ("          - !If\n            - StartsVideos\n", "          - !If\n            - CreateTopic\n"),
    ('"bucket": {"name": ["${VideoBucket}"]}', '"bucket": {"name": ["${ExistingBucket}"]}'),
    ('{"suffix": {"equals-ignore-case": "${Suffixes}"}}', '{"suffix": "${Suffixes}"}'),
    ('Suffixes: !Join [\'"}}, {"suffix": ', 'Suffixes: !Join [\'"}}, {"prefix": '),
    (
        '{"source": ["aws.s3"], "detail-type": ["Object Created"]',
        '{"source": ["aws.s3"], "detail-type": ["Object Deleted"]',
    ),
    ("          DeadLetterConfig: { Arn: !GetAtt FailedQueue.Arn }\n", ""),
    ("          Arn: !GetAtt VideoQueue.Arn\n", "          Arn: !GetAtt FailedQueue.Arn\n"),
    ("        maxReceiveCount: 1000\n", "        maxReceiveCount: 5\n"),
    ("      VisibilityTimeout: 120\n", "      VisibilityTimeout: 30\n"),
    (
        "            Resource: !GetAtt VideoQueue.Arn\n"
        "            Condition: { ArnEquals: { aws:SourceArn: !GetAtt VideoRule.Arn } }\n",
        "            Resource: !GetAtt VideoQueue.Arn\n"
        "            Condition: { ArnEquals: { aws:SourceArn: !GetAtt ReadyRule.Arn } }\n",
    ),
    (
        "              Condition: { ArnEquals: { aws:SourceArn: !GetAtt VideoRule.Arn } }\n"
        "            - !Ref AWS::NoValue\n",
        "            - !Ref AWS::NoValue\n",
    ),
    (
        '!GetAtt VideoQueue.Arn\n            Condition: { Bool: { aws:SecureTransport: "false" } }\n',
        '!GetAtt VideoQueue.Arn\n            Condition: { Bool: { aws:SecureTransport: "true" } }\n',
    ),
    ("      Handler: starter\n", "      Handler: bootstrap\n"),
    ("      Timeout: 60\n", "      Timeout: 300\n"),
    ("      Role: !GetAtt StarterRole.Arn\n", "      Role: !GetAtt FunctionRole.Arn\n"),
    (
        "        MaximumRetryAttempts: 0\n        MaximumEventAgeInSeconds: 60\n",
        "        MaximumEventAgeInSeconds: 60\n",
    ),
    ("        LogGroup: !Ref StarterLogGroup\n", "        LogGroup: !Ref LogGroup\n"),
    (
        "          TOPIC_ARN: !If [CreateTopic, !Ref Topic, !Ref ExistingTopicArn]\n",
        "          TOPIC_ARN: !Ref ReadyTopic\n",
    ),
    ("          VIDEO_QUEUE_URL: !Ref VideoQueue\n", "          VIDEO_QUEUE_URL: !GetAtt VideoQueue.Arn\n"),
    (
        '          INCLUDE_LABELS: !Join [",", !Ref IncludeLabels]\n',
        '          INCLUDE_LABELS: !Join [",", !Ref ExcludeLabels]\n',
    ),
    ("                  - rekognition:StartLabelDetection\n", "                  - rekognition:StartLabelDetections\n"),
    ("                Condition: { StringEquals: { iam:PassedToService: rekognition.amazonaws.com } }\n", ""),
    ("                Resource: !GetAtt RekognitionRole.Arn\n", '                Resource: "*"\n'),
    ("                  - s3:GetObjectVersion\n", ""),
    ("s3:::${VideoBucket}/*\n", "s3:::${VideoBucket}*\n"),
    ("                  - sqs:ChangeMessageVisibility\n", ""),
    ("                Resource: !GetAtt StarterLogGroup.Arn\n", "                Resource: !GetAtt LogGroup.Arn\n"),
    ("                  Resource: !Ref VideoBucketKeyArn\n", '                  Resource: "*"\n'),
    # The function's own role must not grow.
    (
        "                  - rekognition:GetLabelDetection\n",
        "                  - rekognition:GetLabelDetection\n                  - rekognition:StartLabelDetection\n",
    ),
    (
        "              - !If\n                - Queued\n                - Sid: TakeJobs\n",
        "              - !If\n                - StartsVideos\n                - Sid: TakeJobs\n",
    ),
    (
        "          AGGREGATE_BY: !Ref AggregateBy\n",
        "          AGGREGATE_BY: !If [StartsVideos, TIMESTAMPS, !Ref AggregateBy]\n",
    ),
    (
        "      Endpoint: !GetAtt Starter.Arn\n",
        "      Endpoint: !GetAtt Starter.Arn\n      RedrivePolicy: { deadLetterTargetArn: !GetAtt FailedQueue.Arn }\n",
    ),
    (
        "      Endpoint: !GetAtt Starter.Arn\n",
        "      Endpoint: !GetAtt Starter.Arn\n"
        "      FilterPolicyScope: MessageBody\n      FilterPolicy: { Status: [SUCCEEDED] }\n",
    ),
    ("      Endpoint: !GetAtt Starter.Arn\n", "      Endpoint: !GetAtt Function.Arn\n"),
    (
        "      FunctionName: !Ref Starter\n      Action: lambda:InvokeFunction\n",
        "      FunctionName: !Ref Function\n      Action: lambda:InvokeFunction\n",
    ),
    ("      ScheduleExpression: rate(1 minute)\n", "      ScheduleExpression: rate(1 hour)\n"),
    ("        RoleArn: !GetAtt StarterScheduleRole.Arn\n", "        RoleArn: !GetAtt StarterRole.Arn\n"),
    (
        "RetryPolicy: { MaximumEventAgeInSeconds: 60, MaximumRetryAttempts: 0 }",
        "RetryPolicy: { MaximumEventAgeInSeconds: 60, MaximumRetryAttempts: 9 }",
    ),
    ("                Resource: !GetAtt Starter.Arn\n", "                Resource: !GetAtt Function.Arn\n"),
    ("!GetAtt VideoQueue.QueueName }]", "!GetAtt FailedQueue.QueueName }]"),
    ("MetricName: VideosNotStarted", "MetricName: StartsRefused"),
    ("MetricName: InvocationsFailedToBeSentToDlq", "MetricName: InvocationsSentToDlq"),
    ("Value: !Ref VideoRule }", "Value: !Ref ReadyRule }"),
    ("14 days.\n      Threshold: 86400\n", "14 days.\n      Threshold: 1209600\n"),
    ('"${StarterErrors.Arn}", "${VideoEventsNotKept.Arn}"\'', '"${StarterErrors.Arn}"\''),
    ('["LabelLake", "VideosStarted"', '["LabelLake", "VideoStarted"'),
    ('"title": "Jobs started"', '"title": "Jobs started",'),
    ("--bucket ${VideoBucket} --output json) &&", "--bucket ${VideoBucket} --output json) ||"),
    (
        '      - Label: { default: "Starting jobs for new videos" }\n        Parameters: [VideoBucket, ',
        '      - Label: { default: "Starting jobs for new videos" }\n        Parameters: [',
    ),
)

# Mutations of the templates that dist/ makes, which only the checks in released.py can find.
OF_BUCKET_TEMPLATE: tuple[tuple[str, str], ...] = (
    ("label-lake-${Architecture}.zip", "label-lake-arm64.zip"),
    ('"HasCodeKey",', '"HasPrefix",'),
    ('"S3Bucket": {"Ref": "CodeBucket"}', '"S3Bucket": {"Ref": "ExistingBucket"}'),
    ('"CodeBucket": {"Type": "String",', '"CodeBucket": {"Type": "String", "Default": "artifacts",'),
    ('"Parameters": ["CodeBucket", "CodeKey"]', '"Parameters": ["CodeBucket"]'),
    (
        '"Properties": {"Description": "Permissions of',
        '"Properties": {"RoleName": "lake", "Description": "Permissions of',
    ),
    ('{"AWSTemplateFormatVersion"', '{"Transform": "AWS::Serverless-2016-10-31", "AWSTemplateFormatVersion"'),
)
OF_APPLICATION: tuple[tuple[str, str], ...] = (
    ("SemanticVersion: ", "SemanticVersion: 9."),
    ("Author: label-lake-authors", "Author: the authors of Label Lake"),
    ("SpdxLicenseId: Apache-2.0", "SpdxLicenseId: MIT OR Apache-2.0"),
    ("    ReadmeUrl: serverlessrepo.md\n", ""),
    ("data-lake]", "data lake]"),
    ("    Labels:", "    HomePageUrl: http://example.com\n    Labels:"),
)
# A mutation of template.yaml that changes the variables of the Terraform module.
OF_PARAMETERS = ("    MaxValue: 1000\n", "    MaxValue: 100\n")


def run(text: str) -> int:
    """Prints the mutations that were not found. Returns the exit status: 1 if there is one."""
    missed = 0
    for old, new in MUTATIONS:
        if old not in text:
            print(f"template.yaml does not contain {old!r}; update MUTATIONS", file=sys.stderr)
            missed += 1
            continue
        found = static.findings(text.replace(old, new, 1))
        if not found:
            print(f"not found: {old!r} -> {new!r}", file=sys.stderr)
            missed += 1
    print(f"mutations: {len(MUTATIONS) - missed} of {len(MUTATIONS)} found")
    return 1 if missed else 0


def run_released(text: str) -> int:
    """Does the same with the templates that dist/ makes."""
    missed = []
    template = json.dumps(bucket_template.bucket_template(text))
    for old, new in OF_BUCKET_TEMPLATE:
        if old not in template or not list(released.of_bucket_template(json.loads(template.replace(old, new, 1)))):
            missed.append((old, new))
    application = release_template.application(text)
    for old, new in OF_APPLICATION:
        if old not in application or not list(released.of_application(application.replace(old, new, 1))):
            missed.append((old, new))
    if OF_PARAMETERS[0] not in text or not list(released.of_terraform(text.replace(*OF_PARAMETERS))):
        missed.append(OF_PARAMETERS)
    for old, new in missed:
        print(f"not found in a release: {old!r} -> {new!r}", file=sys.stderr)
    count = len(OF_BUCKET_TEMPLATE) + len(OF_APPLICATION) + 1
    print(f"mutations of a release: {count - len(missed)} of {count} found")
    return 1 if missed else 0
