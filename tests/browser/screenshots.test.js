// Pages look like their stored screenshots. `tests/browser/run --update` replaces them; look at them before you commit.

import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import pixelmatch from "pixelmatch";
import { PNG } from "pngjs";
import { launch, settled, withPage } from "./chromium.js";
import { dogJob, recordedPage, workspace } from "./jobs.js";

/** Share of pixels that may differ: versions of Chromium draw the edges of letters and corners differently. */
const TOLERANCE = 0.02;

const browser = await launch(after);
const file = recordedPage(workspace(after), dogJob());

const LOOKS = {
  light: { width: 1000, height: 560 },
  dark: { width: 1000, height: 560, colorScheme: "dark" },
  narrow: { width: 360, height: 900 },
  print: { width: 700, height: 480 },
};

for (const [name, options] of Object.entries(LOOKS)) {
  test(`the page looks as it did: ${name}`, async () => {
    await withPage(browser, file, options, async (page) => {
      if (name === "print") await page.emulateMedia({ media: "print" });
      else await page.locator(".row.label").nth(1).focus();
      if (name !== "print") await page.keyboard.press("End");
      await page.locator("#tooltip").evaluate((tooltip) => tooltip.setAttribute("hidden", ""));
      await page.evaluate(() => scrollTo(0, 0));
      await settled(page);
      const screenshot = await page.screenshot();
      const taken = PNG.sync.read(screenshot);
      const stored = fileURLToPath(new URL(`screenshots/${name}.png`, import.meta.url));
      if (process.env.UPDATE_SCREENSHOTS) writeFileSync(stored, screenshot);
      assert.ok(existsSync(stored), `${stored} is missing; run tests/browser/run --update`);
      const expected = PNG.sync.read(readFileSync(stored));
      const { width, height } = expected;
      assert.deepEqual([taken.width, taken.height], [width, height]);
      const different = pixelmatch(taken.data, expected.data, null, width, height, { threshold: 0.15 });
      assert.ok(different <= TOLERANCE * width * height, `${different} of ${width * height} pixels differ`);
    });
  });
}
