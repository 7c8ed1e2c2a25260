// What is selected: threshold, part of the timeline, time, lane. Views register themselves and are drawn once per frame.

const state = {
  /** All labels, set when they are read. */
  labels: [],
  /** Lowest confidence of a lane in percent. With this threshold every label is visible. */
  lowest: 0,
  /** Most instances of a label at once in any lane. */
  mostInstances: 1,
  threshold: 0,
  query: "",
  sort: "time",
  all: false,
  fromMs: 0,
  toMs: timelineMs,
  timeMs: 0,
  /** Label whose lane has the focus or the pointer. Its boxes are emphasized. */
  emphasized: null,
};

/** Smallest part of the timeline that zoom shows. */
const MIN_SPAN_MS = 2000;

const drawings = new Set();
let frame = 0;

/** Draws in the next frame. Several requests for a drawing in one frame are one. */
function draw(...functions) {
  for (const drawing of functions) drawings.add(drawing);
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    const due = [...drawings];
    drawings.clear();
    for (const drawing of due) drawing();
  });
}

/** Announces a change to screen readers. */
function announce(text) {
  byId("live").textContent = text;
}

/** True if a threshold hides something. */
function isFiltered() {
  return state.threshold > state.lowest;
}

/** Returns the lowest confidence code that is visible. A confidence that is unknown is visible without a threshold only. */
function lowestCode() {
  return isFiltered() ? state.threshold + 2 : 1;
}

/** Sets what is visible of each label at the threshold. */
function applyThreshold() {
  const lowest = lowestCode();
  for (const label of state.labels) {
    label.parts = 0;
    if (!label.codes || !isFiltered()) {
      label.seenMs = label.onScreenMs;
      label.seenFirstMs = label.firstMs;
      label.seenLastMs = label.lastMs;
      label.isSeen = !isFiltered() || (label.maxConfidence ?? -1) >= state.threshold;
      label.approximate = isFiltered();
    }
    if (!label.codes) continue;
    const { codes, cellMs } = label;
    let cells = 0;
    let first = -1;
    let last = -1;
    for (let cell = 0; cell < codes.length; cell++) {
      if (codes[cell] < lowest) continue;
      cells++;
      if (last !== cell - 1 || first < 0) label.parts++;
      if (first < 0) first = cell;
      last = cell;
    }
    if (!isFiltered()) continue;
    label.isSeen = cells > 0;
    label.approximate = true;
    label.seenMs = Math.min(cells * cellMs, label.onScreenMs || cells * cellMs);
    label.seenFirstMs = first < 0 ? null : Math.max(first * cellMs, label.firstMs ?? 0);
    label.seenLastMs = last < 0 ? null : Math.min((last + 1) * cellMs, label.lastMs ?? Infinity);
  }
}

/** Shows a part of the timeline, moved and widened to what there is. */
function show(fromMs, toMs) {
  const span = Math.min(Math.max(toMs - fromMs, Math.min(MIN_SPAN_MS, timelineMs)), timelineMs);
  const middle = (fromMs + toMs) / 2;
  state.fromMs = Math.min(Math.max(middle - span / 2, 0), timelineMs - span);
  state.toMs = state.fromMs + span;
  loadVisible();
  draw(drawLanes, drawAxis, drawPlayhead);
}

/** Zooms by a factor below 1 (in) or above 1 (out) around a time, which stays in its place. */
function zoom(factor, aroundMs) {
  const span = (state.toMs - state.fromMs) * factor;
  const share = (aroundMs - state.fromMs) / (state.toMs - state.fromMs);
  const clamped = Math.min(Math.max(span, Math.min(MIN_SPAN_MS, timelineMs)), timelineMs);
  show(aroundMs - share * clamped, aroundMs + (1 - share) * clamped);
}

/** Moves the window of a zoomed timeline by a share of it. */
function pan(share) {
  const by = (state.toMs - state.fromMs) * share;
  const clamped = Math.min(Math.max(by, -state.fromMs), timelineMs - state.toMs);
  show(state.fromMs + clamped, state.toMs + clamped);
}

/** Moves the window so that a time is in it. */
function reveal(ms) {
  const span = state.toMs - state.fromMs;
  if (ms < state.fromMs || ms > state.toMs) show(ms - span / 2, ms + span / 2);
}
