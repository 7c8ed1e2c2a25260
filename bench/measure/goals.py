"""The goals, and the ratios of the results to them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Results = dict[str, Any]


@dataclass
class Goal:
    what: str
    goal: float
    figure: float
    unit: str
    at_least: bool = False

    @property
    def ratio(self) -> float:
        """Ratio of the result to the goal. The goal is met if it is at most 1."""
        return self.goal / self.figure if self.at_least else self.figure / self.goal


MIB = 2**20
# Goal for the memory of a job, without 64 bytes per row of its largest label.
BASE_MIB = 20


def goals(results: Results) -> Iterator[Goal]:
    """Returns the goals of the sections that have results."""
    for section, of_section in SECTIONS.items():
        if section in results and "skipped" not in results[section]:
            yield from of_section(results)


def of_instructions(results: Results) -> Iterator[Goal]:
    for pages, goal in {"1000": 26, "100": 28, "10": 42}.items():
        figures = results["instructions"][pages]
        if "warm" in figures:
            yield Goal(f"instructions per page, {pages} pages, warm", goal, figures["warm"] / 1e6, "M")
        yield Goal(f"instructions per page, {pages} pages, whole process", goal, figures["cold"] / 1e6, "M")


def of_pace(results: Results) -> Iterator[Goal]:
    figures = results["pace"]
    yield Goal("wall time in excess of 10 pages × 200 ms, first job", figures["allowed_ms"], figures["cold_ms"], "ms")
    yield Goal("wall time in excess of 10 pages × 200 ms, second job", figures["allowed_ms"], figures["warm_ms"], "ms")
    yield Goal("idle time between pages", 2, figures["gap_ms"], "ms")


def of_memory(results: Results) -> Iterator[Goal]:
    for pages, figures in results["memory"].items():
        rows = results.get("files", {}).get(pages, {}).get("rows_of_largest_file", 0)
        goal = BASE_MIB + 64 * rows / MIB
        yield Goal(f"peak memory, {int(pages):,} pages", goal, figures["peak"] / MIB, "MiB")


def of_start(results: Results) -> Iterator[Goal]:
    for trusted, words in {"system": "TLS roots of the system", "one": "one TLS root"}.items():
        figure = results["start"][trusted]["cpu_ms"]
        yield Goal(f"CPU time until the first event is requested, {words}", 1.5, figure, "ms")


def of_size(results: Results) -> Iterator[Goal]:
    yield Goal("zipped binary", 5, results["size"]["zipped"] / 1e6, "MB")


def of_files(results: Results) -> Iterator[Goal]:
    for pages, goal in {"1000": 15, "100": 18.5, "10": 50}.items():
        name = f"bytes per row, {int(pages) * 1000:,} detections"
        yield Goal(name, goal, results["files"][pages]["bytes_per_row"], "B")
    yield Goal("mean size of a file of 10 rows", 2.0, results["files"]["ten_row_files"]["mean"] / 1e3, "KB")


def of_peers(results: Results) -> Iterator[Goal]:
    ours, pandas = results["peers"]["label-lake"], results["peers"]["pandas"]
    for pages in ["10", "100"]:
        times = pandas[pages]["cpu_ms"] / ours[pages]["cpu_ms"]
        yield Goal(f"CPU time compared with AWS SDK for pandas, {pages} pages", 30, times, "times less", at_least=True)
        if "limited" in ours[pages]:
            times = pandas[pages]["limited"]["gb_seconds"] / ours[pages]["limited"]["gb_seconds"]
            name = f"memory × time compared with AWS SDK for pandas, {pages} pages"
            yield Goal(name, 5, times, "times less", at_least=True)


def of_reports(results: Results) -> Iterator[Goal]:
    figures = results["reports"]
    size = figures["1000"]["bytes_without_samples"]
    yield Goal("report without its samples, 1,000 pages", 300, size / 1e3, "KB")
    yield Goal("peak memory of a report, 5,000 pages", 200, figures["5000"]["peak"] / MIB, "MiB")


SECTIONS: dict[str, Callable[[Results], Iterator[Goal]]] = {
    "instructions": of_instructions,
    "pace": of_pace,
    "memory": of_memory,
    "start": of_start,
    "size": of_size,
    "files": of_files,
    "peers": of_peers,
    "reports": of_reports,
}
