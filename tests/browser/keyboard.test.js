// Everything can be done with the keyboard alone.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { launch, settled, withPage } from "./chromium.js";
import { dogJob, recordedPage, workspace } from "./jobs.js";

const browser = await launch(after);
const file = recordedPage(workspace(after), dogJob());

async function press(page, ...keys) {
  for (const key of keys) {
    await page.keyboard.press(key);
    await settled(page);
  }
}

/** Returns the text or the label of what has the focus. */
function focused(page) {
  return page.evaluate(() => {
    const { activeElement } = document;
    return activeElement.querySelector("bdi")?.textContent ?? activeElement.ariaLabel ?? activeElement.textContent;
  });
}

const time = (page) => page.locator("#clock").textContent();
const announced = (page) => page.locator("#live").textContent();

test("Tab reaches every control, and one lane", async () => {
  await withPage(browser, file, {}, async (page) => {
    const reached = [];
    for (let count = 0; count < 14; count++) {
      await press(page, "Tab");
      reached.push(await page.evaluate(() => document.activeElement.id || document.activeElement.className));
    }
    const expected = ["play", "previous", "next", "now-box", "search", "threshold", "", "zoom-in", "help", "row label"];
    assert.deepEqual(reached.slice(0, expected.length), expected);
    assert.equal(reached.filter((name) => name === "row label").length, 1);
  });
});

test("arrow keys move between lanes and step through samples", async () => {
  await withPage(browser, file, {}, async (page) => {
    await page.locator(".row.label").first().focus();
    await press(page, "ArrowDown");
    assert.equal(await focused(page), "Dog");
    await press(page, "Home");
    assert.equal(await time(page), "0:00:00.000");
    await press(page, "ArrowRight");
    assert.equal(await time(page), "0:00:00.500");
    assert.equal(await announced(page), "Dog, 0:00:00.500, 95 % · 1 box");
    assert.equal(await page.locator(".box.emphasized").count(), 1);
    await press(page, "End");
    assert.equal(await time(page), "0:00:12.000");
    await press(page, "ArrowRight");
    assert.equal(await announced(page), "No later sample of Dog");
    await press(page, "ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowLeft");
    assert.equal(await time(page), "0:00:03.000");
    await press(page, "PageDown");
    assert.equal(await focused(page), "Cat");
    await press(page, "Home");
    assert.equal(await announced(page), "Cat, 0:00:05.000, 80 % · 1 box");
    assert.equal(await page.locator('.row.label[tabindex="0"]').count(), 1);
  });
});

test("comma and period step through the samples of all labels", async () => {
  await withPage(browser, file, {}, async (page) => {
    await press(page, ".", ".", ".");
    assert.equal(await time(page), "0:00:01.500");
    await press(page, ",");
    assert.equal(await time(page), "0:00:01.000");
  });
});

test("Space plays a job without a video", async () => {
  await withPage(browser, file, {}, async (page) => {
    await press(page, "Space");
    assert.equal(await page.locator("#play").getAttribute("aria-label"), "Pause");
    await page.waitForFunction(() => state.timeMs > 600);
    await press(page, "Space");
    assert.equal(await page.locator("#play").getAttribute("aria-label"), "Play");
    const stopped = await time(page);
    await settled(page);
    assert.equal(await time(page), stopped);
  });
});

test("plus, minus and zero zoom, and Shift with arrows moves", async () => {
  await withPage(browser, file, {}, async (page) => {
    const shown = () => page.evaluate(() => [state.fromMs, state.toMs]);
    await press(page, "+", "+");
    assert.deepEqual(await shown(), [0, 5000]);
    await press(page, "Shift+ArrowRight");
    assert.deepEqual(await shown(), [2500, 7500]);
    await press(page, "-");
    assert.deepEqual(
      (await shown()).map((ms) => ms % 20_000 >= 0),
      [true, true],
    );
    await press(page, "0");
    assert.deepEqual(await shown(), [0, 20_000]);
  });
});

test("a zoomed timeline follows the sample that is stepped to", async () => {
  await withPage(browser, file, {}, async (page) => {
    await page.locator(".row.label").nth(1).focus();
    await press(page, "Home", "+", "+", "+", "End");
    const [from, to] = await page.evaluate(() => [state.fromMs, state.toMs]);
    assert.ok(from <= 12_000 && to >= 12_000 && to - from === 2500, `${from} ${to}`);
  });
});

test("slash searches, and a question mark shows the keys", async () => {
  await withPage(browser, file, {}, async (page) => {
    await press(page, "?");
    assert.equal(await page.getByRole("dialog").isVisible(), true);
    await press(page, "Escape", "/");
    await page.keyboard.type("cat?0 ");
    assert.equal(await page.getByRole("searchbox").inputValue(), "cat?0 ");
    assert.equal(await page.getByRole("dialog").count(), 0);
    await page.keyboard.press("Control+A");
    await page.keyboard.type("cat");
    await settled(page);
    assert.deepEqual(await page.locator(".row.label bdi").allTextContents(), ["Cat"]);
    assert.equal(await page.locator("#count").textContent(), "1 of 1 matching label");
  });
});
