// The video is in sync with the lanes: a click or a key shows exactly the frame of its time.

import assert from "node:assert/strict";
import { unlinkSync } from "node:fs";
import { after, test } from "node:test";
import { launch, open, settled, withPage } from "./chromium.js";
import { clip, shownFrame } from "./clip.js";
import { detection, dogJob, FRAME, recordedPage, reply, workspace } from "./jobs.js";

const browser = await launch(after);
const directory = workspace(after);
const video = clip(directory, 20);
const file = recordedPage(directory, dogJob(), { options: ["--video", video] });

/** Returns the selected time in milliseconds, from the text of the page. */
async function selectedMs(page) {
  const [hours, minutes, seconds] = (await page.locator("#clock").textContent()).split(":").map(Number);
  return Math.round(((hours * 60 + minutes) * 60 + seconds) * 1000);
}

/** Returns the frame that is on the screen at a time. */
function frameAt(ms) {
  return Math.floor((ms * FRAME.rate) / 1000);
}

test("a click in a lane shows the frame of that time", async () => {
  await withPage(browser, file, { video }, async (page) => {
    const lane = page.locator(".row.label .lane").first();
    const { width } = await lane.boundingBox();
    for (const share of [0.003, 0.251, 0.7777, 0.5, 0.99]) {
      await lane.click({ position: { x: share * width, y: 8 } });
      await settled(page);
      const ms = await selectedMs(page);
      assert.ok(Math.abs(ms - share * 20_000) <= 20_000 / width, `${ms} is the time of ${share}`);
      const frame = await shownFrame(page);
      assert.ok(Math.abs(frame - frameAt(ms)) <= 1, `frame ${frame} at ${ms}`);
    }
  });
});

test("a key shows exactly the frame of a sample, with its boxes", async () => {
  await withPage(browser, file, { video }, async (page) => {
    await page.locator(".row.label").nth(1).focus();
    await page.keyboard.press("End");
    for (const ms of [12_000, 11_500, 11_000]) {
      await page.waitForFunction((ms) => state.timeMs === ms, ms);
      await settled(page);
      assert.equal(await shownFrame(page), frameAt(ms));
      assert.equal(await page.locator(".box.emphasized").count(), 3);
      await page.keyboard.press("ArrowLeft");
    }
  });
});

test("a sample whose time is rounded shows its own frame", async () => {
  const film = clip(directory, 5, "ntsc.mp4", "30000/1001");
  const page = recordedPage(directory, reply(5000, [detection(0, "Dog", 90)]), {
    name: "ntsc",
    options: ["--video", film],
  });
  await withPage(browser, page, { video: film }, async (page) => {
    for (const frame of [1, 31, 62, 97, 140]) {
      const exact = (frame * 1001) / 30;
      for (const ms of [Math.floor(exact), Math.round(exact), Math.ceil(exact)]) {
        await page.evaluate((ms) => seek(ms), ms);
        assert.equal(await shownFrame(page), frame, `at ${ms}`);
      }
    }
  });
});

test("the playhead and the boxes follow the video", async () => {
  await withPage(browser, file, { video }, async (page) => {
    await page.locator(".row.label").nth(1).focus();
    await page.keyboard.press("Home");
    await page.waitForFunction(() => state.timeMs === 0);
    await page.keyboard.press("Space");
    await page.waitForFunction(() => state.timeMs > 1200);
    await page.keyboard.press("Space");
    await page.waitForFunction(() => document.querySelector("video").paused);
    await settled(page);
    const ms = await selectedMs(page);
    const frame = await shownFrame(page);
    assert.ok(Math.abs(frame - frameAt(ms)) <= 1, `frame ${frame} at ${ms}`);
    assert.equal(await page.locator(".box").count(), ms < 3500 ? 1 : 0);
    const [axis, playhead] = [await page.locator("#axis").boundingBox(), await page.locator("#playhead").boundingBox()];
    const pixels = playhead.x - axis.x - (axis.width * ms) / 20_000;
    assert.ok(Math.abs(pixels) <= 1.5, `the playhead is ${pixels} pixels off`);
  });
});

test("the page has pictures of the video", async () => {
  await withPage(browser, file, { video }, async (page) => {
    const widths = await page.locator(".thumbnails img").evaluateAll((all) => all.map((image) => image.naturalWidth));
    assert.ok(widths.length >= 8 && widths.every((width) => width > 0), `${widths}`);
  });
});

test("a page whose video cannot be played says so and draws boxes", async () => {
  const gone = clip(directory, 1, "gone.mp4");
  const orphan = recordedPage(directory, dogJob(), { name: "orphan", options: ["--video", gone] });
  unlinkSync(gone);
  const { page, problems, close } = await open(browser, orphan, { video: gone });
  await page.locator("#video-error").waitFor();
  assert.match(await page.locator("#video-error").textContent(), /gone\.mp4 was not found, or has a format/);
  await page.keyboard.press(".");
  await settled(page);
  assert.equal(await page.locator(".box").count(), 1);
  // Chromium reports the missing file itself.
  assert.deepEqual(
    problems.filter((problem) => !problem.includes("ERR_FILE_NOT_FOUND")),
    [],
  );
  await close();
});
