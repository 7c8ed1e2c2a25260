"""Writes the files of queries/ into template.yaml, as saved queries of Athena.

Run `python3 queries/saved_queries.py` after a change of a query, and cdk/update-template after that.
"""

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

QUERIES = Path(__file__).resolve().parent
TEMPLATE = QUERIES.parent / "template.yaml"
# Lines of the template that enclose the queries.
BEGIN, END = "  # queries: begin\n", "  # queries: end\n"
CONDITION = "KeepsAllJobs"
"""Condition of the template for the queries of the tables of all jobs."""


@dataclass(frozen=True)
class SavedQuery:
    """A query of Athena. The first paragraph of its comment is the description."""

    text: str
    of_all_jobs: bool = False
    """True if the query reads a table of all jobs, which exists only if the stack keeps it."""

    @property
    def paragraphs(self) -> list[str]:
        """Returns the paragraphs of the comment."""
        comment = [line.removeprefix("--").strip() for line in self.text.splitlines() if line.startswith("--")]
        return [" ".join(paragraph.split("\n")) for paragraph in "\n".join(comment).split("\n\n")]

    @property
    def description(self) -> str:
        return self.paragraphs[0]

    @property
    def statement(self) -> str:
        return "\n".join(line for line in self.text.splitlines() if not line.startswith("--"))


def files() -> dict[str, SavedQuery]:
    """Returns the queries of queries/ and queries/all/ by name."""
    found = {path: path.read_text(encoding="utf-8").strip() for path in sorted(QUERIES.rglob("*.sql"))}
    return {path.stem: SavedQuery(text, path.parent != QUERIES) for path, text in found.items()}


def from_all_jobs(name: str, query: SavedQuery) -> SavedQuery:
    """Returns a query with all_jobs in place of jobs: a few files instead of one for each job.

    The rows of a single job stay in the table with a partition for each label, where they are found fastest.
    """
    paragraphs = [
        f"{query.description} From all_jobs.",
        *[line for line in query.paragraphs if line.startswith("Parameter")],
        f"The saved query {name} explains the rest. This one reads all_jobs instead of jobs: a few files instead of one"
        " for each job, but without the jobs since all_jobs was last brought up to date.",
    ]
    wrapped = ["\n".join(f"-- {line}" for line in textwrap.wrap(paragraph, 117)) for paragraph in paragraphs]
    statement = re.sub(r"\b(FROM|JOIN) jobs\b", r"\1 all_jobs", query.statement)
    return SavedQuery("\n--\n".join(wrapped) + f"\n{statement}", of_all_jobs=True)


def saved_queries() -> dict[str, SavedQuery]:
    """Returns the queries by name: those of the files, and variants of the others that read all_jobs."""
    of_files = files()
    variants = {
        f"{name}-from-all-jobs": from_all_jobs(name, query) for name, query in of_files.items() if not query.of_all_jobs
    }
    return dict(sorted((of_files | variants).items()))


def resource(name: str, query: SavedQuery) -> str:
    """Returns the resource of a query, in YAML."""
    logical_id = "Query" + "".join(word.capitalize() for word in name.split("-"))
    condition = f"    Condition: {CONDITION}\n" if query.of_all_jobs else ""
    text = "\n".join(f"        {line}".rstrip() for line in query.text.splitlines())
    description = query.description.replace('"', '\\"')
    return f"""  {logical_id}:
    Type: AWS::Athena::NamedQuery
{condition}    Properties:
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
