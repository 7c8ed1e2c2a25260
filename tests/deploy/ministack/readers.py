"""Uses the lake as somebody who has only the stack's policy for readers."""

from collections.abc import Callable

from botocore.exceptions import ClientError

from lake import Lake
from services import say


def reads_only(lake: Lake, job: str) -> None:
    """A user with the policy reads files, tables and partitions, and may change none of them."""
    aws, bucket = lake.deployment.aws, lake.deployment.outputs["BucketName"]
    iam, database = aws.client("iam"), lake.deployment.outputs["DatabaseName"]
    name, row = f"{lake.deployment.name}-reader", f"jobs/job-{job}.parquet"
    iam.create_user(UserName=name)
    iam.attach_user_policy(UserName=name, PolicyArn=lake.deployment.outputs["ReaderPolicyArn"])
    key = iam.create_access_key(UserName=name)["AccessKey"]
    credentials = key["AccessKeyId"], key["SecretAccessKey"]
    s3, glue = (aws.client(service, *credentials) for service in ("s3", "glue"))
    table = {"DatabaseName": database, "TableName": "label_detections"}
    allowed: dict[str, Callable[[], object]] = {
        "read a row": lambda: s3.get_object(Bucket=bucket, Key=row),
        "list jobs": lambda: s3.list_objects_v2(Bucket=bucket, Prefix="jobs/"),
        "read a table": lambda: glue.get_table(DatabaseName=database, Name="jobs"),
        "read partitions": lambda: glue.get_partitions(**table),
    }
    refused: dict[str, Callable[[], object]] = {
        "replace a row": lambda: s3.put_object(Bucket=bucket, Key=row, Body=b""),
        "delete a row": lambda: s3.delete_object(Bucket=bucket, Key=row),
        "read a checkpoint": lambda: s3.get_object(Bucket=bucket, Key="_checkpoints/1"),
        "delete a table": lambda: glue.delete_table(DatabaseName=database, Name="jobs"),
        "add a partition": lambda: glue.batch_create_partition(**table, PartitionInputList=[{"Values": ["1", "2"]}]),
    }
    before = lake.objects()
    for action in allowed.values():
        action()
    for attempt, action in refused.items():
        try:
            action()
        except ClientError as error:
            assert error.response["Error"]["Code"].startswith("AccessDenied"), (attempt, error)
        else:
            raise AssertionError(f"a reader may {attempt}")
    assert lake.objects() == before
    iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    iam.detach_user_policy(UserName=name, PolicyArn=lake.deployment.outputs["ReaderPolicyArn"])
    iam.delete_user(UserName=name)
    say(f"a user with ReaderPolicyArn may {', '.join(allowed)}; not {', '.join(refused)}")
