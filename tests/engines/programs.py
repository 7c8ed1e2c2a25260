"""Runs the programs that the tests need, on free ports of 127.0.0.1. Each has a log and is always stopped."""

import atexit
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

LOCALHOST = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """Returns free ports for programs that cannot choose one themselves. Another program could take them first."""
    sockets = [socket.create_server((LOCALHOST, 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def responds(url: str) -> bool:
    """Returns true if a server responds to a request."""
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except OSError:
        return False


class Program:
    """A process that is killed with its children at the end of its context, or at exit."""

    def __init__(self, name: str, command: list[str], directory: Path, environment: Mapping[str, str] | None = None):
        self.name = name
        self.log = directory / f"{name}.log"
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self.log.open("wb"),
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        atexit.register(self.stop)

    def wait_until(self, ready: Callable[[], bool], seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        while not ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} exited with status {self.process.returncode}:\n{self.last_lines()}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} is not ready after {seconds} s:\n{self.last_lines()}")
            time.sleep(0.05)

    def last_lines(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])

    def stop(self) -> None:
        # The data of the programs is temporary, so they need not shut down cleanly.
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
