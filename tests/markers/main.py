"""Converts jobs to each format, and compares what other libraries read with the rows of the lake.

Usage: main.py LABEL_LAKE
"""

import os
import sys
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

from opentimelineio import opentime

import chromium
import readers
from jobs import DURATION_MS, JOBS, RATES, Job
from lake import Lake, Range

HOUR = 3600


def main() -> None:
    compared = 0
    with TemporaryDirectory(prefix="label-lake-markers-") as directory:
        lake = Lake(Path(sys.argv[1]).resolve(), Path(directory))
        for job in JOBS:
            lake.export(job)
            ranges = lake.ranges(job)
            assert ranges[-1].start > HOUR * RATES[job.rate], "the last range is not after an hour"
            check(lake, job, ranges, RATES[job.rate])
            compared += len(ranges)
        compared += other_rates(lake)
    if "CHROMIUM" not in os.environ:
        print("not read by Chromium: CHROMIUM is not set to its directory")
    print(f"{compared} time ranges of {len(JOBS)} jobs are the same in all formats")


def check(lake: Lake, job: Job, ranges: list[Range], rate: Fraction, *more: str) -> None:
    """Compares all formats with the ranges. Chromium is slow to start, so it reads one file of each frame rate."""
    expected = sorted((one.start, one.end, one.name) for one in ranges)
    for name, found in [
        ("vtt", readers.vtt(lake.convert(job, "vtt", *more), rate)),
        ("csv", table(lake, job, ranges, rate, *more)),
        ("otio", interchange(lake, job, rate, *more)),
        ("premiere-xml", premiere(lake, job, rate, *more)),
        *browser(lake, job, rate),
    ]:
        assert [start for start, _, _ in found] == [start for start, _, _ in expected], f"{job.id}: order of {name}"
        assert sorted(found) == expected, f"{job.id}: {name} {difference(found, expected)}"
    resolve(lake, job, ranges, rate, *more)


def browser(lake: Lake, job: Job, rate: Fraction) -> list[tuple[str, list[readers.Marker]]]:
    """Returns the cues of the file that was written last as Chromium reads them, if it is installed."""
    if "CHROMIUM" not in os.environ or job.aggregation != "TIMESTAMPS":
        return []
    cues = chromium.cues(Path(os.environ["CHROMIUM"]), lake.file(job, "vtt"))
    found = [(readers.frame_at(start, rate), readers.frame_at(end, rate), text) for start, end, text in cues]
    return [("vtt in Chromium", found)]


def difference(found: list[readers.Marker], expected: list[readers.Marker]) -> str:
    missing, extra = set(expected) - set(found), set(found) - set(expected)
    return f"lacks {sorted(missing)[:3]} and has {sorted(extra)[:3]}"


def timecode(frame: int, rate: Fraction) -> str:
    """Returns the timecode by which OpenTimelineIO names a frame, drop frame at 29.97 and 59.94."""
    drop = rate.denominator == 1001 and rate.numerator != 24000
    return opentime.to_timecode(opentime.RationalTime(frame, float(rate)), float(rate), drop)


def table(lake: Lake, job: Job, ranges: list[Range], rate: Fraction, *more: str) -> list[readers.Marker]:
    rows = readers.rows(lake.convert(job, "csv", *more))
    for row in rows:
        for end in ("start", "end"):
            assert row[f"{end}_timecode"] == timecode(int(row[f"{end}_frame"]), rate), row
    facts = [(int(row["start_ms"]), int(row["end_ms"]), row["label"], float(row["confidence"])) for row in rows]
    assert sorted(facts) == sorted((one.start_ms, one.end_ms, one.name, one.confidence) for one in ranges)
    return [(int(row["start_frame"]), int(row["end_frame"]), row["label"]) for row in rows]


def interchange(lake: Lake, job: Job, rate: Fraction, *more: str) -> list[readers.Marker]:
    read = readers.timeline(lake.convert(job, "otio", *more), "otio_json")
    [clip] = read.find_clips()
    assert clip.media_reference.target_url == "beach%20%3Cday%3E%20%26%20night.mp4"
    assert abs(clip.duration().to_seconds() - DURATION_MS / 1000) < 1
    assert read.global_start_time.value == 0
    return readers.timeline_markers(read, rate)


def premiere(lake: Lake, job: Job, rate: Fraction, *more: str) -> list[readers.Marker]:
    path = lake.convert(job, "premiere-xml", *more)
    root = readers.xmeml(path)
    assert root.findtext("sequence/media/video/track/clipitem/name") == "beach <day> & night.mp4"
    separator = ";" if timecode(0, rate)[8] == ";" else ":"
    assert root.findtext("sequence/timecode/string") == f"00:00:00{separator}00"
    read = readers.timeline(path, "fcp_xml")
    read = read if hasattr(read, "tracks") else read[0]
    return readers.timeline_markers(read, rate)


def resolve(lake: Lake, job: Job, ranges: list[Range], rate: Fraction, *more: str) -> None:
    """Checks the events of an EDL: one for each frame on which ranges begin, with all of their names and notes."""
    path = lake.convert(job, "resolve-edl", *more)
    assert ("FCM: DROP FRAME" in path.read_text()) == (";" in timecode(0, rate))
    # With drop frame, timecode is an hour after an hour. At 23.976, it is an hour after 3,603.6 seconds.
    hour = opentime.from_timecode(f"01:00:00{timecode(0, rate)[8]}00", float(rate)).value
    expected = []
    for start, group in groupby(sorted(ranges), key=lambda one: one.start):
        together = list(group)
        names = {one.name.replace("|", "¦") for one in together}
        notes = {note(one) for one in together}
        expected.append((start + hour, max(one.end for one in together) + hour, names, notes))
    found = readers.edl(path, rate)
    assert len(found) == len(expected), f"{job.id}: {len(found)} events, not {len(expected)}"
    for (start, end, names, notes), (first, last, labels, facts) in zip(found, expected, strict=True):
        assert (start, end) == (first, last), f"{job.id}: {start} to {end}, not {first} to {last}"
        assert parts(names, labels, ", "), f"{job.id}: {names} is not {labels}"
        assert parts(notes.removeprefix("Seen: "), facts, "; "), f"{job.id}: {notes} is not {facts}"


def note(one: Range) -> str:
    frames = one.end - one.start
    confidence = f"{one.confidence:.1f} %"
    return f"{one.name.replace('|', '¦')} ({confidence}, {frames:,} frame{'s' if frames > 1 else ''})"


def parts(joined: str, expected: set[str], separator: str) -> bool:
    """Returns true if a text consists of these parts in any order. A part may contain the separator."""
    return len(joined) == len(separator.join(expected)) and all(part in joined for part in expected)


def other_rates(lake: Lake) -> int:
    """Converts jobs for projects with other frame rates than their videos."""
    compared = 0
    for job, name in [(JOBS[0], "25"), (JOBS[3], "23.976"), (JOBS[6], "29.97"), (JOBS[9], "59.94")]:
        ranges = lake.ranges(job, RATES[name])
        check(lake, job, ranges, RATES[name], "--fps", name)
        compared += len(ranges)
    return compared


if __name__ == "__main__":
    main()
