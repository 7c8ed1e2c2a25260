"""The saved queries of the template are the files of queries/. Run it to write them into the template."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "template.yaml"
BEGIN, END = "  # queries: begin\n", "  # queries: end\n"


@dataclass(frozen=True)
class SavedQuery:
    """A file of queries/: its question is the comment's first paragraph."""

    text: str
    question: str


def saved_queries() -> dict[str, SavedQuery]:
    found = {}
    for path in sorted((ROOT / "queries").glob("*.sql")):
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
    logical = "Query" + "".join(word.capitalize() for word in name.split("-"))
    text = "\n".join(f"        {line}".rstrip() for line in query.text.splitlines())
    question = query.question.replace('"', '\\"')
    return f"""  {logical}:
    Type: AWS::Athena::NamedQuery
    Properties:
      Name: {name}
      Description: "{question}"
      WorkGroup: !Ref WorkGroup
      Database: !Ref Database
      QueryString: |
{text}
"""


def with_queries(template: str) -> str:
    before, rest = template.split(BEGIN)
    _, after = rest.split(END)
    queries = "\n".join(resource(name, query) for name, query in saved_queries().items())
    return f"{before}{BEGIN}{queries}{END}{after}"


if __name__ == "__main__":
    TEMPLATE.write_text(with_queries(TEMPLATE.read_text()))
