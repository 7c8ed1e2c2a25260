"""Formats the results as Markdown, for RESULTS.md and for the terminal."""

from typing import Any

from measure import cost, plot
from measure.goals import MIB, goals
from measure.machine import BENCH

RESULTS = BENCH / "RESULTS.md"
# Lines of RESULTS.md that enclose the generated part.
BEGIN, END = "<!-- Written by bench/run, from here … -->", "<!-- … to here. -->"

# In `write`, `figures` and `header`, each section also has its date and machine; elsewhere, only its figures.
Results = dict[str, Any]


def write(results: Results) -> None:
    """Replaces the generated part of RESULTS.md and draws the plot."""
    before, rest = RESULTS.read_text().split(BEGIN)
    measured = figures(results)
    parts = [header(results), *(format_part(measured) for format_part in PARTS)]
    generated = "\n\n".join(part for part in parts if part)
    RESULTS.write_text(f"{before}{BEGIN}\n\n{generated}\n\n{END}{rest.split(END)[1]}")
    if "growth" in measured:
        (BENCH / "growth.svg").write_text(growth_plot(measured))


def figures(results: Results) -> Results:
    """Returns the figures of each section, without its date and machine."""
    return {section: result["figures"] for section, result in results.items()}


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def header(results: Results) -> str:
    dates = {result["date"] for result in results.values()}
    when = " to ".join(sorted({min(dates), max(dates)}))
    machines = "; ".join(sorted({result["machine"] for result in results.values()}))
    counter = figures(results).get("instructions", {}).get("counter")
    counted = f" Instructions are counted with {counter.capitalize()}." if counter else ""
    return f"Measured {when} on {machines}.{counted}"


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
        for pages, f in growth_by_pages(results).items()
    ]  # fmt: skip
    head = ["pages", "ms per page", "CPU ms per page", "M instructions per page", "peak MiB"]
    return "## Growth with the number of pages, without latency\n\n![Growth](growth.svg)\n\n" + table(head, rows)


def growth_by_pages(results: Results) -> Results:
    """Returns the figures of the section `growth` by number of pages.

    The section does not count instructions for the jobs of the section `instructions`; those counts are added here.
    """
    counted = results.get("instructions", {})
    return {
        pages: f | ({"instructions_per_page": counted[pages]["cold"]} if pages in counted else {})
        for pages, f in results["growth"].items()
    }


def growth_plot(results: Results) -> str:
    by_pages = [(int(pages), f) for pages, f in growth_by_pages(results).items()]

    def line(title: str, unit: str, key: str, divisor: float = 1) -> plot.Line:
        return plot.Line(title, unit, [(pages, f[key] / divisor) for pages, f in by_pages if key in f])

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
    for name, by_pages in results["peers"].items():
        for pages in ["10", "100"]:
            f = by_pages[pages]
            rows.append([name, pages, number(f["cpu_ms"]), number(f["seconds"]), number(f["peak"] / MIB),
                         number(f["bytes_written"] / 1e3), *at_smallest_size(f)])  # fmt: skip
    head = ["function", "pages", "CPU ms", "seconds", "peak MiB", "KB written", "smallest size", "seconds at that size",
            "GB-seconds"]  # fmt: skip
    return "## Comparison with Python: latency 200 ms per page and 40 ms for S3\n\n" + table(head, rows)


def at_smallest_size(figures: Results) -> list[str]:
    """Returns the cells for the smallest function size at which the job succeeded. Empty if it was not measured."""
    if "limited" not in figures:
        return ["", "", ""]
    limited = figures["limited"]
    return [f"{limited['megabytes']} MB", number(limited["seconds"]), number(limited["gb_seconds"])]


def redelivery(results: Results) -> str:
    if "redelivery" not in results:
        return ""
    rows = [
        [name, f"{f['rows']:,}", f"{f['twice']['rows']:,}", f"{f['failed_once']['rows']:,}"]
        for name, f in results["redelivery"].items()
    ]
    head = ["function", "delivered once", "delivered twice", "failed at an upload, then delivered again"]
    return "## Rows in the lake after a message is delivered again: 10 pages\n\n" + table(head, rows)


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
        f"jobs × (GB × seconds × {cost.GB_SECOND:.10f} + invocations × 0.0000002 + puts × 0.000005 "
        "+ gets × 0.0000004), where jobs × pages × 1,000 is 1,000,000 detections. "
        f"The prices are the list prices of us-east-1 in {cost.PRICES_OF}."
    )
    head = ["function", "pages per job", "memory × time", "invocations", "S3 requests", "cold starts, at most",
            "total without cold starts"]  # fmt: skip
    return f"## Cost of a million detections in dollars\n\n{formula}\n\n{table(head, rows)}"


def reports(results: Results) -> str:
    if "reports" not in results:
        return ""
    rows = [
        [f"{int(pages):,}", number(f["seconds"]), number(f["cpu_seconds"]), number(f["peak"] / MIB),
         number(f["bytes_without_samples"] / 1e3), number(f["bytes"] / 1e6)]
        for pages, f in results["reports"].items()
    ]  # fmt: skip
    head = ["pages", "seconds", "CPU seconds", "peak MiB", "KB without samples", "MB"]
    return "## `label-lake report`\n\n" + table(head, rows)


PARTS = [against_goals, growth, small, crowd, comparison_with_python, redelivery, costs, reports]
