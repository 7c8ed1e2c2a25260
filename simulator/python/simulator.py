"""A client for the simulator's program, which serves Rekognition, S3, Glue, SQS and Lambda's Runtime API.

Commands and answers are lines of JSON on standard input and output.
"""

import json
import select
import subprocess
from pathlib import Path
from typing import Any, Self


class Simulator:
    """A running simulator and the environment variables with its endpoints. Use as a context manager."""

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
        """Stops the program by closing its input, even if commands are in progress."""
        self.process.communicate()

    def send(self, **command: Any) -> int:
        """Sends a command. Returns the ID that its answer will have."""
        assert self.process.stdin
        self.last_id += 1
        print(json.dumps(command | {"id": self.last_id}), file=self.process.stdin, flush=True)
        return self.last_id

    def answer(self, ids: set[int]) -> dict[str, Any]:
        """Waits for the answer to any of these commands. Discards others, for example of abandoned invocations."""
        while (answer := self._read()).get("id") not in ids:
            # The answer to an invalid command has no ID.
            assert "id" in answer, answer
        return answer

    def has_answered(self, seconds: float) -> bool:
        """Waits for an answer for at most so many seconds. Returns true if there is one to read."""
        assert self.process.stdout
        return bool(select.select([self.process.stdout], [], [], seconds)[0])

    def ask(self, **command: Any) -> dict[str, Any]:
        """Sends a command and returns its answer."""
        return self.answer({self.send(**command)})

    def invoke(self, event: dict[str, Any], timeout_ms: int = 60_000) -> Any:
        """Invokes the function and returns its response."""
        answer = self.ask(invoke=event, timeout_ms=timeout_ms)
        return succeeded(answer | {"event": event})["response"]

    def requests(self) -> dict[str, dict[str, int]]:
        """Returns the number of requests by operation, with failures and bytes."""
        return self.ask(requests=True)["requests"]

    def calls(self, operation: str) -> int:
        """Returns the number of requests for an operation so far."""
        return self.requests().get(operation, {"count": 0})["count"]

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())


def succeeded(answer: dict[str, Any]) -> dict[str, Any]:
    """Returns the answer to an invocation, or raises an error if the function failed."""
    if "response" not in answer:
        raise RuntimeError(f"the invocation failed: {answer}")
    return answer
