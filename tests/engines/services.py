"""S3 (SeaweedFS) and the Glue Data Catalog (moto). These servers share no code with this project."""

import json
import sys
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from programs import LOCALHOST, Program, free_ports, responds

REGION = "us-east-1"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test-secret", "AWS_REGION": REGION}


def client(service: str, url: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        config=Config(s3={"addressing_style": "path"}, max_pool_connections=32, retries={"max_attempts": 2}),
    )


def installed(program: str) -> str:
    """Returns the path of a program that a Python package has installed."""
    return str(Path(sys.executable).parent / program)


class S3:
    """SeaweedFS, with metrics that count the requests."""

    def __init__(self, directory: Path):
        directory.mkdir(parents=True)
        names = ["master", "master.grpc", "volume", "volume.grpc", "filer", "filer.grpc", "s3", "s3.grpc", "metrics"]
        ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.url = f"http://{LOCALHOST}:{ports['s3']}"
        self.metrics_url = f"http://{LOCALHOST}:{ports['metrics']}/metrics"
        keys = {"accessKey": KEYS["AWS_ACCESS_KEY_ID"], "secretKey": KEYS["AWS_SECRET_ACCESS_KEY"]}
        actions = ["Admin", "Read", "Write", "List", "Tagging"]
        configuration = directory / "s3.json"
        configuration.write_text(
            json.dumps({"identities": [{"name": "test", "credentials": [keys], "actions": actions}]})
        )
        command = [
            installed("weed"),
            "server",
            f"-ip={LOCALHOST}",
            f"-ip.bind={LOCALHOST}",
            f"-dir={directory}",
            "-master.telemetry=false",
            "-master.volumeSizeLimitMB=256",
            "-volume.max=40",
            "-s3",
            f"-s3.config={configuration}",
            "-s3.iam=false",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            f"-metricsPort={ports['metrics']}",
        ]
        for name in names[:-1]:
            server, _, grpc = name.partition(".")
            command.append(f"-{server}.port{'.grpc' if grpc else ''}={ports[name]}")
        self.program = Program("seaweedfs", command, directory)
        self.client = client("s3", self.url)

    def wait(self) -> None:
        self.program.wait_until(self._ready)

    def _ready(self) -> bool:
        try:
            self.client.create_bucket(Bucket="ready")
            self.client.put_object(Bucket="ready", Key="ready", Body=b"ready")
        except Exception:  # Any error means that it is not ready.
            return False
        return True

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]

    def download(self, bucket: str, directory: Path) -> None:
        """Downloads all objects of a bucket, for engines that read files. Each key becomes a path.

        Files of the directory that are not in the bucket are removed.
        """
        keys = self.keys(bucket)
        for path in directory.rglob("*"):
            if path.is_file() and str(path.relative_to(directory)) not in keys:
                path.unlink()
        for key in keys:
            path = directory / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.client.get_object(Bucket=bucket, Key=key)["Body"].read())


class Glue:
    """Glue as moto implements it, with the check of versions that moto lacks."""

    def __init__(self, directory: Path):
        directory.mkdir(parents=True)
        (port,) = free_ports(1)
        self.url = f"http://{LOCALHOST}:{port}"
        server = [sys.executable, "-B", str(Path(__file__).with_name("glue_server.py"))]
        self.program = Program("moto", [*server, "-H", LOCALHOST, "-p", str(port)], directory, KEYS)
        self.client = client("glue", self.url)

    def wait(self) -> None:
        self.program.wait_until(lambda: responds(f"{self.url}/moto-api/"))

    def partitions(self, database: str, table: str) -> list[dict[str, Any]]:
        pages = self.client.get_paginator("get_partitions").paginate(DatabaseName=database, TableName=table)
        return [partition for page in pages for partition in page["Partitions"]]
