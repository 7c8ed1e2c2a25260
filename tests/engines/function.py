"""The real function, as a process of its own, and the simulator that has its jobs and hands it its events."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from programs import Program
from services import KEYS, client
from tables import BUCKET, DATABASE


class Simulator:
    """The program `simulator`: Rekognition and the Runtime API of Lambda."""

    def __init__(self, program: Path, recorded: dict[str, list[Path]], arguments: list[str]):
        command = [str(program), *arguments]
        for job_id, files in recorded.items():
            command += ["--recorded", f"{job_id}={','.join(map(str, files))}"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.environment: dict[str, str] = self._read()
        self.rekognition = client("rekognition", self.environment["AWS_ENDPOINT_URL_REKOGNITION"])
        self.last_id = 0

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())

    def send(self, command: dict[str, Any]) -> int:
        """Gives a command; its answer has the number that is returned."""
        assert self.process.stdin
        self.last_id += 1
        self.process.stdin.write(json.dumps({**command, "id": self.last_id}) + "\n")
        self.process.stdin.flush()
        return self.last_id

    def answer(self, numbers: set[int]) -> dict[str, Any]:
        """Waits for one of some answers. Those of invocations that nobody waits for any more are passed over."""
        while (answer := self._read()).get("id") not in numbers:
            pass
        return answer

    def invoke(self, event: dict[str, Any]) -> dict[str, Any]:
        answer = self.answer({self.send({"invoke": event, "timeout_ms": 60_000})})
        if "response" not in answer:
            raise RuntimeError(f"{event['JobId']}: {answer}")
        return answer["response"]

    def stop(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


def start_function(
    program: Path, directory: Path, simulator: Simulator, s3: str, glue: str, aggregate_by: str
) -> Program:
    """Starts the function; it takes events until it is stopped."""
    directory.mkdir(parents=True, exist_ok=True)
    services = {"AWS_ENDPOINT_URL_S3": s3, "AWS_ENDPOINT_URL_GLUE": glue}
    settings = {"OUTPUT_BUCKET": BUCKET, "AGGREGATE_BY": aggregate_by, "GLUE_DATABASE": DATABASE, "RUST_LOG": "info"}
    environment = {**simulator.environment, **KEYS, **services, **settings}
    number = len(list(directory.glob("function-*.log")))
    return Program(f"function-{number}", [str(program)], directory, environment)


def program(root: Path, name: str) -> Path:
    return Path(os.environ.get("CARGO_TARGET_DIR", root / "target")) / "debug" / name
