"""The simulator as a program: Rekognition, S3, Glue, SQS and the Runtime API of Lambda. Commands are lines of JSON."""

from __future__ import annotations

import json
import select
import subprocess
from pathlib import Path
from typing import Any, Self


class Simulator:
    """The program, and what it listens on. Ends with its block."""

    def __init__(self, program: str | Path, *arguments: str) -> None:
        command = [str(program), *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.environment: dict[str, str] = self._read()
        self.last_id = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Closes its input, with which it ends, whatever it is doing."""
        self.process.communicate()

    def send(self, **command: Any) -> int:
        """Gives a command; its answer has the number that is returned."""
        assert self.process.stdin
        self.last_id += 1
        print(json.dumps(command | {"id": self.last_id}), file=self.process.stdin, flush=True)
        return self.last_id

    def answer(self, numbers: set[int]) -> dict[str, Any]:
        """Waits for one of some answers. Those of invocations that nobody waits for any more are passed over."""
        while (answer := self._read()).get("id") not in numbers:
            # What is no command at all is refused without a number.
            assert "id" in answer, answer
        return answer

    def has_answered(self, seconds: float) -> bool:
        """Waits for an answer to read, so long at most. For one command at a time."""
        assert self.process.stdout
        return bool(select.select([self.process.stdout], [], [], seconds)[0])

    def ask(self, **command: Any) -> dict[str, Any]:
        """Gives a command, and returns its answer."""
        return self.answer({self.send(**command)})

    def invoke(self, event: dict[str, Any], timeout_ms: int = 60_000) -> Any:
        """Invokes the function, and returns its response."""
        answer = self.ask(invoke=event, timeout_ms=timeout_ms)
        return succeeded(answer | {"event": event})["response"]

    def requests(self) -> dict[str, dict[str, int]]:
        """Counts the requests by operation."""
        return self.ask(requests=True)["requests"]

    def calls(self, operation: str) -> int:
        """How often an operation was asked for so far."""
        return self.requests().get(operation, {"count": 0})["count"]

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())


def succeeded(answer: dict[str, Any]) -> dict[str, Any]:
    if "response" not in answer:
        raise RuntimeError(f"the function failed: {answer}")
    return answer
