// The top lane: where any label is seen, where none is, and which part of the timeline the zoom shows. It is never zoomed.

/** Returns for each cell of the biggest labels whether any label is seen in it. */
function coverage() {
  const cellMs = finestCellMs();
  if (!cellMs) return null;
  const lowest = lowestCode();
  const covered = new Uint8Array(Math.max(1, Math.ceil(report.timelineMs / cellMs)));
  for (const label of state.labels) {
    if (!label.codes) continue;
    label.codes.forEach((code, cell) => {
      if (code < lowest) return;
      const from = Math.round((cell * label.cellMs) / cellMs);
      covered.fill(1, from, Math.round(((cell + 1) * label.cellMs) / cellMs));
    });
  }
  return { covered, cellMs };
}

/** Returns the parts of the video without a label as [from, to]. */
function gaps({ covered, cellMs }) {
  const found = [];
  covered.forEach((isCovered, cell) => {
    if (isCovered) return;
    const to = Math.min((cell + 1) * cellMs, timelineMs);
    if (found.at(-1)?.[1] === cell * cellMs) found.at(-1)[1] = to;
    else found.push([cell * cellMs, to]);
  });
  return found;
}

let uncovered = [];

/** Finds the parts without a label at the threshold, and describes them. */
function updateOverview() {
  const cover = coverage();
  uncovered = cover ? gaps(cover) : [];
  const missing = uncovered.reduce((sum, [from, to]) => sum + to - from, 0);
  byId("overview-time").textContent = cover ? clock(timelineMs - missing) : "–";
  const first = uncovered[0]?.[0] === 0 ? uncovered[0][1] : 0;
  byId("overview-first").textContent = cover && missing < timelineMs ? clock(first) : "–";
  const parts = uncovered.slice(0, 20).map(([from, to]) => `${clock(from)} to ${clock(to)}`);
  byId("overview-text").textContent =
    uncovered.length === 0
      ? "Some label is seen in every part of the video."
      : `No label for ${clock(missing)} in ${count(uncovered.length, "part")} of the video: ${parts.join(", ")}`;
  const legend = byId("legend");
  const texts = ["Shade: confidence", "Height: instances at once"];
  if (state.labels.some((label) => !label.codes))
    texts.push("Labels with few samples have a lane only when you zoom in");
  legend.replaceChildren(...texts.map((text) => element("span", "", text)));
  const hatched = element("span", "hatched", "No label detected");
  legend.append(hatched);
  draw(drawOverview);
}

function drawOverview() {
  const canvas = byId("overview").querySelector("canvas");
  const { context, width, height, ratio } = prepared(canvas);
  const style = getComputedStyle(canvas);
  const scale = width / timelineMs;
  context.fillStyle = style.color;
  context.fillRect(0, 0, width, height);
  for (const [fromMs, toMs] of uncovered) {
    const from = Math.floor(fromMs * scale);
    const to = Math.max(Math.ceil(toMs * scale), from + Math.ceil(2 * ratio));
    context.save();
    context.beginPath();
    context.rect(from, 0, to - from, height);
    context.clip();
    context.clearRect(from, 0, to - from, height);
    context.strokeStyle = style.borderTopColor;
    context.lineWidth = ratio;
    context.beginPath();
    for (let x = from - (from % (4 * ratio)) - height; x < to; x += 4 * ratio) {
      context.moveTo(x, height);
      context.lineTo(x + height, 0);
    }
    context.stroke();
    context.restore();
  }
  const zoomed = byId("window");
  const share = (ms) => `${(100 * ms) / timelineMs}%`;
  zoomed.hidden = state.toMs - state.fromMs >= timelineMs;
  zoomed.style.left = share(state.fromMs);
  zoomed.style.width = share(state.toMs - state.fromMs);
}

/** Places the pictures of the video over the axis. */
function drawThumbnails() {
  if (report.thumbnails.length === 0) return;
  const strip = element("div", "thumbnails");
  strip.setAttribute("aria-hidden", "true");
  for (const { src } of report.thumbnails) {
    const picture = element("img");
    picture.src = src;
    picture.alt = "";
    strip.append(picture);
  }
  byId("overview").querySelector(".lane").append(strip);
  byId("overview").classList.add("pictured");
}
