"""Writes the files of queries/ into template.yaml, as saved queries of Athena.

Run `python3 queries/saved_queries.py` after a change of a query, and cdk/update-template after that.
"""

from dataclasses import dataclass
from pathlib import Path

QUERIES = Path(__file__).resolve().parent
TEMPLATE = QUERIES.parent / "template.yaml"
# Lines of the template that enclose the queries.
BEGIN, END = "  # queries: begin\n", "  # queries: end\n"


@dataclass(frozen=True)
class SavedQuery:
    """A file of queries/. The first paragraph of its comment is the description."""

    text: str
    description: str


def saved_queries() -> dict[str, SavedQuery]:
    """Returns the queries by name."""
    found = {}
    for path in sorted(QUERIES.glob("*.sql")):
        text = path.read_text().strip()
        lines = []
        for line in text.splitlines():
            words = line.removeprefix("--").strip()
            if not line.startswith("--") or not words:
                break
            lines.append(words)
        found[path.stem] = SavedQuery(text, " ".join(lines))
    return found


def resource(name: str, query: SavedQuery) -> str:
    """Returns the resource of a query, in YAML."""
    logical_id = "Query" + "".join(word.capitalize() for word in name.split("-"))
    text = "\n".join(f"        {line}".rstrip() for line in query.text.splitlines())
    description = query.description.replace('"', '\\"')
    return f"""  {logical_id}:
    Type: AWS::Athena::NamedQuery
    Properties:
      Name: {name}
      Description: "{description}"
      WorkGroup: !Ref WorkGroup
      Database: !Ref Database
      QueryString: |
{text}
"""


def with_queries(template: str) -> str:
    """Returns the template with the current queries."""
    before, rest = template.split(BEGIN)
    _, after = rest.split(END)
    queries = "\n".join(resource(name, query) for name, query in saved_queries().items())
    return f"{before}{BEGIN}{queries}{END}{after}"


if __name__ == "__main__":
    TEMPLATE.write_text(with_queries(TEMPLATE.read_text()))
