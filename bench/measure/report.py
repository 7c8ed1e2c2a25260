"""What is printed, and what is written into RESULTS.md."""

from typing import Any

from measure import cost, plot
from measure.goals import MIB, goals
from measure.machine import BENCH

RESULTS = BENCH / "RESULTS.md"
BEGIN, END = "<!-- Written by bench/run, from here … -->", "<!-- … to here. -->"

Results = dict[str, Any]


def write(results: Results) -> None:
    """Replaces the figures in RESULTS.md, and draws the plot; the words around them stay."""
    before, rest = RESULTS.read_text().split(BEGIN)
    measured = figures(results)
    parts = [header(results), *(part(measured) for part in PARTS)]
    words = "\n\n".join(part for part in parts if part)
    RESULTS.write_text(f"{before}{BEGIN}\n\n{words}\n\n{END}{rest.split(END)[1]}")
    if "growth" in measured:
        (BENCH / "growth.svg").write_text(growth_plot(measured))


def figures(results: Results) -> Results:
    """The figures of each section, without when and where they were taken."""
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
    return table(["what", "goal", "figure", "ratio"], rows)


def growth(results: Results) -> str:
    if "growth" not in results:
        return ""
    rows = [
        [f"{int(pages):,}", number(f["ms_a_page"]), number(f["cpu_ms_a_page"]),
         number(f["instructions_a_page"] / 1e6) if "instructions_a_page" in f else "", number(f["peak"] / MIB)]
        for pages, f in by_length(results).items()
    ]  # fmt: skip
    head = ["pages", "ms a page", "CPU ms a page", "M instructions a page", "peak MiB"]
    return "## Growth\n\n![Growth](growth.svg)\n\n" + table(head, rows)


def by_length(results: Results) -> Results:
    """The growth, with the instructions that have a section of their own."""
    counted = results.get("instructions", {})
    return {
        pages: f | ({"instructions_a_page": counted[pages]["cold"]} if pages in counted else {})
        for pages, f in results["growth"].items()
    }


def growth_plot(results: Results) -> str:
    by_pages = [(int(pages), f) for pages, f in by_length(results).items()]

    def line(title: str, unit: str, key: str, by: float = 1) -> plot.Line:
        return plot.Line(title, unit, [(pages, f[key] / by) for pages, f in by_pages if key in f])

    lines = [
        line("Time a page", "ms, without latency", "ms_a_page"),
        line("Instructions a page", "M", "instructions_a_page", 1e6),
        line("Peak memory", "MiB", "peak", MIB),
    ]
    return plot.svg(lines, "pages")


def small(results: Results) -> str:
    if "small" not in results or "skipped" in results["small"]:
        return ""
    rows = [
        [f"{size} MB", number(f["over_the_pages_ms"]), number(f["gap_ms"]), number(f["cpu_ms"]),
         number(f["peak"] / MIB)]
        for size, f in results["small"].items()
    ]  # fmt: skip
    head = ["function", "ms over the pages", "gap, ms", "CPU ms", "peak MiB"]
    return "## Small functions: 100 pages of 200 ms, S3 40 ms\n\n" + table(head, rows)


def crowd(results: Results) -> str:
    if "crowd" not in results:
        return ""
    rows = [
        [f["mode"], str(f["calls_a_second"]), str(f["jobs"]), str(f["at_once"]), str(f["pages"]),
         number(f["seconds"]), f"{f['share_of_the_quota']:.0%}", f"{f['sent_a_served']:.2f}"]
        for f in results["crowd"]
    ]  # fmt: skip
    head = ["mode", "quota, calls a second", "jobs", "at once", "pages a job", "seconds", "of the quota",
            "calls sent for one served"]  # fmt: skip
    return "## Many jobs under one quota\n\n" + table(head, rows)


def beside_python(results: Results) -> str:
    if "peers" not in results:
        return ""
    rows = []
    for name, of in results["peers"].items():
        for pages in ["10", "100"]:
            f = of[pages]
            rows.append([name, pages, number(f["cpu_ms"]), number(f["seconds"]), number(f["peak"] / MIB),
                         number(f["bytes_written"] / 1e3), *at_its_smallest(f)])  # fmt: skip
    head = ["function", "pages", "CPU ms", "seconds", "peak MiB", "KB written", "smallest size", "there, s", "GB s"]
    return "## Beside Python: pages of 200 ms, S3 40 ms\n\n" + table(head, rows)


def at_its_smallest(figures: Results) -> list[str]:
    if "limited" not in figures:
        return ["", "", ""]
    limited = figures["limited"]
    return [f"{limited['megabytes']} MB", number(limited["seconds"]), number(limited["gb_seconds"])]


def costs(results: Results) -> str:
    if "peers" not in results:
        return ""
    parts = ["memory_time", "invocations", "requests", "if_every_start_is_cold", "all"]
    rows = [
        [name, pages, *(f"{f[part]:.4f}" for part in parts)]
        for name, by_pages in cost.run(results["peers"]).items()
        for pages, f in by_pages.items()
    ]
    formula = (
        f"jobs × (GB × seconds × {GB_SECOND} + invocations × 0.0000002 + puts × 0.000005 + gets × 0.0000004), "
        f"with 1,000,000 labels = jobs × pages × 1,000; list prices of us-east-1 of {cost.PRICES_OF}, in dollars."
    )
    head = ["function", "pages a job", "memory × time", "invocations", "S3 requests", "cold starts", "all but those"]
    return f"## A million labels in dollars\n\n{formula}\n\n{table(head, rows)}"


GB_SECOND = f"{cost.GB_SECOND:.10f}"


PARTS = [against_goals, growth, small, crowd, beside_python, costs]
