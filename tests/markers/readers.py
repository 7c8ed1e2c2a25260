"""Reads the files of each format with libraries that are not Label Lake's."""

import csv
import html
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
import webvtt
from lxml import etree

# Start frame, end frame, and name of a marker.
Marker = tuple[int, int, str]


def frame_at(milliseconds: int, rate: Fraction) -> int:
    """Returns the frame that a player shows at a time."""
    return int(Fraction(milliseconds, 1000) * rate)


def vtt(path: Path, rate: Fraction) -> list[Marker]:
    def ms(time: str) -> int:
        hours, minutes, seconds = time.split(":")
        return (int(hours) * 60 + int(minutes)) * 60_000 + int(seconds.replace(".", ""))

    cues = webvtt.read(path)
    return [(frame_at(ms(cue.start), rate), frame_at(ms(cue.end), rate), html.unescape(cue.raw_text)) for cue in cues]


def rows(path: Path) -> list[dict[str, str]]:
    """Returns the rows of a CSV file, without the apostrophe that keeps a spreadsheet from executing a name."""
    with path.open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file, strict=True))
    for row in found:
        assert row["label"][0] not in "=+-@", row
        row["label"] = row["label"].removeprefix("'")
    return found


def timeline(path: Path, adapter: str) -> Any:
    return otio.adapters.read_from_file(str(path), adapter_name=adapter)


def timeline_markers(read: Any, rate: Fraction) -> list[Marker]:
    found = []
    for marker in read.tracks.markers:
        begin, end = marker.marked_range.start_time, marker.marked_range.end_time_exclusive()
        assert abs(begin.rate - float(rate)) < 1e-9, begin
        found.append((whole(begin.value), whole(end.value), marker.name))
    return found


def whole(number: float) -> int:
    assert number == int(number), number
    return int(number)


def xmeml(path: Path) -> Any:
    """Returns the root of an xmeml file that is valid."""
    root = etree.parse(path)
    definition = etree.DTD(Path(__file__).with_name("xmeml.dtd").open("rb"))
    assert definition.validate(root), definition.error_log
    return root.getroot()


def edl(path: Path, rate: Fraction) -> list[tuple[int, int, str, str]]:
    """Returns start frame, end frame, names, and notes of the markers in an EDL. Its frames count from 00:00:00:00."""
    read = otio.adapters.read_from_file(str(path), adapter_name="cmx_3600", rate=float(rate))
    found = []
    for clip in read.tracks[0].find_clips():
        [comment] = clip.metadata["cmx_3600"]["comments"]
        parts = re.fullmatch(r"(Seen: [^|]+) \|C:ResolveColorBlue \|M:([^|]+) \|D:([0-9]+)", comment)
        assert parts, comment
        assert clip.source_range.duration.value == 1, clip
        start = whole(clip.source_range.start_time.value)
        found.append((start, start + int(parts[3]), parts[2], parts[1]))
    return found
