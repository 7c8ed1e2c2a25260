"""Runs the program of docs/QUERYING.md that keeps the tables of all jobs without the stack."""

import os
import re
import subprocess
import sys

import served
from function import program
from programs import LOCALHOST
from tables import BUCKET, DATABASE
from world import World


def runs_the_documented_program(world: World) -> str:
    """The program takes in jobs that were overwritten and deleted. With nothing to do, it changes nothing."""
    label_lake = program(served.ROOT, "label-lake")
    changed = documented_program(world.trino.port)
    world.change()
    deleted = world.delete()
    for _ in range(2):
        subprocess.run(
            [sys.executable, "-c", changed],
            env={**os.environ, "PATH": f"{label_lake.parent}:{os.environ['PATH']}"},
            check=True,
        )
        world.check()
    world.export(deleted)
    world.run()
    return "the program in docs/QUERYING.md takes in pending jobs"


def documented_program(port: int) -> str:
    """Returns the program for the server and the lake of the test. Its catalog of Hive tables has another name."""
    blocks = re.findall(r"```python\n(.*?)```", (served.ROOT / "docs/QUERYING.md").read_text(), re.DOTALL)
    (text,) = (block for block in blocks if "trino.dbapi" in block)
    for documented, here in (
        ('"trino.example.com", 443,', f'"{LOCALHOST}", {port},'),
        ('"s3://my-lake/video"]', f'"s3://{BUCKET}", "--database", "{DATABASE}"]'),
        ("capture_output=True,\n).stdout", 'capture_output=True,\n).stdout.replace("hive.", "awsdatacatalog.")'),
    ):
        assert documented in text, documented
        text = text.replace(documented, here)
    return text
