"""A lake, and the state machine of the stack that keeps its tables of all jobs.

The function writes the lake to SeaweedFS and to moto's Glue. The state machine is that of the template, and runs in
ministack's Step Functions. Its Athena is Trino, on the same lake.
"""

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import all_jobs
import deletion
from athena import WORKGROUP, Athena
from construct_template import TEMPLATE, transformed
from lake import Lake
from on_trino import OnTrino
from programs import LOCALHOST, Program, free_ports, responds
from rows import Served
from services import KEYS, client
from stack import Stack
from tables import BUCKET, DATABASE, create_in_glue
from trino_server import Trino

HERE = Path(__file__).resolve().parent
# Waits and retries of the state machine take this share of their time.
WAIT_SCALE = "0.02"
# Athena writes at most 100 partitions in a statement.
ICEBERG = all_jobs.ICEBERG + "iceberg.max-partitions-per-writer=100\n"
SECONDS = 300

AGGREGATIONS = ("SEGMENTS", "TIMESTAMPS,SEGMENTS", "TIMESTAMPS")
BOTH = "4f1c9a7be26d803e5ab1907c64d2f8350c9e7d41b6a82f53e0d9147ac85b3f62"
"""A job that was recorded in both aggregations."""


class World:
    """The services. `expected` are the jobs that the lake has."""

    def __init__(self, directory: Path) -> None:
        self.lake = Lake(directory)
        self.lake.export()
        create_in_glue(self.lake.glue.client, "ddl-by-job.sql")
        home, s3, glue = Path(os.environ["TRINO_HOME"]), self.lake.s3.url, self.lake.glue.url
        self.trino = Trino(home, directory / "trino", glue, s3, catalogs={"iceberg": ICEBERG}, hive=all_jobs.REDIRECT)
        self.trino.wait(300)
        self.engine: Any = OnTrino(self.trino.port)
        self.athena = Athena(self.trino.port)
        (port,) = free_ports(1)
        self.url = f"http://{LOCALHOST}:{port}"
        settings = {
            "GATEWAY_PORT": str(port),
            "BIND_HOST": LOCALHOST,
            "IOT_MTLS_ENABLED": "0",
            "SFN_WAIT_SCALE": WAIT_SCALE,
        }
        command = [os.environ["MINISTACK_PYTHON"], "-B", str(HERE / "emulator.py")]
        self.emulator = Program("ministack", command, directory, {**KEYS, **settings, "ATHENA_URL": self.athena.url})
        self.emulator.wait_until(lambda: responds(f"{self.url}/_ministack/health"))
        self.states, self.scheduler = client("stepfunctions", self.url), client("scheduler", self.url)
        self.machine = self.create("all-jobs", definition())
        self.small = self.create("small-batches", small_batches())

    @property
    def expected(self) -> list[Served]:
        return self.lake.jobs

    def create(self, name: str, text: str) -> str:
        """Creates a state machine with this definition. Returns its ARN."""
        role = "arn:aws:iam::123456789012:role/none"
        return self.states.create_state_machine(name=name, definition=text, roleArn=role)["stateMachineArn"]

    def start(self, machine: str = "", **given: str) -> str:
        """Starts an execution, of the deployed state machine if no other is given. Returns its ARN."""
        started = self.states.start_execution(stateMachineArn=machine or self.machine, input=json.dumps(given))
        return started["executionArn"]

    def ended(self, execution: str) -> dict[str, Any]:
        """Waits for the end of an execution."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            found = self.states.describe_execution(executionArn=execution)
            if found["status"] != "RUNNING":
                return found
            threading.Event().wait(0.1)
        raise AssertionError(f"the execution is still running after {SECONDS} s: {self.emulator.last_lines()}")

    def run(self, machine: str = "", **given: str) -> None:
        """Runs an execution, which has to succeed."""
        found = self.ended(self.start(machine, **given))
        assert found["status"] == "SUCCEEDED", found

    def check(self) -> None:
        """The tables of all jobs have exactly the rows of the committed jobs."""
        for name, differences in all_jobs.same_rows(self.engine, self.expected):
            assert not differences, (name, differences)

    def overwrite(self, job: Served, aggregate_by: str, completed_at_ms: int | None = None) -> None:
        """Exports a job again, with other aggregations or another completion time."""
        event = job.event if completed_at_ms is None else job.event | {"Timestamp": completed_at_ms}
        with self.lake.function(aggregate_by):
            self.lake.simulator.invoke(event | {"Overwrite": True})
        self.expected[self.expected.index(job)] = self.lake.served(event, aggregate_by.split(","))

    def change_time(self) -> None:
        """Exports a job again with another completion time, so its rows have the same number, and another content."""
        job = self.lake.job(BOTH)
        self.overwrite(job, ",".join(job.aggregate_by), job.event.get("Timestamp", 0) + 1)

    def change(self) -> None:
        """Overwrites a job with other aggregations than before, so its rows and labels change."""
        job = self.lake.job(BOTH)
        position = AGGREGATIONS.index(",".join(job.aggregate_by))
        self.overwrite(job, AGGREGATIONS[(position + 1) % len(AGGREGATIONS)])

    def delete(self, job_id: str = deletion.JOB) -> Served:
        """Deletes a job, and returns it."""
        job = self.lake.job(job_id)
        assert deletion.delete(self.lake, job_id).returncode == 0
        self.expected.remove(job)
        return job

    def export(self, job: Served) -> None:
        """Exports a job that was deleted."""
        with self.lake.function(",".join(job.aggregate_by)):
            self.lake.simulator.invoke(job.event)
        self.expected.append(job)

    def stop(self) -> None:
        self.emulator.stop()
        self.trino.program.stop()
        self.lake.stop()


def definition() -> str:
    """Returns the definition of the state machine that the template deploys."""
    parameters = {"AllJobs": "Daily", "ExistingBucket": BUCKET, "DatabaseName": DATABASE}
    stack = Stack(transformed(TEMPLATE.read_text()), partition="aws", **parameters)
    text = stack.resources["AllJobsMachine"]["Properties"]["DefinitionString"]
    return text.replace("<WorkGroup>", WORKGROUP).replace("<Database>", DATABASE)


BATCHES = 3
"""Batches that a query of World.small returns at most."""


def small_batches() -> str:
    """Returns the definition with batches of about two jobs, and few of them in a query."""
    text = definition()
    assert text.count("20000000") == 2 and "50 * 20000000" in text
    return text.replace("50 *", f"{BATCHES} *").replace("20000000", "80000")
