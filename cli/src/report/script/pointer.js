// Mouse and touch over the timeline: tooltip, click to seek, drag and wheel to zoom.

/** Movement in pixels from which a press is a drag. */
const DRAG_FROM_PIXELS = 5;
let drag = null;

/** Returns the time at a place, in the part that is shown or, over the top lane, in the whole video. */
function timeAt(clientX, isOverview) {
  const { left, width } = laneBox();
  const share = Math.min(Math.max((clientX - left) / width, 0), 1);
  return isOverview ? share * timelineMs : state.fromMs + share * (state.toMs - state.fromMs);
}

function startPointer() {
  const lanes = byId("rows");
  lanes.addEventListener("pointerdown", (event) => {
    const lane = event.target.closest(".lane");
    if (!lane || event.button !== 0) return;
    const isOverview = byId("overview").contains(lane);
    drag = { x: event.clientX, isOverview, isMoved: false, row: lane.closest(".row.label") };
  });
  addEventListener("pointermove", (event) => {
    if (drag) moveDrag(event);
    else hover(event);
  });
  addEventListener("pointerup", endDrag);
  addEventListener("pointercancel", () => {
    drag = null;
    byId("selection").hidden = true;
  });
  lanes.addEventListener("pointerleave", () => {
    byId("tooltip").hidden = true;
    emphasize(null);
  });
  lanes.addEventListener("dblclick", (event) => {
    if (event.target.closest(".lane")) show(0, timelineMs);
  });
  lanes.addEventListener("wheel", wheel, { passive: false });
  byId("zoom-in").addEventListener("click", () => zoom(0.5, zoomCenter()));
  byId("zoom-out").addEventListener("click", () => zoom(2, zoomCenter()));
  byId("zoom-all").addEventListener("click", () => show(0, timelineMs));
}

/** Returns the time that the zoom of buttons and keys keeps in its place: the selected time if it is shown. */
function zoomCenter() {
  const isShown = state.timeMs >= state.fromMs && state.timeMs <= state.toMs;
  return isShown ? state.timeMs : (state.fromMs + state.toMs) / 2;
}

function moveDrag(event) {
  drag.isMoved ||= Math.abs(event.clientX - drag.x) >= DRAG_FROM_PIXELS;
  if (!drag.isMoved) return;
  byId("tooltip").hidden = true;
  const { left, right } = laneBox();
  const inside = (x) => Math.min(Math.max(x, left), right);
  const [from, to] = [inside(drag.x), inside(event.clientX)].toSorted((a, b) => a - b);
  const lanes = byId("rows").getBoundingClientRect();
  const selection = byId("selection");
  selection.hidden = false;
  selection.style.left = `${from + scrollX}px`;
  selection.style.width = `${to - from}px`;
  selection.style.top = `${lanes.top + scrollY}px`;
  selection.style.height = `${lanes.height}px`;
}

function endDrag(event) {
  if (!drag) return;
  const { x, isOverview, isMoved, row } = drag;
  drag = null;
  byId("selection").hidden = true;
  if (isMoved) {
    const [from, to] = [timeAt(x, isOverview), timeAt(event.clientX, isOverview)].toSorted((a, b) => a - b);
    show(from, to);
    return;
  }
  if (row) focusRow(row, { preventScroll: true });
  const ms = timeAt(event.clientX, isOverview);
  seek(ms);
  if (isOverview) reveal(ms);
}

function wheel(event) {
  const lane = event.target.closest(".lane");
  if (!lane) return;
  const isOverview = byId("overview").contains(lane) || byId("axis").contains(lane);
  const isZoomed = state.toMs - state.fromMs < timelineMs;
  if (event.ctrlKey || event.metaKey || (isOverview && Math.abs(event.deltaY) > Math.abs(event.deltaX))) {
    event.preventDefault();
    const factor = Math.exp(Math.min(Math.max(event.deltaY, -100), 100) / 250);
    zoom(factor, timeAt(event.clientX, byId("overview").contains(lane)));
  } else if (isZoomed && (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY))) {
    event.preventDefault();
    pan((event.deltaX || event.deltaY) / laneBox().width);
  }
}

/** Shows the exact values under the pointer. */
async function hover(event) {
  const lane = event.target.closest?.("#rows .lane");
  const tooltip = byId("tooltip");
  if (!lane || event.pointerType === "touch") {
    tooltip.hidden = true;
    return;
  }
  const isOverview = byId("overview").contains(lane);
  const ms = timeAt(event.clientX, isOverview);
  const label = rowLabels.get(lane.closest(".row"));
  if (label !== state.emphasized) emphasize(label ?? null);
  const { clientX, clientY } = event;
  placeTooltip(tooltipText(label, ms, isOverview, null), clientX, clientY);
  if (label?.from !== "samples") return;
  const loaded = await blocks.loadRange(ms - MAX_GAP_MS, ms + MAX_GAP_MS);
  if (tooltip.hidden || drag || tooltip.dataset.at !== `${clientX} ${clientY}`) return;
  placeTooltip(
    tooltipText(label, ms, false, sampleAt(loaded, label.index, ms) ?? nearest(loaded, label, ms)),
    clientX,
    clientY,
  );
}

/** Returns the sample of a label that the pixel at a time stands for, or null. */
function nearest(loaded, label, ms) {
  const perPixel = (state.toMs - state.fromMs) / laneBox().width;
  let best = null;
  for (const groups of loaded) {
    for (const time of groups.get(label.index)?.times ?? []) {
      const distance = Math.abs(time - ms);
      if (distance <= 2 * perPixel && (best === null || distance < Math.abs(best - ms))) best = time;
    }
  }
  return best === null ? null : sampleAt(loaded, label.index, best);
}

/** Returns the title of the tooltip and its lines. */
function tooltipText(label, ms, isOverview, sample) {
  if (!label) {
    const gap = isOverview && uncovered.find(([from, to]) => ms >= from && ms < to);
    return [clock(ms), gap ? `No label from ${clock(gap[0])} to ${clock(gap[1])}` : ""];
  }
  if (sample && sample.code >= lowestCode()) {
    return [label.shown, exactClock(sample.ms), `${percent(sample.code)} · ${boxText(sample.boxes.length)}`];
  }
  if (isUndrawn(label)) return [label.shown, clock(ms), "too few samples for a lane; zoom in"];
  const bar = bars(label, ms, ms + 1).find(([from, to]) => ms >= from && ms < to);
  if (!bar) return [label.shown, clock(ms), "not detected here"];
  const boxes = label.from === "samples" ? ` · ${bar[3] > 0 ? `up to ${count(bar[3], "box")}` : "no box"}` : "";
  return [label.shown, `${clock(bar[0])} – ${clock(bar[1])}`, `up to ${percent(bar[2])}${boxes}`];
}

function boxText(boxes) {
  return boxes > 0 ? count(boxes, "box") : "no box";
}

function placeTooltip([title, ...lines], clientX, clientY) {
  const tooltip = byId("tooltip");
  const heading = element("strong");
  heading.append(isolated(title));
  tooltip.replaceChildren(heading, ...lines.filter(Boolean).map((line) => element("span", "", line)));
  tooltip.hidden = false;
  tooltip.dataset.at = `${clientX} ${clientY}`;
  const { width, height } = tooltip.getBoundingClientRect();
  const x = Math.min(Math.max(clientX + 14, 8), document.documentElement.clientWidth - width - 8);
  const y = clientY + 20 + height > innerHeight ? clientY - height - 12 : clientY + 20;
  tooltip.style.left = `${x}px`;
  tooltip.style.top = `${y}px`;
}
