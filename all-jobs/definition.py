"""Builds the state machine of the tables of all jobs from the files of this folder, and writes it into template.yaml.

Run `python3 all-jobs/definition.py` after a change in this folder, and cdk/update-template after that. With --print, it
prints the definition as JSON instead.
"""

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
TEMPLATE = HERE.parent / "template.yaml"
# Lines of the template that enclose the definition.
BEGIN, END = "      # definition: begin\n", "      # definition: end\n"


def statement(path: Path) -> str:
    """Returns the SQL of a file without its comments."""
    lines = path.read_text().splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("--"))


def definition() -> dict[str, Any]:
    """Returns the definition. Its first state knows the statements by the names of their files."""
    machine: dict[str, Any] = json.loads((HERE / "state-machine.asl.json").read_text())
    statements = {path.stem: statement(path) for path in sorted(HERE.glob("*.sql"))}
    machine["States"]["Begin"]["Assign"]["statements"] = statements
    return machine


def yaml(value: Any, indent: int) -> str:
    """Returns an object as YAML in which each statement is a block of lines."""
    lines = []
    for key, item in value.items():
        start = " " * indent + f"{key}:"
        if isinstance(item, dict) and item:
            lines.append(f"{start}\n{yaml(item, indent + 2)}")
        elif isinstance(item, str) and "\n" in item:
            block = "\n".join(" " * (indent + 2) + line for line in item.splitlines())
            lines.append(f"{start} |-\n{block}")
        else:
            lines.append(f"{start} {json.dumps(item)}")
    return "\n".join(lines)


def with_definition(template: str) -> str:
    """Returns the template with the current definition."""
    before, rest = template.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}      Definition:\n{yaml(definition(), 8)}\n{END}{after}"


if __name__ == "__main__":
    if "--print" in sys.argv[1:]:
        print(json.dumps(definition(), indent=2))
    else:
        TEMPLATE.write_text(with_definition(TEMPLATE.read_text()))
