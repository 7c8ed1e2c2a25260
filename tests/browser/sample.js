// The report of the sample job, which docs/report.html shows.

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const JOB = "4f1c9a7be26d803e5ab1907c64d2f8350c9e7d41b6a82f53e0d9147ac85b3f62";

/** Writes the report to a file. The lake of the job is written beside the file. */
export function writeSampleReport(directory, page) {
  const lake = join(directory, "lake");
  execFileSync(process.env.LABEL_LAKE, ["run", join(ROOT, "events/sns.json"), "--out", lake], { stdio: "pipe" });
  execFileSync(process.env.LABEL_LAKE, ["report", JOB, "--lake", lake, "--out", page], { stdio: "pipe" });
}
