// Jobs for the tests: replies of Rekognition, written to a lake and made a page by the program that is tested.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const FRAME = { width: 1280, height: 720, rate: 25 };

/** Returns a directory that is removed after the tests of a file. */
export function workspace(after) {
  const directory = mkdtempSync(join(tmpdir(), "label-lake-browser-"));
  after(() => rmSync(directory, { recursive: true }));
  return directory;
}

function labelLake(...options) {
  return execFileSync(process.env.LABEL_LAKE, options, { encoding: "utf8", timeout: 280_000, stdio: "pipe" });
}

/** Returns a detection of a label. Boxes are [left, top, width, height] in ratios of the frame. */
export function detection(ms, name, confidence, boxes = [], more = {}) {
  const label = {
    Name: name,
    Confidence: confidence,
    Instances: boxes.map(([Left, Top, Width, Height]) => ({
      BoundingBox: { Left, Top, Width, Height },
      Confidence: confidence - 1,
    })),
    Parents: [],
    Aliases: [],
    Categories: [{ Name: "Animals and Pets" }],
    ...more,
  };
  return { Timestamp: ms, Label: label };
}

/** Returns the reply for a job with these detections. */
export function reply(durationMs, labels, { key = "beach day.mp4", ...more } = {}) {
  return {
    JobId: "job",
    JobStatus: "SUCCEEDED",
    Video: { S3Object: { Bucket: "videos", Name: key } },
    VideoMetadata: {
      Codec: "h264",
      DurationMillis: durationMs,
      Format: "QuickTime / MOV",
      FrameRate: FRAME.rate,
      FrameHeight: FRAME.height,
      FrameWidth: FRAME.width,
      ColorRange: "LIMITED",
    },
    LabelModelVersion: "3.0",
    GetRequestMetadata: { AggregateBy: "TIMESTAMPS", SortBy: "TIMESTAMP" },
    Labels: labels,
    ...more,
  };
}

/** Writes the page of a recorded job, and returns its path. */
export function recordedPage(directory, recorded, { name = "page", options = [] } = {}) {
  const file = join(directory, `${name}.json`);
  const lake = join(directory, `${name}-lake`);
  writeFileSync(file, JSON.stringify(recorded));
  const { AggregateBy = "TIMESTAMPS" } = recorded.GetRequestMetadata ?? {};
  labelLake("run", "--out", lake, "--aggregate-by", AggregateBy, "--recorded", file);
  return page(directory, lake, "job", name, options);
}

/** Writes the pages of recorded jobs and their index, and returns the path of the index. */
export function indexPage(directory, recordings) {
  const lake = join(directory, "index-lake");
  for (const recorded of recordings) {
    const file = join(directory, `${recorded.JobId}.json`);
    writeFileSync(file, JSON.stringify(recorded));
    labelLake("run", "--out", lake, "--recorded", file);
  }
  const reports = join(directory, "reports");
  labelLake("report", ...recordings.map(({ JobId }) => JobId), "--lake", lake, "--out", reports);
  return join(reports, "index.html");
}

/** Writes the page of a generated job, and returns its path. */
export function generatedPage(directory, pages, name = "generated") {
  const event = join(directory, `${name}.json`);
  const lake = join(directory, `${name}-lake`);
  writeFileSync(event, JSON.stringify({ JobId: "job", Status: "SUCCEEDED", API: "StartLabelDetection" }));
  labelLake("run", event, "--out", lake, "--pages", String(pages));
  return page(directory, lake, "job", name, []);
}

function page(directory, lake, job, name, options) {
  const path = join(directory, `${name}.html`);
  labelLake("report", job, "--lake", lake, "--out", path, ...options);
  return path;
}

/** Returns times from one to before another, every 500 ms. */
function times(fromMs, toMs) {
  return Array.from({ length: (toMs - fromMs) / 500 }, (_, index) => fromMs + 500 * index);
}

export const DOG = [0.125, 0.25, 0.25, 0.5];
export const DOGS = [DOG, [0.5, 0.1, 0.2, 0.3], [0.75, 0.5, 0.2, 0.4]];
export const CAT = [0.4, 0.6, 0.2, 0.2];

/** A video of 20 s: a dog, three dogs, a cat in one sample, the sky, and nothing from 14 to 18 s. */
export function dogJob(more = {}) {
  const sky = { Categories: [{ Name: "Nature and Outdoors" }], Parents: [{ Name: "Nature" }] };
  const labels = [
    ...times(0, 3500).map((ms) => detection(ms, "Dog", 95.5, [DOG])),
    ...times(10_000, 12_500).map((ms) => detection(ms, "Dog", 65.5, DOGS)),
    detection(5000, "Cat", 80.5, [CAT]),
    ...times(0, 14_000).map((ms) => detection(ms, "Sky", 99.5, [], sky)),
    ...times(18_000, 20_000).map((ms) => detection(ms, "Sky", 99.5, [], sky)),
  ];
  return reply(
    20_000,
    labels.toSorted((a, b) => a.Timestamp - b.Timestamp),
    more,
  );
}
