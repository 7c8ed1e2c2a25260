// Lanes and boxes are where the data says, at every zoom and confidence.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { launch, settled, withPage } from "./chromium.js";
import { CAT, DOG, DOGS, dogJob, recordedPage, workspace } from "./jobs.js";

const browser = await launch(after);
const file = recordedPage(workspace(after), dogJob());

function row(page, name) {
  return page.locator(".row.label", { has: page.getByText(name, { exact: true }) });
}

/** Returns the bars of a lane as [first column, column after the last, height, opacity]; columns and height are shares. */
async function bars(page, name) {
  return row(page, name)
    .locator("canvas")
    .evaluate((canvas) => {
      const { width, height } = canvas;
      const copy = new OffscreenCanvas(width, height).getContext("2d");
      copy.drawImage(canvas, 0, 0);
      const { data } = copy.getImageData(0, 0, width, height);
      const alpha = (x, y) => data[4 * (y * width + x) + 3];
      const found = [];
      for (let x = 0; x < width; x++) {
        const opacity = alpha(x, height - 1);
        if (opacity === 0) continue;
        let top = height - 1;
        while (top > 0 && alpha(x, top - 1) > 0) top--;
        const last = found.at(-1);
        if (last && last[1] === x && last[2] === height - top && last[3] === opacity) last[1] = x + 1;
        else found.push([x, x + 1, height - top, opacity]);
      }
      return found.map(([from, to, bar, opacity]) => [from / width, to / width, bar / height, opacity / 255]);
    });
}

/** Checks that bars are at these times, within a pixel and a half. */
async function assertTimes(page, name, expected, [fromMs, toMs] = [0, 20_000]) {
  const found = await bars(page, name);
  const width = await page.locator("#axis").evaluate((axis) => axis.clientWidth);
  assert.equal(found.length, expected.length, `${name}: ${JSON.stringify(found)}`);
  expected.forEach((times, index) => {
    times.forEach((ms, side) => {
      const pixels = ((ms - fromMs) / (toMs - fromMs) - found[index][side]) * width;
      assert.ok(Math.abs(pixels) <= 1.5, `${name} ${ms} is ${pixels} pixels off`);
    });
  });
  return found;
}

test("lanes have bars where their labels are seen", async () => {
  await withPage(browser, file, {}, async (page) => {
    const [one, many] = await assertTimes(page, "Dog", [
      [0, 3100],
      [10_000, 12_100],
    ]);
    assert.ok(one[3] > many[3], "higher confidence has more contrast");
    assert.ok(many[2] > one[2], "more instances are higher");
    assert.ok(Math.abs(many[2] - 1) < 0.06, "the most instances fill the lane");
    await assertTimes(page, "Cat", [[5000, 5100]]);
    await assertTimes(page, "Sky", [
      [0, 13_600],
      [18_000, 19_600],
    ]);
  });
});

test("lanes show the same when the page is wide, narrow, or has pixels of another size", async () => {
  for (const options of [{ width: 2200 }, { width: 360 }, { deviceScaleFactor: 2.5 }]) {
    await withPage(browser, file, options, (page) =>
      assertTimes(page, "Dog", [
        [0, 3100],
        [10_000, 12_100],
      ]),
    );
  }
});

test("zoom by drag, wheel and button shows a part of the lanes", async () => {
  await withPage(browser, file, {}, async (page) => {
    const lane = await page.locator("#axis").boundingBox();
    const { y } = await row(page, "Sky").locator(".lane").boundingBox();
    const x = (ms) => lane.x + (lane.width * ms) / 20_000;
    await page.mouse.move(x(9000), y + 8);
    await page.mouse.down();
    await page.mouse.move(x(10_000), y + 8);
    await page.mouse.move(x(13_000), y + 8);
    await page.mouse.up();
    await settled(page);
    await assertTimes(page, "Dog", [[10_000, 12_100]], [9000, 13_000]);
    assert.deepEqual(await bars(page, "Cat"), []);

    await page.getByRole("button", { name: "All" }).click();
    await settled(page);
    await assertTimes(page, "Cat", [[5000, 5100]]);

    await page.mouse.move(x(5000), y + 8);
    await page.keyboard.down("Control");
    for (let count = 0; count < 3; count++) await page.mouse.wheel(0, -100);
    await page.keyboard.up("Control");
    await settled(page);
    const span = 20_000 * Math.exp(-0.4) ** 3;
    await assertTimes(page, "Cat", [[5000, 5100]], [5000 - span / 4, 5000 + (span * 3) / 4]);
  });
});

test("the slider for confidence changes what is visible", async () => {
  await withPage(browser, file, {}, async (page) => {
    const slider = page.getByRole("slider");
    assert.equal(await slider.getAttribute("min"), "65");
    await slider.fill("70");
    await settled(page);
    await assertTimes(page, "Dog", [[0, 3100]]);
    assert.match(await row(page, "Dog").locator(".number").textContent(), /0:00:03/);
    await slider.fill("90");
    await settled(page);
    assert.equal(await row(page, "Cat").count(), 0);
    assert.equal(await page.locator("#count").textContent(), "2 of 3 labels · 1 below 90 % confidence");
    await page.getByRole("searchbox").fill("cat");
    await settled(page);
    assert.equal(
      await page.locator("#absent").textContent(),
      "cat is not detected with a confidence of 90 % or more, but with a lower one.",
    );
    await slider.fill("65");
    await settled(page);
    await assertTimes(page, "Cat", [[5000, 5100]]);
  });
});

test("what is not detected is shown as such", async () => {
  await withPage(browser, file, {}, async (page) => {
    assert.match(
      await page.locator("#overview-text").textContent(),
      /2 parts of the video: 0:00:13 to 0:00:18, 0:00:19 to 0:00:20/,
    );
    const opacity = (ms) =>
      page.locator("#overview canvas").evaluate((canvas, share) => {
        const copy = new OffscreenCanvas(16, canvas.height).getContext("2d");
        copy.drawImage(canvas, 8 - Math.round(canvas.width * share), 0);
        const { data } = copy.getImageData(0, 0, 16, canvas.height);
        const alphas = data.filter((_, index) => index % 4 === 3);
        return alphas.reduce((sum, alpha) => sum + alpha, 0) / alphas.length / 255;
      }, ms / 20_000);
    assert.equal(await opacity(7000), 1);
    assert.ok((await opacity(16_000)) < 0.7);
    await page.getByRole("searchbox").fill("<b>Zebra");
    await settled(page);
    assert.equal(await page.locator("#absent").textContent(), "<b>Zebra is not detected in this video.");
    assert.equal(await page.locator(".row.label").count(), 0);
    await page.getByRole("searchbox").fill("nature");
    await settled(page);
    assert.deepEqual(await page.locator(".row.label bdi").allTextContents(), ["Sky"]);
  });
});

test("lanes are sorted by time on screen, first seen, and name", async () => {
  await withPage(browser, file, {}, async (page) => {
    const names = () => page.locator(".row.label bdi").allTextContents();
    assert.deepEqual(await names(), ["Sky", "Dog", "Cat"]);
    await page.getByRole("radio", { name: "Name" }).check();
    await settled(page);
    assert.deepEqual(await names(), ["Cat", "Dog", "Sky"]);
    await page.getByRole("radio", { name: "First seen" }).check();
    await settled(page);
    assert.deepEqual(await names(), ["Sky", "Dog", "Cat"]);
  });
});

/** Clicks in a lane at a time. */
async function clickAt(page, name, ms) {
  const lane = row(page, name).locator(".lane");
  const { width } = await lane.boundingBox();
  await lane.click({ position: { x: Math.min((width * ms) / 20_000 + 0.5, width - 1), y: 8 } });
  await settled(page);
}

/** Returns the boxes on the stage as [text, left, top, width, height] in ratios of the frame. */
async function boxes(page) {
  return page.locator("#stage").evaluate((stage) => {
    const frame = stage.getBoundingClientRect();
    return [...stage.querySelectorAll(".box")].map((box) => {
      const { left, top, width, height } = box.getBoundingClientRect();
      return [
        box.textContent,
        (left - frame.left) / frame.width,
        (top - frame.top) / frame.height,
        width / frame.width,
        height / frame.height,
      ];
    });
  });
}

async function assertBoxes(page, expected) {
  const found = await boxes(page);
  const { width, height } = await page.locator("#stage").boundingBox();
  assert.deepEqual(
    found.map(([text]) => text),
    expected.map(([text]) => text),
  );
  expected.forEach(([text, ...sides], index) => {
    sides.forEach((side, at) => {
      const pixels = (found[index][at + 1] - side) * (at % 2 === 0 ? width : height);
      assert.ok(Math.abs(pixels) <= 1, `${text}: side ${at} is ${pixels} pixels off`);
    });
  });
}

test("boxes are drawn at the time of a click, without a video", async () => {
  for (const options of [{}, { width: 360 }, { width: 800 }]) {
    await withPage(browser, file, options, async (page) => {
      const { width, height } = await page.locator("#stage").boundingBox();
      assert.ok(Math.abs(width / height - 16 / 9) < 0.02);
      await clickAt(page, "Dog", 11_200);
      await assertBoxes(
        page,
        DOGS.map((box) => ["Dog 64 %", ...box]),
      );
      assert.deepEqual(await page.locator("#now li").allTextContents(), ["Sky" + "no box · 99 %", "Dog3 boxes · 65 %"]);
      await clickAt(page, "Dog", 2100);
      await assertBoxes(page, [["Dog 94 %", ...DOG]]);
      await clickAt(page, "Cat", 5050);
      await assertBoxes(page, [["Cat 79 %", ...CAT]]);
      await clickAt(page, "Cat", 16_000);
      await assertBoxes(page, []);
      assert.deepEqual(await page.locator("#now li").allTextContents(), ["No label is detected at this time."]);
    });
  }
});

test("the tooltip has the exact values of a sample", async () => {
  await withPage(browser, file, {}, async (page) => {
    const lane = row(page, "Dog").locator(".lane");
    const { width } = await lane.boundingBox();
    await lane.hover({ position: { x: (width * 11_200) / 20_000, y: 8 } });
    await settled(page);
    assert.deepEqual(await page.locator("#tooltip > *").allTextContents(), ["Dog", "0:00:11.000", "65 % · 3 boxes"]);
    await lane.hover({ position: { x: (width * 7050) / 20_000, y: 8 } });
    await settled(page);
    assert.deepEqual(await page.locator("#tooltip > *").allTextContents(), ["Dog", "0:00:07", "not detected here"]);
  });
});
