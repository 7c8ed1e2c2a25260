"""The jobs of the test lake as Rekognition serves them. The expected results are computed from these.

They are read from events and recorded replies. This module uses neither Parquet nor SQL nor the function.
"""

import json
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent

OLD_ROW = HERE / "recorded/jobs-version-1.parquet"
"""The row of the job corner-cases as schema version 1 wrote it, without the column `content`."""


def float32(number: float | None) -> float | None:
    """Rounds a number to the 32-bit float that Rekognition uses."""
    return None if number is None else struct.unpack("f", struct.pack("f", number))[0]


@dataclass
class Instance:
    confidence: float | None
    box: tuple[float | None, ...]
    """Left, top, width, height."""


@dataclass
class Detection:
    name: str | None
    timestamp_ms: int
    confidence: float | None
    instances: list[Instance]
    parents: list[str]
    categories: list[str]


@dataclass
class Segment:
    name: str | None
    start_ms: int
    end_ms: int
    duration_ms: int
    confidence: float | None


@dataclass
class Job:
    event: dict
    replies: list[dict]
    recordings: list[Path]
    aggregate_by: list[str]

    @property
    def id(self) -> str:
        return self.event["JobId"]

    @property
    def completed_at_ms(self) -> int | None:
        return self.event.get("Timestamp")

    @property
    def status(self) -> str:
        return self.replies[0]["JobStatus"]

    @property
    def video(self) -> tuple[str | None, str | None]:
        """Bucket and key. The reply takes precedence over the message."""
        served = self.replies[0].get("Video", {}).get("S3Object")
        if served:
            return served["Bucket"], served["Name"]
        notified = self.event.get("Video", {})
        return notified.get("S3Bucket"), notified.get("S3ObjectName")

    @property
    def metadata(self) -> dict:
        return self.replies[0].get("VideoMetadata", {})

    @property
    def detections(self) -> list[Detection]:
        return [detection(element) for element in self.elements() if "StartTimestampMillis" not in element]

    @property
    def segments(self) -> list[Segment]:
        return [segment(element) for element in self.elements() if "StartTimestampMillis" in element]

    def elements(self) -> list[dict]:
        return [element for reply in self.replies for element in reply["Labels"]]


def detection(element: dict) -> Detection:
    label = element["Label"]
    return Detection(
        name=label.get("Name"),
        timestamp_ms=element["Timestamp"],
        confidence=float32(label.get("Confidence")),
        instances=[instance(served) for served in label.get("Instances", [])],
        parents=[parent["Name"] for parent in label.get("Parents", [])],
        categories=[category["Name"] for category in label.get("Categories", [])],
    )


def instance(served: dict) -> Instance:
    box = served.get("BoundingBox", {})
    sides = tuple(float32(box.get(side)) for side in ("Left", "Top", "Width", "Height"))
    return Instance(float32(served.get("Confidence")), sides)


def segment(element: dict) -> Segment:
    return Segment(
        name=element["Label"].get("Name"),
        start_ms=element["StartTimestampMillis"],
        end_ms=element["EndTimestampMillis"],
        duration_ms=element["DurationMillis"],
        confidence=float32(element["Label"].get("Confidence")),
    )


def job(event: dict, *recordings: Path, aggregate_by: str = "TIMESTAMPS") -> Job:
    replies = [json.loads(recording.read_text(encoding="utf-8")) for recording in recordings]
    return Job(event, replies, list(recordings), aggregate_by.split(","))


def sample_jobs() -> list[Job]:
    recorded = HERE / "recorded"
    beach_day = json.loads((ROOT / "events/completion.json").read_text(encoding="utf-8"))
    damaged = {"JobTag": "from-the-archive", "Status": "FAILED"}
    market = {"S3Bucket": "example-videos", "S3ObjectName": "videos/market.mp4"}
    return [
        job(
            beach_day,
            recorded / "beach-day.json",
            recorded / "beach-day-segments.json",
            aggregate_by="TIMESTAMPS,SEGMENTS",
        ),
        # The same video again, completed at the first millisecond of another month.
        job(beach_day | {"JobId": "beach-day-again", "Timestamp": 1751328000000}, recorded / "beach-day.json"),
        job(
            beach_day | {"JobId": "segments-only", "Timestamp": 1749513600000},
            recorded / "beach-day-segments.json",
            aggregate_by="SEGMENTS",
        ),
        # The job ID is all digits, which readers that infer types read as a number. Names, confidences, instances and
        # boxes are absent in some labels.
        job({"JobId": "20250703", "Timestamp": 1751500000000, "Video": market}, recorded / "market.json"),
        job({"JobId": "one-reply", "Timestamp": 1749945600000}, ROOT / "cli/tests/data/one-reply.json"),
        job(damaged | {"JobId": "damaged", "Timestamp": 1750377600000}, recorded / "damaged-video.json"),
        job(damaged | {"JobId": "damaged-without-time"}, recorded / "damaged-video.json"),
        job({"JobId": "odd-names"}, HERE / "odd-names.json"),
    ]


JOBS = sample_jobs()
SAMPLE = JOBS[0]


def make_lake(label_lake: str, directory: Path) -> None:
    """Exports the jobs to a directory with the command line."""
    for job in JOBS:
        command = [label_lake, "run", "-", "--quiet", "--out", str(directory)]
        command += ["--aggregate-by", ",".join(job.aggregate_by), "--recorded", *map(str, job.recordings)]
        subprocess.run(command, input=json.dumps(job.event), text=True, check=True, stdout=subprocess.DEVNULL)
