"""Deploys the template that takes the function from a bucket, as the link of a release and Terraform do."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from bucket_keys import TEMPLATE, zip_key
from bucket_template import bucket_template
from deployment import ROOT, Deployment, supported
from jobs import Jobs
from lake import Lake
from services import Ministack, say, wait_until
from simulator import Simulator

BUCKET = "artifacts"


def zipped(artifact: Path) -> bytes:
    """Returns the zip of the release, or that of a program that is built for this machine."""
    released = artifact / "label-lake-x86_64.zip"
    if released.exists():
        return released.read_bytes()
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(artifact / "bootstrap", "bootstrap")
    return content.getvalue()


def original(artifact: Path) -> dict[str, Any]:
    """Returns the template of the release, or that which would be in a release of the repository."""
    released = artifact / "template-from-bucket.json"
    if released.exists():
        return json.loads(released.read_text())
    return bucket_template((ROOT / "template.yaml").read_text())


def check_from_bucket(aws: Ministack, simulator: Simulator, jobs: Jobs, directory: Path, artifact: Path) -> None:
    """The stack needs CAPABILITY_IAM only, exports a job, and takes another zip when CodeKey names one."""
    template = original(artifact)
    s3, stacks = aws.client("s3"), aws.client("cloudformation")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key=TEMPLATE, Body=json.dumps(supported(template, plain_http=True)))
    for key in (zip_key("x86_64"), "mine.zip"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=zipped(artifact))
    deployment = Deployment(aws, directory, "from-bucket")
    given = {"CodeBucket": BUCKET, "Architecture": "x86_64", "DatabaseName": "from_bucket"}
    arguments = {
        "StackName": deployment.name,
        "TemplateURL": f"{aws.url}/{BUCKET}/{TEMPLATE}",
        "Capabilities": ["CAPABILITY_IAM"],
    }

    def finish(status: str) -> None:
        def found() -> dict[str, Any] | None:
            (stack,) = stacks.describe_stacks(StackName=deployment.name)["Stacks"]
            assert "ROLLBACK" not in stack["StackStatus"] and "FAILED" not in stack["StackStatus"], stack
            return stack if stack["StackStatus"] == status else None

        outputs = wait_until(found, f"the stack is {status}")["Outputs"]
        deployment.outputs = {output["OutputKey"]: output["OutputValue"] for output in outputs}

    def parameters(**more: str) -> list[dict[str, str]]:
        return [{"ParameterKey": name, "ParameterValue": value} for name, value in (given | more).items()]

    stacks.create_stack(**arguments, Parameters=parameters())
    finish("CREATE_COMPLETE")
    lake = Lake(deployment, simulator)
    assert lake.export(jobs.new())["outcome"] == "EXPORTED"
    s3.delete_object(Bucket=BUCKET, Key=zip_key("x86_64"))
    stacks.update_stack(**arguments, Parameters=parameters(CodeKey="mine.zip"))
    finish("UPDATE_COMPLETE")
    assert lake.export(jobs.new())["outcome"] == "EXPORTED"
    stacks.delete_stack(StackName=deployment.name)
    say("the template with the function in a bucket creates and updates a stack without SAM; jobs are exported")
