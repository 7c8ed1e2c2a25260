// Chromium, and pages in it that may neither report an error nor load anything but their video.

import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const HOME = `${process.env.BROWSER_CACHE}/chromium`;

/** Starts a browser that ends with the tests of a file. */
export async function launch(after) {
  const browser = await chromium.launch({
    executablePath: `${HOME}/usr/lib/chromium/chromium`,
    // Chromium refuses its sandbox to root. The pages are our own.
    args: ["--no-sandbox", "--force-color-profile=srgb", "--font-render-hinting=none", "--disable-lcd-text"],
    env: { ...process.env, LD_LIBRARY_PATH: `${HOME}/usr/lib/x86_64-linux-gnu`, FONTCONFIG_FILE: `${HOME}/fonts.conf` },
  });
  after(() => browser.close());
  return browser;
}

/** Opens a page, and waits until its script has drawn it, unless `isDrawn` is false. `problems` gets its errors and requests. */
export async function open(
  browser,
  file,
  { width = 1280, height = 800, video = null, isDrawn = true, ...context } = {},
) {
  const opened = await browser.newContext({ viewport: { width, height }, reducedMotion: "reduce", ...context });
  const page = await opened.newPage();
  page.setDefaultTimeout(30_000);
  const problems = [];
  page.on("console", (message) => problems.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => problems.push(`error: ${error}`));
  page.on("request", (request) => {
    const url = request.url();
    const isExpected = url === pathToFileURL(file).href || url.startsWith("data:image/jpeg;");
    if (!isExpected && url !== (video && pathToFileURL(video).href)) problems.push(`request: ${url}`);
  });
  await page.goto(pathToFileURL(file).href);
  if (isDrawn) {
    await page.waitForSelector("html[data-ready]", { state: "attached" }).catch((error) => {
      throw new Error(`${error.message}\n${problems.join("\n")}`);
    });
    await settled(page);
  }
  return { page, problems, close: () => opened.close() };
}

/** Waits until everything that was requested for the next frames is drawn. */
export async function settled(page) {
  await page.evaluate(async () => {
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    for (let count = 0; count < 4; count++) await frame();
    while (blocks.pending.size > 0) await Promise.all(blocks.pending.values());
    for (let count = 0; count < 2; count++) await frame();
  });
}

/** Opens a page for a test, which fails if the page has a problem. */
export async function withPage(browser, file, options, test) {
  const { page, problems, close } = await open(browser, file, options);
  try {
    await test(page);
    assert.deepEqual(problems, []);
  } finally {
    await close();
  }
}
