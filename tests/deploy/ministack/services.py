"""ministack, the emulator of AWS behind the deployed function. The project's simulator stands in for Rekognition."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar

import boto3
from botocore.config import Config

REGION = "us-east-1"
TIMEOUT_SECONDS = 90
Found = TypeVar("Found")


class Ministack:
    """AWS on this machine, with IAM enforced. Functions inherit its environment, and so the simulator's address.

    Use as a context manager. After an error, it prints the end of the log.
    """

    def __init__(self, directory: Path, rekognition: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.environment = os.environ | {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ENDPOINT_URL_REKOGNITION": rekognition,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "SAM_CLI_TELEMETRY": "0",
        }
        own = {
            "AUTH": "true",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            # Otherwise it also listens for IoT devices on all interfaces.
            "IOT_MTLS_ENABLED": "0",
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(directory / "s3"),
        }
        self.log = directory / "ministack.log"
        program = Path(sys.executable).with_name("ministack")
        with self.log.open("w") as log:
            self.process = subprocess.Popen([program], env=self.environment | own, stdout=log, stderr=log)
        wait_until(lambda: "Running on" in self.log.read_text(), "ministack answers")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error:
            print(self.log.read_text()[-4000:], file=sys.stderr)
        self.process.terminate()
        self.process.wait()

    def client(self, service: str, key_id: str = "test", secret: str = "test") -> Any:
        """Returns a client with an access key, by default that of an administrator."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=key_id,
            aws_secret_access_key=secret,
            config=Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}),
        )


def wait_until(found: Callable[[], Found | None], condition: str) -> Found:
    """Polls until `found` returns a true value, and returns that. `condition` says in the error what did not happen."""
    end = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < end:
        if answer := found():
            return answer
        time.sleep(0.1)
    raise AssertionError(f"timed out after {TIMEOUT_SECONDS} s waiting until {condition}")


def say(line: str) -> None:
    print(f"  {line}", flush=True)
