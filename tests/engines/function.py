"""Runs the function as a process that takes events from the simulator."""

import os
from pathlib import Path

from programs import Program
from services import KEYS
from simulator import Simulator
from tables import BUCKET, DATABASE


def start_function(
    program: Path, directory: Path, simulator: Simulator, s3: str, glue: str, aggregate_by: str
) -> Program:
    """Starts the function. It takes events until it is stopped."""
    directory.mkdir(parents=True, exist_ok=True)
    services = {"AWS_ENDPOINT_URL_S3": s3, "AWS_ENDPOINT_URL_GLUE": glue}
    settings = {"OUTPUT_BUCKET": BUCKET, "AGGREGATE_BY": aggregate_by, "GLUE_DATABASE": DATABASE, "RUST_LOG": "info"}
    environment = {**simulator.environment, **KEYS, **services, **settings}
    number = len(list(directory.glob("function-*.log")))
    return Program(f"function-{number}", [str(program)], directory, environment)


def program(root: Path, name: str) -> Path:
    """Returns the path of a program of the debug build."""
    return Path(os.environ.get("CARGO_TARGET_DIR", root / "target")) / "debug" / name
