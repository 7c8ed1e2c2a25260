// docs/report.html is the report that the program writes.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { workspace } from "./jobs.js";
import { ROOT, writeSampleReport } from "./sample.js";

test("the report in the documentation is current", () => {
  const directory = workspace(after);
  const page = join(directory, "report.html");
  writeSampleReport(directory, page);
  const [written, documented] = [page, join(ROOT, "docs/report.html")].map((file) => readFileSync(file, "utf8"));
  // Not assert.equal: the difference of two pages would fill the output.
  assert.ok(written === documented, "docs/report.html differs: run tests/browser/pictures");
});
