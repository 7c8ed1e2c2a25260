// A test clip that has the number of each frame in its picture, as ten squares that are white for 1 and black for 0.

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { PNG } from "pngjs";
import { FRAME } from "./jobs.js";

const BITS = 10;

/** Makes a clip with ffmpeg, and returns its path. The squares are at the bottom of the frame. */
export function clip(directory, seconds, name = "clip.mp4", rate = FRAME.rate) {
  const path = join(directory, name);
  const luma = `if(gt(Y,164), if(bitand(N,pow(2,floor(X/32))),235,16), 100)`;
  const source = `color=size=320x180:rate=${rate}:duration=${seconds},format=yuv420p,geq=lum='${luma}':cb=128:cr=128`;
  const codec = ["-c:v", "libx264", "-preset", "veryfast", "-g", "50", "-crf", "20", "-movflags", "+faststart"];
  execFileSync("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", source, ...codec, path], { timeout: 60_000 });
  return path;
}

/** Returns the number of the frame that a page shows. */
export async function shownFrame(page) {
  await page.waitForFunction(() => {
    const video = document.querySelector("video");
    return !video.seeking && video.readyState >= 2;
  });
  // The frame is decoded now, and painted with one of the next frames of the page.
  await page.evaluate(async () => {
    for (let count = 0; count < 6; count++) await new Promise((done) => requestAnimationFrame(done));
  });
  const { data, width, height } = PNG.sync.read(await page.locator("#stage").screenshot());
  const luma = (x, y) => data[4 * (Math.round(y * height) * width + Math.round(x * width))];
  let frame = 0;
  for (let bit = 0; bit < BITS; bit++) {
    const white = luma((bit + 0.5) / BITS, 174 / 180);
    if (white > 60 && white < 190) throw new Error(`bit ${bit} of the frame is gray: ${white}`);
    if (white >= 190) frame += 2 ** bit;
  }
  return frame;
}
