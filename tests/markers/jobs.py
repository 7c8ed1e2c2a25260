"""The jobs to convert: videos of more than an hour at each frame rate, with labels of every kind of name."""

import json
import random
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

# Frame rates by the name that editors have for them.
RATES = {
    "23.976": Fraction(24000, 1001),
    "24": Fraction(24),
    "25": Fraction(25),
    "29.97": Fraction(30000, 1001),
    "30": Fraction(30),
    "50": Fraction(50),
    "59.94": Fraction(60000, 1001),
}

# Names in the lake, and as markers show them. A label without a name is None.
NAMES = {
    "Dog": "Dog",
    "Farmer's Market": "Farmer's Market",
    'Say "cheese", 100% | now': 'Say "cheese", 100% | now',
    "=SUM(A1:A9)": "=SUM(A1:A9)",
    "'@quoted": "'@quoted",
    "2 Door Car": "2 Door Car",
    "a --> <b>c</b> & d": "a --> <b>c</b> & d",
    "line\r\nfeed\tand \x01": "line\\r\\nfeed\\tand \\u{1}",
    "حصان 🐎": "حصان 🐎",
    "evil\u202etxt": "evil\\u{202e}txt",
    None: "(no name)",
}

DURATION_MS = 70 * 60 * 1000


@dataclass(frozen=True)
class Job:
    """A job of one frame rate and aggregation. Its ID is also the seed of its labels."""

    rate: str
    aggregation: str

    @property
    def id(self) -> str:
        return f"{self.aggregation.lower()}-{self.rate.replace('.', '-')}"

    def write(self, path: Path) -> None:
        """Writes the replies of Rekognition."""
        labels = self.samples() if self.aggregation == "TIMESTAMPS" else self.segments()
        labels.sort(key=lambda label: label["Timestamp"])
        reply = {
            "JobId": self.id,
            "JobStatus": "SUCCEEDED",
            "Video": {"S3Object": {"Bucket": "videos", "Name": "2026/beach <day> & night.mp4"}},
            "VideoMetadata": {
                "DurationMillis": DURATION_MS,
                # Rekognition returns a single-precision number.
                "FrameRate": float(RATES[self.rate]),
                "FrameWidth": 1920,
                "FrameHeight": 1080,
            },
            "GetRequestMetadata": {"AggregateBy": self.aggregation},
            "Labels": labels,
        }
        path.write_text(json.dumps(reply), encoding="utf-8")

    def ms(self, frame: int) -> int:
        """Returns the time of a frame as Rekognition does: cut to milliseconds."""
        return int(Fraction(frame * 1000) / RATES[self.rate])

    def samples(self) -> list[dict[str, Any]]:
        """Returns labels that are seen for some samples, about half a second apart, and are missed in others."""
        source, step = random.Random(self.id), round(RATES[self.rate] / 2)
        frames = int(RATES[self.rate] * DURATION_MS / 1000)
        found = []
        for name in NAMES:
            frame = source.randrange(0, 20) * step
            while frame < frames:
                found.append({"Timestamp": self.ms(frame), "Label": self.label(name, source)})
                frame += source.choice([1, 1, 1, 1, 2, 3, 150, 400]) * step
        return found

    def segments(self) -> list[dict[str, Any]]:
        source, rate = random.Random(self.id), RATES[self.rate]
        frames = int(rate * DURATION_MS / 1000)
        found = []
        for name in NAMES:
            frame = source.randrange(0, 500)
            while frame < frames:
                last = min(frame + source.choice([0, 1, 2, 100, 2000]), frames)
                start, end = self.ms(frame), self.ms(last)
                times = {"StartTimestampMillis": start, "EndTimestampMillis": end, "DurationMillis": end - start}
                found.append({"Timestamp": start, **times, "Label": self.label(name, source)})
                frame += source.randrange(2001, 9000)
        return found

    @staticmethod
    def label(name: str | None, source: random.Random) -> dict[str, Any]:
        # Confidences that are exact in single precision.
        label: dict[str, Any] = {"Confidence": source.randrange(400, 801) / 8}
        if name is not None:
            label["Name"] = name
        return label


JOBS = [Job(rate, aggregation) for aggregation in ("TIMESTAMPS", "SEGMENTS") for rate in RATES]
