"""Builds the state machine of the tables of all jobs from the files of this folder, and writes it into template.yaml.

Run `python3 all-jobs/definition.py` after a change in this folder, and cdk/update-template after that. With --print, it
prints the definition as JSON instead. There, `${…}` stands for what the template knows, and `{…}` for what an execution
knows.
"""

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
TEMPLATE = HERE.parent / "template.yaml"
# Lines of the template that enclose the definition.
BEGIN, END = "        # definition: begin\n", "        # definition: end\n"


def statement(path: Path) -> str:
    """Returns the SQL of a file on one line, without its comments."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("--")]
    return " ".join(" ".join(lines).split())


def definition() -> dict[str, Any]:
    """Returns the definition. Its first state knows the statements by the names of their files."""
    machine: dict[str, Any] = json.loads((HERE / "state-machine.asl.json").read_text())
    statements = {path.stem: statement(path) for path in sorted(HERE.glob("*.sql"))}
    machine["States"]["Begin"]["Assign"]["statements"] = statements
    return machine


def with_definition(template: str) -> str:
    """Returns the template with the current definition."""
    before, rest = template.split(BEGIN)
    _, after = rest.split(END)
    lines = "\n".join(f"          {line}" for line in json.dumps(definition(), indent=1).splitlines())
    return f"{before}{BEGIN}        - |\n{lines}\n{END}{after}"


if __name__ == "__main__":
    if "--print" in sys.argv[1:]:
        print(json.dumps(definition(), indent=2))
    else:
        TEMPLATE.write_text(with_definition(TEMPLATE.read_text()))
