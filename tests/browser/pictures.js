// Makes the pictures of the documentation, and the report that they show.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { instance } from "@viz-js/viz";
import { launch, settled, withPage } from "./chromium.js";
import { ROOT, writeSampleReport } from "./sample.js";

/** Time that is selected in the picture: a moment whose boxes do not hide each other. */
const SELECTED_MS = 125_500;

async function report() {
  const directory = mkdtempSync(join(tmpdir(), "label-lake-picture-"));
  const closing = [];
  try {
    const page = join(ROOT, "docs/report.html");
    writeSampleReport(directory, page);
    const browser = await launch((close) => closing.push(close));
    for (const [name, colorScheme] of [
      ["report.png", "light"],
      ["report-dark.png", "dark"],
    ]) {
      await withPage(browser, page, { width: 1440, height: 840, colorScheme }, async (page) => {
        await page.evaluate((ms) => seek(ms), SELECTED_MS);
        await settled(page);
        writeFileSync(join(ROOT, "docs", name), await page.screenshot());
      });
    }
  } finally {
    for (const close of closing) await close();
    rmSync(directory, { recursive: true });
  }
}

/** Colors that follow the theme of the reader, for the classes that Graphviz gives to the parts of a drawing. */
const THEME = `<style>
svg { --text: #1c1d1f; --muted: #5f6368; --line: #8b9096; --node: #f4f4f2; --ours: #dfeafb; --accent: #1f5fbf; }
@media (prefers-color-scheme: dark) {
  svg { --text: #ececea; --muted: #a0a4a8; --line: #7b8187; --node: #26292c; --ours: #1d3352; --accent: #7fb2ff; }
}
text { font-family: system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: var(--text); }
.node path { fill: var(--node); stroke: var(--line); }
.ours path { fill: var(--ours); stroke: var(--accent); }
.edge path { stroke: var(--line); }
.edge polygon { fill: var(--line); stroke: var(--line); }
.edge text { fill: var(--muted); }
</style>`;

async function drawing() {
  const viz = await instance();
  const drawn = viz.renderString(readFileSync(join(ROOT, "docs/architecture.dot"), "utf8"), { format: "svg" });
  const themed = drawn
    .slice(drawn.indexOf("<svg"))
    .replace(/<title>.*?<\/title>\n/g, "")
    .replace(/<!--.*?-->\n/gs, "")
    .replace(/(<svg[^>]*>)/, `$1\n<title>The parts of Label Lake and the way of the data</title>\n${THEME}`);
  writeFileSync(join(ROOT, "docs/architecture.svg"), themed);
}

await drawing();
await report();
