"""Formats the results for the terminal and for RESULTS.md."""

from typing import Any

from measure import cost, plot
from measure.goals import MIB, goals
from measure.machine import BENCH

RESULTS = BENCH / "RESULTS.md"
# Lines of RESULTS.md that enclose the generated part.
BEGIN, END = "<!-- Written by bench/run, from here … -->", "<!-- … to here. -->"

Results = dict[str, Any]


def write(results: Results) -> None:
    """Replaces the generated part of RESULTS.md and draws the plot."""
    before, rest = RESULTS.read_text().split(BEGIN)
    measured = figures(results)
    parts = [header(results), *(part(measured) for part in PARTS)]
    words = "\n\n".join(part for part in parts if part)
    RESULTS.write_text(f"{before}{BEGIN}\n\n{words}\n\n{END}{rest.split(END)[1]}")
    if "growth" in measured:
        (BENCH / "growth.svg").write_text(growth_plot(measured))


def figures(results: Results) -> Results:
    """Returns the results by section, without date and machine."""
    return {section: kept["figures"] for section, kept in results.items()}


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def header(results: Results) -> str:
    dates = {kept["date"] for kept in results.values()}
    when = " to ".join(sorted({min(dates), max(dates)}))
    machines = "; ".join(sorted({kept["machine"] for kept in results.values()}))
    counted = figures(results).get("instructions", {}).get("counter")
    counter = f" Instructions are counted with {counted.capitalize()}." if counted else ""
    return f"Measured {when} on {machines}.{counter}"


def against_goals(results: Results) -> str:
    rows = [
        [goal.what, f"{'≥' if goal.at_least else '≤'} {number(goal.goal)} {goal.unit}", number(goal.figure),
         f"{goal.ratio:.2f}{'' if goal.ratio <= 1 else ' **missed**'}"]
        for goal in goals(results)
    ]  # fmt: skip
    return table(["measurement", "goal", "result", "ratio"], rows)


def growth(results: Results) -> str:
    if "growth" not in results:
        return ""
    rows = [
        [f"{int(pages):,}", number(f["ms_per_page"]), number(f["cpu_ms_per_page"]),
         number(f["instructions_per_page"] / 1e6) if "instructions_per_page" in f else "", number(f["peak"] / MIB)]
        for pages, f in by_length(results).items()
    ]  # fmt: skip
    head = ["pages", "ms per page", "CPU ms per page", "M instructions per page", "peak MiB"]
    return "## Growth with the number of pages, without latency\n\n![Growth](growth.svg)\n\n" + table(head, rows)


def by_length(results: Results) -> Results:
    """Returns the results of `growth`, with the instructions that the section `instructions` counted."""
    counted = results.get("instructions", {})
    return {
        pages: f | ({"instructions_per_page": counted[pages]["cold"]} if pages in counted else {})
        for pages, f in results["growth"].items()
    }


def growth_plot(results: Results) -> str:
    by_pages = [(int(pages), f) for pages, f in by_length(results).items()]

    def line(title: str, unit: str, key: str, by: float = 1) -> plot.Line:
        return plot.Line(title, unit, [(pages, f[key] / by) for pages, f in by_pages if key in f])

    lines = [
        line("Time per page", "ms, without latency", "ms_per_page"),
        line("Instructions per page", "M", "instructions_per_page", 1e6),
        line("Peak memory", "MiB", "peak", MIB),
    ]
    return plot.svg(lines, "pages")


def small(results: Results) -> str:
    if "small" not in results or "skipped" in results["small"]:
        return ""
    rows = [
        [f"{size} MB", number(f["overhead_ms"]), number(f["gap_ms"]), number(f["cpu_ms"]),
         number(f["peak"] / MIB)]
        for size, f in results["small"].items()
    ]  # fmt: skip
    head = ["function", "ms in excess of page latency", "idle between pages, ms", "CPU ms", "peak MiB"]
    return "## Small functions: 100 pages, latency 200 ms per page and 40 ms for S3\n\n" + table(head, rows)


def crowd(results: Results) -> str:
    if "crowd" not in results:
        return ""
    rows = [
        [f["mode"], str(f["calls_per_second"]), str(f["jobs"]), str(f["concurrency"]), str(f["pages"]),
         number(f["seconds"]), f"{f['quota_share']:.0%}", f"{f['calls_per_served_call']:.2f}"]
        for f in results["crowd"]
    ]  # fmt: skip
    head = ["mode", "quota, calls per second", "jobs", "concurrency", "pages per job", "seconds", "quota used",
            "calls per served call"]  # fmt: skip
    return "## Concurrent jobs under one quota\n\n" + table(head, rows)


def comparison_with_python(results: Results) -> str:
    if "peers" not in results:
        return ""
    rows = []
    for name, of in results["peers"].items():
        for pages in ["10", "100"]:
            f = of[pages]
            rows.append([name, pages, number(f["cpu_ms"]), number(f["seconds"]), number(f["peak"] / MIB),
                         number(f["bytes_written"] / 1e3), *at_smallest_size(f)])  # fmt: skip
    head = ["function", "pages", "CPU ms", "seconds", "peak MiB", "KB written", "smallest function",
            "seconds at that size", "GB-seconds"]  # fmt: skip
    return "## Comparison with Python: latency 200 ms per page and 40 ms for S3\n\n" + table(head, rows)


def at_smallest_size(figures: Results) -> list[str]:
    if "limited" not in figures:
        return ["", "", ""]
    limited = figures["limited"]
    return [f"{limited['megabytes']} MB", number(limited["seconds"]), number(limited["gb_seconds"])]


def costs(results: Results) -> str:
    if "peers" not in results:
        return ""
    parts = ["memory_time", "invocations", "requests", "cold_starts", "all"]
    rows = [
        [name, pages, *(f"{f[part]:.4f}" for part in parts)]
        for name, by_pages in cost.run(results["peers"]).items()
        for pages, f in by_pages.items()
    ]
    formula = (
        f"jobs × (GB × seconds × {GB_SECOND} + invocations × 0.0000002 + puts × 0.000005 + gets × 0.0000004), "
        f"with 1,000,000 detections = jobs × pages × 1,000; list prices of us-east-1 in {cost.PRICES_OF}, in dollars."
    )
    head = ["function", "pages per job", "memory × time", "invocations", "S3 requests", "cold starts, at most",
            "total without cold starts"]  # fmt: skip
    return f"## Cost of a million detections in dollars\n\n{formula}\n\n{table(head, rows)}"


GB_SECOND = f"{cost.GB_SECOND:.10f}"


PARTS = [against_goals, growth, small, crowd, comparison_with_python, costs]
