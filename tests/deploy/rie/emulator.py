"""AWS's Runtime Interface Emulator, part of the SAM CLI. It starts, stops and times out a function as Lambda does."""

import json
import platform
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Self

import samcli

ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64"}
PROGRAM = f"aws-lambda-rie-{ARCHITECTURES[platform.machine()]}"
INVOKE = "2015-03-31/functions/function/invocations"


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


class Emulator:
    """Runs a function with a timeout. Use as a context manager."""

    def __init__(self, bootstrap: Path, environment: dict[str, str], timeout_seconds: int, log: Path) -> None:
        self.address, self.log = free_address(), log
        program = Path(samcli.__file__).with_name("local") / "rapid" / PROGRAM
        addresses = ("--runtime-interface-emulator-address", self.address, "--runtime-api-address", free_address())
        with log.open("a") as file:
            self.process = subprocess.Popen(
                [program, "--log-level", "error", *addresses, bootstrap],
                env=environment | {"AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout_seconds)},
                stdout=file,
                stderr=file,
            )

    def __enter__(self) -> Self:
        host, port = self.address.split(":")
        end = time.monotonic() + 30
        while True:
            try:
                socket.create_connection((host, int(port))).close()
                return self
            except ConnectionRefusedError:
                assert time.monotonic() < end, f"the emulator did not start: {self.log.read_text()}"
                time.sleep(0.05)

    def __exit__(self, *error: object) -> None:
        self.process.terminate()
        self.process.wait()

    def invoke(self, event: dict[str, Any]) -> tuple[Any, float]:
        """Returns the response, and how many seconds it took."""
        started = time.monotonic()
        request = urllib.request.Request(f"http://{self.address}/{INVOKE}", json.dumps(event).encode())
        try:
            with urllib.request.urlopen(request, timeout=300) as response:
                text = response.read().decode()
        except urllib.error.HTTPError as failed:
            text = failed.read().decode()
        seconds = time.monotonic() - started
        try:
            return json.loads(text), seconds
        except json.JSONDecodeError:
            # The response to a timeout is plain text.
            return text, seconds
