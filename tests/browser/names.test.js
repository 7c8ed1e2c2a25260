// Names that look like HTML run nothing and stay as they are.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { launch, settled, withPage } from "./chromium.js";
import { detection, recordedPage, reply, workspace } from "./jobs.js";

const NAMES = [
  "</script><script>window.ran=1</script>",
  '"><img src=x onerror=window.ran=1>',
  "<img src=x onerror=window.ran=1>",
  "<!--<script>",
  "' onmouseover='window.ran=1",
  "`window.ran=1`",
  "javascript:window.ran=1",
  "{{script}}",
  "&lt;b&gt; &amp;",
  "كلب في الحديقة",
  "שלום \u202eolleh",
  "👩‍👩‍👧‍👦 🏳️‍🌈",
  "a\u2028b\u2029c",
  "W".repeat(200),
];
const KEY = "videos/<img src=x onerror=window.ran=1></title><script>window.ran=1</script> 海.mp4";

const browser = await launch(after);
const labels = [...NAMES, undefined].map((name, index) =>
  detection(500 * index, name, 90.5, [[0.1, 0.2, 0.3, 0.4]], {
    Categories: [{ Name: `${NAMES[index % 3]} category` }],
    Parents: [{ Name: NAMES[1] }],
  }),
);
const file = recordedPage(workspace(after), reply(20_000, labels, { key: KEY }));

test("names are shown as they are and run nothing", async () => {
  for (const width of [1280, 360]) {
    await withPage(browser, file, { width }, async (page) => {
      const shown = await page.locator(".row.label .name bdi").allTextContents();
      assert.deepEqual(shown.toSorted(), [...NAMES, "(no name)"].toSorted());
      assert.equal(await page.locator("#title").textContent(), KEY.split("/").pop());
      for (const [index, name] of [...NAMES, "(no name)"].entries()) {
        await page.evaluate((ms) => seek(ms), 500 * index);
        await settled(page);
        assert.equal(await page.locator(".box bdi").textContent(), name);
        await page.getByRole("searchbox").fill(name.slice(0, 30));
        await settled(page);
        await page.locator(".row.label .lane").first().hover();
      }
      await page.getByRole("searchbox").fill(`${NAMES[1]} absent`);
      await settled(page);
      assert.equal(await page.locator("#absent").textContent(), `${NAMES[1]} absent is not detected in this video.`);
      assert.equal(await page.evaluate(() => window.ran), undefined);
      assert.equal(await page.locator("img").count(), 0);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `the page is ${overflow} pixels too wide`);
    });
  }
});

test("the policy blocks a script and a handler that are injected", async () => {
  await withPage(browser, file, {}, async (page) => {
    const blocked = await page.evaluate(async () => {
      const violations = [];
      addEventListener("securitypolicyviolation", (event) => violations.push(event.effectiveDirective));
      const script = document.createElement("script");
      script.textContent = "window.ran = 1";
      document.body.append(script);
      document.body.insertAdjacentHTML("beforeend", "<button id=injected onclick='window.ran=1'>x</button>");
      document.getElementById("injected").click();
      await fetch("https://example.com/").catch(() => null);
      await new Promise((done) => setTimeout(done));
      return violations;
    });
    assert.deepEqual(blocked.toSorted(), ["connect-src", "script-src-attr", "script-src-elem"]);
    assert.equal(await page.evaluate(() => window.ran), undefined);
  }).catch((error) => {
    // Chromium logs each violation. Anything else is a problem of the page.
    if (!error.actual?.every?.((problem) => /Content Security Policy/.test(problem))) throw error;
  });
});
