"""The simulator as a program: Rekognition, S3 and the Runtime API of Lambda. Commands are lines of JSON."""

from __future__ import annotations

import json
import subprocess
from typing import Any


class Simulator:
    def __init__(self, program: str, *arguments: str) -> None:
        self.process = subprocess.Popen([program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.environment: dict[str, str] = self.answer()

    def answer(self) -> dict[str, Any]:
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())

    def command(self, **command: Any) -> dict[str, Any]:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def calls(self, operation: str) -> int:
        """How often an operation was asked for so far."""
        return self.command(requests=True)["requests"].get(operation, {"count": 0})["count"]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()
