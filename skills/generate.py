"""Writes the columns and the saved queries into the skill: from tests/golden/tables.json and queries/.

skills/update runs this script. tests/engines checks that the skill is up to date.
"""

import json
import re
from pathlib import Path
from typing import Any

from saved_queries import SavedQuery, files

ROOT = Path(__file__).resolve().parents[1]
SKILL = ROOT / "skills/label-lake-sql/SKILL.md"
COLUMNS = ROOT / "tests/golden/tables.json"


def columns(tables: dict[str, Any]) -> str:
    parts = []
    for name, table in tables.items():
        keys = table.get("partition_keys", [])
        rows = [f"| `{column}` | `{kind}` | {comment} |" for column, kind, comment in [*keys, *table["columns"]]]
        partitions = f" Partition keys: {', '.join(f'`{key}`' for key, *_ in keys)}." if keys else ""
        heading = ["", "| column | type | |", "|---|---|---|"]
        parts.append("\n".join([f"`{name}`: {table['comment']}.{partitions}", *heading, *rows]))
    return "\n\n".join(parts)


def queries(saved: dict[str, SavedQuery]) -> str:
    rows = [
        f"| `{name}` | {query.description} | {parameters(query)} | {', '.join(tables_of(query))} |"
        for name, query in sorted(saved.items())
    ]
    return "\n".join(["| name | returns | parameters | reads |", "|---|---|---|---|", *rows])


def parameters(query: SavedQuery) -> str:
    """Returns what the comment of a query says about its parameters."""
    found = [text.split(": ", 1)[1] for text in query.paragraphs if re.match(r"Parameters?: 1\. ", text)]
    return found[0] if found else "none"


def tables_of(query: SavedQuery) -> list[str]:
    found = re.findall(r"\b(?:FROM|JOIN) (jobs|label_\w+|all_\w+)", query.statement)
    return [f"`{table}`" for table in sorted(set(found))]


def generated(text: str) -> str:
    """Returns the skill with the current columns and queries."""
    for name, content in (("columns", columns(json.loads(COLUMNS.read_text()))), ("queries", queries(files()))):
        begin, end = f"<!-- {name}: begin; written by skills/update -->\n", f"<!-- {name}: end -->\n"
        before, rest = text.split(begin)
        _, after = rest.split(end)
        text = f"{before}{begin}\n{content}\n\n{end}{after}"
    return text


if __name__ == "__main__":
    SKILL.write_text(generated(SKILL.read_text(encoding="utf-8")), encoding="utf-8")
