// A job of a million rows: its page is drawn from little data, and boxes are decoded when they are looked at.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { launch, settled, withPage } from "./chromium.js";
import { generatedPage, workspace } from "./jobs.js";

const PAGES = 700;

const browser = await launch(after);
const file = generatedPage(workspace(after), PAGES);

test("a million rows need less than 300 KB before the boxes", () => {
  const text = readFileSync(file, "utf8");
  const { job } = JSON.parse(text.match(/id="report">(.*?)<\/script>/)[1]);
  assert.ok(job.rowCount >= 1_000_000, `${job.rowCount} rows`);
  assert.ok(text.indexOf('<script type="text/plain" data-boxes') < 300_000);
});

test("a page of a million rows is drawn without decoding all boxes", async () => {
  await withPage(browser, file, {}, async (page) => {
    const decoded = () => page.evaluate(() => [blocks.decoded.size, blocks.elements.length]);
    const [first, all] = await decoded();
    assert.ok(first <= 3 && all > 100, `${first} of ${all} blocks`);
    await page.getByRole("button", { name: /Show all/ }).click();
    await settled(page);
    assert.equal(await page.locator(".row.label").count(), 220);
    const lane = page.locator(".row.label .lane").first();
    for (let count = 0; count < 14; count++) await page.keyboard.press("+");
    await settled(page);
    const painted = await lane.locator("canvas").evaluate((canvas) => {
      const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
      copy.drawImage(canvas, 0, 0);
      return copy.getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0);
    });
    assert.ok(painted);
    await lane.click();
    await settled(page);
    assert.ok((await page.locator("#now li").count()) > 0);
    assert.ok((await decoded())[0] < 70);
  });
});
