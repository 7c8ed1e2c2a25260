"""Draws lines over a logarithmic axis, as SVG."""

from dataclasses import dataclass
from math import log10

WIDTH, HEIGHT = 640, 150
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 28, 26
STYLE = "font: 12px sans-serif; fill: #333"


@dataclass
class Line:
    title: str
    unit: str
    points: list[tuple[int, float]]


def svg(lines: list[Line], axis: str) -> str:
    """Returns a plot with one panel per line, stacked vertically. Each panel starts at zero."""
    places = [log10(place) for line in lines for place, _ in line.points]
    span = min(places), max(places)
    panels = "\n".join(panel(line, number * HEIGHT, span) for number, line in enumerate(lines))
    height = HEIGHT * len(lines) + BOTTOM
    caption = text(WIDTH / 2, height - 8, axis, "middle")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" style="{STYLE}">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{panels}\n{caption}\n</svg>\n'
    )


def panel(line: Line, top: float, span: tuple[float, float]) -> str:
    highest = max(value for _, value in line.points)
    first, last = span
    floor = top + HEIGHT - BOTTOM

    def x(pages: int) -> float:
        return LEFT + (log10(pages) - first) / (last - first) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return floor - value / highest * (HEIGHT - TOP - BOTTOM)

    places = [(x(pages), y(value)) for pages, value in line.points]
    drawn = " ".join(f"{left:.1f},{down:.1f}" for left, down in places)
    marks = "".join(
        f'<circle cx="{left:.1f}" cy="{down:.1f}" r="3" fill="#06c"/>' + text(left, down - 7, f"{value:.3g}", "middle")
        for (left, down), (_, value) in zip(places, line.points, strict=True)
    )
    ticks = "".join(text(x(pages), floor + 15, f"{pages:,}", "middle") for pages, _ in line.points)
    return (
        text(8, top + 14, f"{line.title} ({line.unit})", "start")
        + f'<path d="M{LEFT - 20} {floor}H{WIDTH}" stroke="#999"/>'
        + f'<polyline points="{drawn}" fill="none" stroke="#06c" stroke-width="1.5"/>{marks}{ticks}'
    )


def text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>'
