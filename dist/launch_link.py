"""Prints what to upload to a bucket, and the link with which anyone who may read it creates the stack.

Usage: launch_link.py BUCKET REGION

Lambda takes a program only from a bucket in its own region, so publish to one bucket for each region.
"""

import re
import sys
from urllib.parse import quote, urlencode

from bucket_keys import TEMPLATE, uploads


def link(bucket: str, region: str) -> str:
    """Returns the link to the console's page that creates the stack."""
    # The form of the link is that of the CloudFormation guide, "Create quick-create links".
    console = "console.amazonaws-us-gov.com" if region.startswith("us-gov-") else f"{region}.console.aws.amazon.com"
    template = f"https://{bucket}.s3.{region}.amazonaws.com/{TEMPLATE}"
    asked = {"templateURL": template, "stackName": "label-lake", "param_CodeBucket": bucket}
    query = urlencode(asked, safe="/:", quote_via=quote)
    return f"https://{console}/cloudformation/home?region={region}#/stacks/create/review?{query}"


def objects(bucket: str, region: str) -> str:
    """Returns the ARN of the uploaded objects."""
    partition = "aws-us-gov" if region.startswith("us-gov-") else "aws"
    return f"arn:{partition}:s3:::{bucket}/label-lake/*"


def main(bucket: str, region: str) -> None:
    # With a dot in the name, the certificate of S3 would not match the host name of the bucket.
    if not re.fullmatch("[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", bucket):
        sys.exit(f"error: {bucket!r} cannot be used in a link: the name of the bucket must have no dot")
    if not re.fullmatch("(us-gov|[a-z]{2})-[a-z]+-[0-9]", region) or region.startswith("cn-"):
        sys.exit(f"error: {region!r} is not a region with Rekognition Video, such as eu-west-1")
    print(f"In the directory with the files of the release, upload them to a bucket in {region}:\n")
    for file, uploaded in uploads().items():
        print(f"  aws s3 cp {file} s3://{bucket}/{uploaded} --region {region}")
    print("\nOthers need s3:GetObject on these objects to create a stack. Allow it in the policy of the bucket:\n")
    print(f"  {objects(bucket, region)}")
    print(f"\nThis link creates the stack:\n\n  {link(bucket, region)}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: launch_link.py BUCKET REGION")
    main(*sys.argv[1:])
