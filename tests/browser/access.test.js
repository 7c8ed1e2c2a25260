// axe-core has no findings, in light and dark, wide and narrow, and in every state of a job.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import axe from "axe-core";
import { launch, settled, withPage } from "./chromium.js";
import { dogJob, indexPage, recordedPage, reply, workspace } from "./jobs.js";

const browser = await launch(after);
const directory = workspace(after);
const pages = {
  labels: recordedPage(directory, dogJob(), { name: "labels" }),
  none: recordedPage(directory, reply(20_000, []), { name: "none" }),
  failed: recordedPage(
    directory,
    { JobId: "job", JobStatus: "FAILED", StatusMessage: "InvalidS3Object: <b>no video</b>" },
    { name: "failed" },
  ),
  segments: recordedPage(
    directory,
    reply(
      20_000,
      [
        [1000, 4000],
        [9000, 9500],
      ].map(([from, to]) => ({
        StartTimestampMillis: from,
        EndTimestampMillis: to,
        DurationMillis: to - from,
        Timestamp: from,
        Label: { Name: "Dog", Confidence: 90.5, Instances: [], Parents: [], Aliases: [], Categories: [] },
      })),
      { GetRequestMetadata: { AggregateBy: "SEGMENTS", SortBy: "TIMESTAMP" } },
    ),
    { name: "segments" },
  ),
};

for (const [name, file] of Object.entries(pages)) {
  for (const colorScheme of ["light", "dark"]) {
    test(`the page ${name} is accessible when it is ${colorScheme}`, async () => {
      for (const width of [1280, 360]) {
        await withPage(browser, file, { width, colorScheme }, async (page) => {
          const findings = async () => {
            await settled(page);
            await page.evaluate(axe.source);
            const { violations } = await page.evaluate(() => globalThis.axe.run());
            return violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html.slice(0, 120))]);
          };
          assert.deepEqual(await findings(), []);
          if (name !== "labels") return;
          await page.locator(".row.label").nth(1).focus();
          await page.keyboard.press("ArrowRight");
          assert.deepEqual(await findings(), []);
          await page.keyboard.press("?");
          assert.deepEqual(await findings(), []);
        });
      }
    });
  }
}

test("the index of several jobs is accessible, and links to their pages", async () => {
  const hostile = { JobId: "second", key: "<img src=x onerror=window.ran=1>.mp4" };
  const file = indexPage(directory, [dogJob(), reply(20_000, [], hostile)]);
  for (const options of [{ width: 1280 }, { width: 360, colorScheme: "dark" }]) {
    await withPage(browser, file, { ...options, isDrawn: false }, async (page) => {
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate(() => globalThis.axe.run());
      assert.deepEqual(
        violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)]),
        [],
      );
      const links = await page.locator("a").evaluateAll((all) => all.map((link) => link.getAttribute("href")));
      assert.deepEqual(links, ["job.html", "second.html"]);
      assert.equal(await page.locator("img").count(), 0);
    });
  }
});

test("lanes have a summary for screen readers", async () => {
  await withPage(browser, pages.labels, {}, async (page) => {
    const row = page.getByRole("row", { name: /Dog/ });
    assert.equal(
      await row.locator(".lane .unseen").textContent(),
      "seen from 0:00:00 to 0:00:12, in 2 parts of the video, highest confidence 95 %, 12 samples, 22 instances",
    );
    assert.equal(await page.getByRole("grid").getByRole("rowheader").count(), 6);
  });
});

test("a failed job shows why", async () => {
  await withPage(browser, pages.failed, {}, async (page) => {
    assert.match(await page.locator("#message").textContent(), /FAILED\. InvalidS3Object: <b>no video<\/b>/);
    assert.equal(await page.locator("#main").isVisible(), false);
  });
});

test("a job without labels says so", async () => {
  await withPage(browser, pages.none, {}, async (page) => {
    assert.match(await page.locator("#message").textContent(), /^No label was detected in this video\./);
  });
});

test("a job of segments has lanes and steps, but no boxes", async () => {
  await withPage(browser, pages.segments, {}, async (page) => {
    await page.locator(".row.label").first().focus();
    await page.keyboard.press("End");
    await settled(page);
    assert.equal(await page.locator("#clock").textContent(), "0:00:09.000");
    assert.deepEqual(await page.locator("#now li").allTextContents(), ["Dogsegment"]);
    assert.equal(await page.locator(".box").count(), 0);
  });
});
